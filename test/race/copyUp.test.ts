/** Copy-up against everything that can come between its first look and its publish. */
import { constants } from "node:fs";
import { describe } from "vitest";
import type { Overlay, OverlayHandle } from "../../src/engine/index.js";
import { failing } from "../support/layers/hooks.js";
import type { LayerCall } from "../support/layers/intercept.js";
import { race } from "./explore.js";
import type { Operation } from "./history.js";

const { O_APPEND, O_WRONLY } = constants;
const copyUp = (path: string): Operation => (o) => o.copyUp(path);

/** In place: the file is opened under its name, then written, wherever it is by then (as with open and write). */
function append(path: string, text: string): Operation {
  let file: OverlayHandle | undefined;
  const parts: Operation[] = [
    async (o) => { file = await o.open(path, O_WRONLY | O_APPEND); },
    async () => {
      await file?.write(new TextEncoder().encode(text));
      await file?.close();
      file = undefined;
    },
  ];
  return Object.assign((o: Overlay) => o.append(path, text), { parts });
}

const dataCopies = (path: string) => (calls: readonly LayerCall[]) => {
  const opened = calls.filter((call) => call.layer === "base" && call.name === "openRead" && call.path === path);
  const staged = calls.filter((call) => call.name === "create" && call.path.startsWith("work/"));
  return staged.length <= 1 ? undefined : `INV-5 ${String(staged.length)} copies, ${String(opened.length)} opened`;
};

describe("copy-up and copy-up", () => {
  race("of one file", { a: copyUp("/a"), b: copyUp("/a"), see: ["/a"], check: dataCopies("a") });
  race("of one file, to append to it", { a: append("/d/x", "1"), b: append("/d/x", "2"), see: ["/d/x", "/d"] });
  race("of two files in a folder that is not in upper yet", { a: append("/d/x", "1"), b: append("/d/y", "2"), see: ["/d", "/d/x"] });
  race("of a folder and of a file in it", { a: (o) => o.chmod("/d", 0o700), b: append("/d/e/z", "2"), see: ["/d", "/d/e/z"] });
});

describe("copy-up and unlink", () => {
  race("of the same file", { a: copyUp("/d/x"), b: (o) => o.unlink("/d/x"), see: ["/d/x", "/d"] });
  race("of the same file, for an append", { a: append("/a", "1"), b: (o) => o.unlink("/a"), see: ["/a", "/"] });
  race("of a sibling", { a: append("/d/x", "1"), b: (o) => o.unlink("/d/y"), see: ["/d/x", "/d/y", "/d"] });
});

describe("copy-up and what happens to the folders above it", () => {
  race("rmdir of the parent", { a: (o) => o.createDirectory("/empty/n"), b: (o) => o.rmdir("/empty"), see: ["/empty", "/empty/n"] });
  race("rmdir of a parent that is not empty", { a: copyUp("/d/e/z"), b: (o) => o.rmdir("/d/e"), see: ["/d/e", "/d/e/z"] });
  race("rmdir of a parent whose content was deleted", { scratch: { "upper/d/e/.wh.z": "" }, a: (o) => o.reset("/d/e/z"), b: (o) => o.rmdir("/d/e"), see: ["/d/e", "/d/e/z"] });
  race("recursive delete", { a: append("/d/e/z", "1"), b: (o) => o.remove("/d", { recursive: true }), see: ["/d", "/d/e", "/d/e/z"] });
  race("recursive delete of a folder that is in upper", { scratch: { "upper/d/x": "up" }, a: append("/d/e/z", "1"), b: (o) => o.remove("/d", { recursive: true }), see: ["/d", "/d/x", "/d/e/z"] });
  race("rename of the folder", { a: copyUp("/d/x"), b: (o) => o.rename("/d", "/q"), see: ["/d/x", "/q/x", "/d", "/q"] });
  race("rename of the folder two above", { a: append("/d/e/z", "1"), b: (o) => o.rename("/d", "/empty"), see: ["/d/e/z", "/empty/e/z", "/empty"] });
});

describe("copy-up and rename", () => {
  race("of the source", { a: copyUp("/a"), b: (o) => o.rename("/a", "/c"), see: ["/a", "/c"] });
  race("of the source, for an append", { a: append("/d/x", "1"), b: (o) => o.rename("/d/x", "/x"), see: ["/d/x", "/x"] });
  race("over the target", { a: copyUp("/a"), b: (o) => o.rename("/b", "/a"), see: ["/a", "/b"] });
  race("over the target, for an append", { a: append("/a", "1"), b: (o) => o.rename("/d/x", "/a"), see: ["/a", "/d/x"] });
  race("over the target, for a chmod", { a: (o) => o.chmod("/b", 0o600), b: (o) => o.rename("/a", "/b"), see: ["/a", "/b"] });
});

describe("a failing copy-up and one that waits for it", () => {
  const full = () => failing((call) => call.name === "handle.write" && call.path.startsWith("work/"), "ENOSPC", { times: 1 });
  race("of one file", { fault: full, a: append("/a", "1"), b: append("/a", "2"), see: ["/a"] });
  race("of a file and of its folder's chmod", { fault: () => failing((call) => call.name === "makeDirectory", "EIO", { times: 1 }), a: append("/d/x", "1"), b: (o) => o.chmod("/d", 0o700), see: ["/d/x", "/d"] });
  race("that publishes in vain", { fault: () => failing((call) => call.name === "link", "EIO", { times: 1 }), a: append("/a", "1"), b: append("/a", "2"), see: ["/a"] });
});

describe("copy-up and readers", () => {
  const readAll: Operation = async (o) => {
    const file = await o.open("/d/x");
    try {
      const buffer = new Uint8Array(16);
      return buffer.subarray(0, await file.read(buffer, 0));
    } finally {
      await file.close();
    }
  };
  race("open for reading", { a: readAll, b: append("/d/x", "1"), see: ["/d/x"] });
  race("stat", { a: async (o) => (await o.stat("/d/x")).size, b: append("/d/x", "1"), see: ["/d/x", "/d"] });
  race("readdir", { a: async (o) => (await o.readDirectory("/d")).map(({ name }) => name).sort(), b: copyUp("/d/x"), see: ["/d", "/d/x"] });
  race("readdir and the first change in a folder", { a: async (o) => (await o.readDirectory("/d/e")).map(({ name }) => name).sort(), b: (o) => o.rename("/d/e/z", "/d/e/w"), see: ["/d/e"] });
});

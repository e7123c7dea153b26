/** Copy-up against everything that can come between its first look and its publish. */
import { failing } from "../support/layers/hooks.js";
import type { LayerCall } from "../support/layers/intercept.js";
import { races } from "./explore.js";
import type { Operation } from "./history.js";
import { append, copyUp, writeAt } from "./operations.js";

const dataCopies = (path: string) => (calls: readonly LayerCall[]) => {
  const opened = calls.filter((call) => call.layer === "base" && call.name === "openRead" && call.path === path);
  const staged = calls.filter((call) => call.name === "create" && call.path.startsWith("work/"));
  return staged.length <= 1 ? undefined : `INV-5 ${String(staged.length)} copies, ${String(opened.length)} opened`;
};

races("copy-up and copy-up", {
  "of one file": { a: copyUp("/a"), b: copyUp("/a"), see: ["/a"], check: dataCopies("a") },
  "of one file, to append to it": { a: append("/d/x", "1"), b: append("/d/x", "2"), see: ["/d/x", "/d"] },
  "of two files in a folder that is not in upper yet": { a: append("/d/x", "1"), b: append("/d/y", "2"), see: ["/d", "/d/x"] },
  "of two files in a folder that is in upper": { scratch: { "upper/d/": null }, a: append("/d/x", "1"), b: append("/d/y", "2"), see: ["/d", "/d/x"] },
  "of a folder and of a file in it": { a: (o) => o.chmod("/d", 0o700), b: append("/d/e/z", "2"), see: ["/d", "/d/e/z"] },
});

races("copy-up and unlink", {
  "of the same file": { a: copyUp("/d/x"), b: (o) => o.unlink("/d/x"), see: ["/d/x", "/d"] },
  "of the same file, for an append": { a: append("/a", "1"), b: (o) => o.unlink("/a"), see: ["/a", "/"] },
  "of a sibling": { a: append("/d/x", "1"), b: (o) => o.unlink("/d/y"), see: ["/d/x", "/d/y", "/d"] },
});

races("copy-up and rmdir of the parent", {
  "rmdir of the parent": { a: (o) => o.createDirectory("/empty/n"), b: (o) => o.rmdir("/empty"), see: ["/empty", "/empty/n"] },
  "rmdir of a parent that is not empty": { a: copyUp("/d/e/z"), b: (o) => o.rmdir("/d/e"), see: ["/d/e", "/d/e/z"] },
  "rmdir of a parent whose content was deleted": { scratch: { "upper/d/e/.wh.z": "" }, a: (o) => o.reset("/d/e/z"), b: (o) => o.rmdir("/d/e"), see: ["/d/e", "/d/e/z"] },
});

races("copy-up and recursive delete", {
  "of the folder above": { a: append("/d/e/z", "1"), b: (o) => o.remove("/d", { recursive: true }), see: ["/d", "/d/e", "/d/e/z"] },
  "recursive delete of a folder that is in upper": { scratch: { "upper/d/x": "up" }, a: append("/d/e/z", "1"), b: (o) => o.remove("/d", { recursive: true }), see: ["/d", "/d/x", "/d/e/z"] },
});

races("copy-up and rename of a folder above", {
  "of its folder": { a: copyUp("/d/x"), b: (o) => o.rename("/d", "/q"), see: ["/d/x", "/q/x", "/d", "/q"] },
  "rename of the folder two above": { a: append("/d/e/z", "1"), b: (o) => o.rename("/d", "/empty"), see: ["/d/e/z", "/empty/e/z", "/empty"] },
});

races("copy-up and rename of the source", {
  "itself": { a: copyUp("/a"), b: (o) => o.rename("/a", "/c"), see: ["/a", "/c"] },
  "for an append": { a: append("/d/x", "1"), b: (o) => o.rename("/d/x", "/x"), see: ["/d/x", "/x"] },
});

races("copy-up and overwriting rename of the target", {
  "itself": { a: copyUp("/a"), b: (o) => o.rename("/b", "/a"), see: ["/a", "/b"] },
  "for an append": { a: append("/a", "1"), b: (o) => o.rename("/d/x", "/a"), see: ["/a", "/d/x"] },
  "for a chmod": { a: (o) => o.chmod("/b", 0o600), b: (o) => o.rename("/a", "/b"), see: ["/a", "/b"] },
});

const full = () => failing((call) => call.name === "handle.write" && call.path.startsWith("work/"), "ENOSPC", { times: 1 });

races("a failing copy-up and one that waits for it", {
  "of one file": { fault: full, a: append("/a", "1"), b: append("/a", "2"), see: ["/a"] },
  "of a file and of its folder's chmod": { fault: () => failing((call) => call.name === "makeDirectory", "EIO", { times: 1 }), a: append("/d/x", "1"), b: (o) => o.chmod("/d", 0o700), see: ["/d/x", "/d"] },
  "that publishes in vain": { fault: () => failing((call) => call.name === "link", "EIO", { times: 1 }), a: append("/a", "1"), b: append("/a", "2"), see: ["/a"] },
});

const readAll: Operation = async (o) => {
  const file = await o.open("/d/x");
  try {
    const buffer = new Uint8Array(16);
    return buffer.subarray(0, await file.read(buffer, 0));
  } finally {
    await file.close();
  }
};

races("copy-up and readers", {
  "open for reading": { a: readAll, b: append("/d/x", "1"), see: ["/d/x"] },
  "stat": { a: async (o) => (await o.stat("/d/x")).size, b: append("/d/x", "1"), see: ["/d/x", "/d"] },
  "readdir": { a: async (o) => (await o.readDirectory("/d")).map(({ name }) => name).sort(), b: copyUp("/d/x"), see: ["/d", "/d/x"] },
  "readdir and the first change in a folder": { a: async (o) => (await o.readDirectory("/d/e")).map(({ name }) => name).sort(), b: (o) => o.rename("/d/e/z", "/d/e/w"), see: ["/d/e"] },
});

/** The same where the scratch copies small files and publishes them in one step each. */
const oneStep = { disk: { oneStep: true } } as const;
const inOneStep = (name: string, code: "EIO" | "EEXIST") => () => failing((call) => call.name === name, code, { times: 1 });

races("copy-up in one step each", {
  "of one file, twice": { ...oneStep, a: append("/d/x", "1"), b: append("/d/x", "2"), see: ["/d/x", "/d"] },
  "of two files of a folder": { ...oneStep, a: append("/d/x", "1"), b: append("/d/y", "2"), see: ["/d", "/d/x"] },
  "and unlink": { ...oneStep, a: append("/a", "1"), b: (o) => o.unlink("/a"), see: ["/a", "/"] },
  "and rename of its folder": { ...oneStep, a: copyUp("/d/x"), b: (o) => o.rename("/d", "/q"), see: ["/d/x", "/q/x", "/d", "/q"] },
  "and rename of the source": { ...oneStep, a: append("/d/x", "1"), b: (o) => o.rename("/d/x", "/x"), see: ["/d/x", "/x"] },
  "and another one renamed over it": { ...oneStep, a: append("/a", "1"), b: (o) => o.rename("/d/x", "/a"), see: ["/a", "/d/x"] },
  "and recursive delete of a folder that is in upper": { ...oneStep, scratch: { "upper/d/x": "up" }, a: append("/d/e/z", "1"), b: (o) => o.remove("/d", { recursive: true }), see: ["/d", "/d/x", "/d/e/z"] },
  "where the copy fails": { ...oneStep, fault: inOneStep("copySmall", "EIO"), a: append("/a", "1"), b: append("/a", "2"), see: ["/a"] },
  "where the publish fails": { ...oneStep, fault: inOneStep("publishCopy", "EIO"), a: append("/a", "1"), b: append("/a", "2"), see: ["/a"] },
  "where the publish says that the name is taken": { ...oneStep, fault: inOneStep("publishCopy", "EEXIST"), a: append("/a", "1"), b: append("/a", "2"), see: ["/a"] },
});

/** A folder that its owner, an ordinary user, may not write to: made writable for the moment of each change. */
const fixed = { writableMeanwhile: true, disk: { uid: 1000 }, base: { "d/x": "X", "d/y": "Y", "d/e/z": "Z", "d/g/h": "H" }, scratch: { "upper/d": { directory: true, mode: 0o555 } } } as const;

races("copy-ups in a folder of mode 0555", {
  "of two files": { ...fixed, a: append("/d/x", "1"), b: append("/d/y", "2"), see: ["/d", "/d/x", "/d/y"] },
  "of a file and a folder": { ...fixed, a: append("/d/x", "1"), b: append("/d/e/z", "2"), see: ["/d", "/d/x", "/d/e"] },
  "of two folders": { ...fixed, a: append("/d/e/z", "1"), b: append("/d/g/h", "2"), see: ["/d", "/d/e/z", "/d/g/h"] },
  "and its chmod": { ...fixed, a: append("/d/x", "1"), b: (o) => o.chmod("/d", 0o755), see: ["/d", "/d/x"] },
});

const open = (path: string, flags: string | number): Operation => async (o) => { await (await o.open(path, flags)).close(); };
const full1 = () => failing((call) => call.name === "handle.write" && call.path === "upper/u", "ENOSPC", { times: 1 });

races("opening beside others", {
  "copy-up beside a handle": { scratch: { "upper/d/y": "up" }, a: copyUp("/d/x"), b: writeAt("/d/y", "#", 1), see: ["/d", "/d/x", "/d/y"] },
  "two handles of one lower file": { a: writeAt("/d/x", "1", 1), b: writeAt("/d/x", "2", 2), see: ["/d/x"], inPlace: true },
  "emptied and added to": { scratch: { "upper/u": "up" }, a: open("/u", "w"), b: append("/u", "1"), see: ["/u"], inPlace: true },
  "emptied and added to in vain": { scratch: { "upper/u": "up" }, fault: full1, a: open("/u", "w"), b: append("/u", "1"), see: ["/u"], inPlace: true },
  "emptied and written over": { scratch: { "upper/u": "up" }, a: open("/u", "w"), b: (o) => o.writeFile("/u", "anew"), see: ["/u"], inPlace: true },
  "a lower file emptied and added to": { a: open("/d/x", "w"), b: append("/d/x", "1"), see: ["/d/x"], inPlace: true },
});

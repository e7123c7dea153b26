/** Snapshots on a real disk: the manifest that is left, what an older reader sees in it, and what is refused. */
import * as fs from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type OpenOverlay, openOverlay } from "../../src/host/index.js";
import { parseManifest } from "../../src/host/manifest.js";
import { codeOf } from "../support/world.js";
import { temporaryFolder } from "../support/layers/hosts.js";

let root: string;
let base: string;
let scratch: string;
const opened: OpenOverlay[] = [];
const open = async () => {
  const overlay = await openOverlay({ base, scratch, durability: "none" });
  opened.push(overlay);
  return overlay;
};
const text = async (overlay: OpenOverlay, path: string) => Buffer.from(await overlay.readFile(path)).toString();

beforeEach(() => {
  root = temporaryFolder("layers");
  base = join(root, "base");
  scratch = join(root, "scratch");
  fs.mkdirSync(join(base, "d"), { recursive: true });
  fs.writeFileSync(join(base, "a"), "A");
  fs.writeFileSync(join(base, "d", "x"), "X");
});
afterEach(async () => {
  for (const overlay of opened.splice(0)) await overlay.dispose();
  fs.rmSync(root, { recursive: true, force: true });
});

test("snapshots, a reset past them and its undo, each found again by the next process", async () => {
  let overlay = await open();
  await overlay.append("/a", "1");
  await overlay.takeSnapshot("one");
  await overlay.append("/a", "2");
  await overlay.rename("/d", "/q");
  await overlay.takeSnapshot("two");
  await overlay.append("/q/x", "3");
  expect(overlay.manifest.snapshots).toEqual(["layers/2", "layers/1"]);
  await overlay.dispose();
  overlay = await open();
  expect((await overlay.snapshots()).map(({ name }) => name)).toEqual(["two", "one"]);
  expect([await text(overlay, "/a"), await text(overlay, "/q/x")]).toEqual(["A12", "X3"]);
  await overlay.resetTo("base");
  expect(overlay.manifest.snapshots).toEqual([]);
  expect(await text(overlay, "/a")).toBe("A");
  await overlay.dispose();
  overlay = await open();
  const [item] = await overlay.dropped();
  expect(item).toMatchObject({ what: "reset-to", snapshots: [{ name: "two" }, { name: "one" }] });
  await overlay.bringBack(item?.id ?? "");
  expect([await text(overlay, "/a"), await text(overlay, "/q/x")]).toEqual(["A12", "X3"]);
  const { id } = await overlay.squash();
  expect((await overlay.snapshots()).map((snapshot) => snapshot.id)).toEqual([id]);
  expect([await text(overlay, "/a"), await text(overlay, "/q/x")]).toEqual(["A12", "X3"]);
  expect(await overlay.changes("/", { since: "base" })).toMatchObject([{ kind: "copied", path: "/a" }, { kind: "deleted", path: "/d" }, { kind: "renamed", path: "/q", from: "/d" }, { kind: "copied", path: "/q/x" }]);
  await overlay.dispose();
  overlay = await open();
  expect([await text(overlay, "/a"), await text(overlay, "/q/x")]).toEqual(["A12", "X3"]);
  await overlay.dispose(); // waits for what is deleted behind everybody's back
  expect(fs.readdirSync(join(scratch, "layers"))).toHaveLength(1);
  expect([fs.readFileSync(join(base, "a"), "utf8"), fs.readdirSync(base)]).toEqual(["A", ["a", "d"]]);
});

test("what another program wrote into the manifest meanwhile stays", async () => {
  const overlay = await open();
  const path = join(scratch, "overlay.json");
  fs.writeFileSync(path, JSON.stringify({ ...(JSON.parse(fs.readFileSync(path, "utf8")) as object), name: "renamed" }));
  await overlay.takeSnapshot();
  expect(JSON.parse(fs.readFileSync(path, "utf8"))).toMatchObject({ format: 1, name: "renamed", snapshots: ["layers/1"] });
});

const good = { format: 1, id: "i", name: "n", base: "/b", snapshots: ["layers/1"], created: 1, caseSensitive: true };
const one = { id: "s", path: "layers/1", name: "one", created: 2 };

test("a list of snapshots alone is enough, as an older version wrote it", () => {
  expect(parseManifest(JSON.stringify(good), "p").layers).toMatchObject({ next: 2, snapshots: [{ id: "layers/1", path: "layers/1", created: 1 }], dropped: [], doomed: [] });
  expect(parseManifest(JSON.stringify({ ...good, layers: { next: 7, about: [one] } }), "p").layers).toMatchObject({ next: 7, snapshots: [one] });
});

test("what is listed is never deleted, whatever else the manifest says of it", () => {
  expect(parseManifest(JSON.stringify({ ...good, layers: { doomed: ["layers/1", "layers/2"] } }), "p").layers?.doomed).toEqual(["layers/2"]);
});

test.each<[string, unknown]>([
  ["no object", []], ["a number that is none", { next: "7" }], ["a number below one", { next: 0 }], ["snapshots that are no list", { about: {} }],
  ["a snapshot without a name", { about: [{ ...one, name: 1 }] }], ["a snapshot outside", { about: [{ ...one, path: "../x" }] }],
  ["something dropped outside", { dropped: [{ id: "d", when: 1, upper: "/etc", snapshots: [] }] }], ["something dropped without an id", { dropped: [{ when: 1, upper: "layers/3", snapshots: [] }] }],
  ["something to restore outside", { restore: "layers/../../x" }], ["something to delete outside", { doomed: ["upper"] }],
])("damaged layers are refused: %s", async (_, layers) => {
  expect(await codeOf(Promise.resolve().then(() => parseManifest(JSON.stringify({ ...good, layers }), "p")))).toBe("EINVAL");
});

test("a symlink in the place of what was dropped is not brought back", async () => {
  const overlay = await open();
  await overlay.writeFile("/n", "n");
  await overlay.reset();
  fs.renameSync(join(scratch, "layers", "1"), join(root, "elsewhere"));
  fs.symlinkSync(join(root, "elsewhere"), join(scratch, "layers", "1"));
  const [item] = await overlay.dropped();
  expect(await codeOf(overlay.bringBack(item?.id ?? ""))).toBe("EINVAL");
});

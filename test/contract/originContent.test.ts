/** What the base had when a change was made from it, out of a real git repository: found only where it is that very content, and nothing is written. */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, realpathSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openOverlay, type OpenOverlay, originContent } from "../../src/host/index.js";
import { onDisk } from "../interop/carryWorld.js";
import { temporaryFolder } from "../support/layers/hosts.js";

let own: string;
let repository: string;
let base: string;
let overlay: OpenOverlay;
const git = (...args: string[]): string => execFileSync("git", ["-C", repository, "-c", "user.name=n", "-c", "user.email=e@x", "-c", "commit.gpgsign=false", ...args], { stdio: ["ignore", "pipe", "ignore"] }).toString();
const commit = (): string => git("commit", "-qam", "m");

/** The base is a folder inside the repository. */
beforeEach(async () => {
  own = realpathSync(temporaryFolder("origin"));
  repository = join(own, "repository");
  base = join(repository, "base");
  mkdirSync(join(base, "d"), { recursive: true });
  git("init", "-q");
  for (const [path, text] of Object.entries({ "f": "one\n", "d/g": "g\n", ":(odd) *": "odd\n" })) writeFileSync(join(base, path), text);
  git("add", ".");
  commit();
  overlay = await openOverlay({ base, scratch: join(own, "scratch") });
});
afterEach(async () => {
  await overlay.dispose();
  rmSync(own, { recursive: true, force: true });
});

/** The hash is taken when nothing goes on; asking the overlay for it would be something that goes on. The file comes behind the first operation. */
async function hashed(lower: string): Promise<void> {
  const file = join(own, "scratch", "origins");
  const noted = (): string => (existsSync(file) ? readFileSync(file, "utf8") : "");
  while (!noted().includes(`{"hash":${JSON.stringify(lower)}`)) await new Promise((resolve) => { setTimeout(resolve, 50); });
}

async function found(path: string): Promise<string> {
  const origin = await originContent(overlay, path);
  return origin.kind === "found" ? Buffer.from(origin.content).toString() : origin.kind;
}

/** Others go on, and the repository with them. */
function moved(path: string, text: string): void {
  writeFileSync(join(base, path), text);
}

test("a version of the branch: after commits, in the index alone, under another name in the overlay", async () => {
  await overlay.append("/f", "mine");
  await overlay.rename("/d", "/e");
  await overlay.append("/e/g", "mine");
  await overlay.unlink("/:(odd) *");
  for (const path of ["/f", "/d/g", "/:(odd) *"]) await hashed(path);
  for (const path of ["f", "d/g", ":(odd) *"]) moved(path, "others\n");
  expect(await found("/f"), "in the index").toBe("one\n");
  commit();
  for (let i = 0; i < 3; i++) {
    moved("f", `others ${String(i)}\n`);
    commit();
  }
  const before = onDisk(repository, "full");
  expect(await found("/f")).toBe("one\n");
  expect(await found("/e/g")).toBe("g\n");
  expect(await found("/:(odd) *"), "a deleted one, whose name says something to git").toBe("odd\n");
  expect(onDisk(repository, "full"), "INV-1 .git included").toEqual(before);
});

test("a version that only the stash, another branch, or the reflog has", async () => {
  moved("f", "stashed\n");
  await overlay.append("/f", "mine");
  await hashed("/f");
  git("stash");
  expect(await found("/f")).toBe("stashed\n");
  git("stash", "drop");
  git("checkout", "-qb", "other");
  moved("d/g", "on the other\n");
  await overlay.append("/d/g", "mine");
  await hashed("/d/g");
  commit();
  git("checkout", "-q", "-");
  expect(await found("/d/g")).toBe("on the other\n");
  git("branch", "-D", "other");
  expect(await found("/d/g")).toBe("on the other\n");
});

test("through snapshots", async () => {
  await overlay.append("/f", "mine");
  await hashed("/f");
  await overlay.takeSnapshot();
  await overlay.append("/f", "more");
  moved("f", "others\n");
  commit();
  expect(await found("/f")).toBe("one\n");
});

test("what was never committed, of the same size, is not taken for it", async () => {
  moved("f", "two\n");
  await overlay.append("/f", "mine");
  await hashed("/f");
  moved("f", "six\n");
  expect(await found("/f")).toBe("notInHistory");
});

test("no repository, no git, no record: each is told apart", async () => {
  await overlay.append("/f", "mine");
  await overlay.writeFile("/new", "new");
  await hashed("/f");
  expect(await found("/new")).toBe("unknown");
  const path = process.env["PATH"];
  process.env["PATH"] = join(own, "nowhere");
  expect(await found("/f")).toBe("noHistory");
  process.env["PATH"] = path;
  rmSync(join(repository, ".git"), { recursive: true });
  expect(await found("/f")).toBe("noHistory");
});

test("no program that the repository names is run", async () => {
  const [trap, sprung] = [join(own, "trap"), join(own, "sprung")];
  writeFileSync(trap, `#!/bin/sh\ntouch '${sprung}'\n`);
  chmodSync(trap, 0o755);
  await overlay.append("/f", "mine");
  await hashed("/f");
  moved("f", "others\n");
  commit();
  for (const name of ["core.fsmonitor", "core.pager", "gpg.program", "diff.external", "diff.trap.textconv", "filter.trap.smudge", "filter.trap.clean", "core.sshCommand", "alias.log"]) git("config", name, name === "alias.log" ? `!${trap}` : trap);
  git("config", "log.showSignature", "true");
  writeFileSync(join(repository, ".gitattributes"), "* diff=trap filter=trap\n");
  expect(await found("/f")).toBe("one\n");
  unlinkSync(trap);
  expect(() => { unlinkSync(sprung); }).toThrow(/ENOENT/);
});

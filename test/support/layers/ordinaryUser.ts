/**
 * What an ordinary user meets: permissions. The same steps on both hosts; as a script (node host) it prints the answers,
 * because root has to become somebody else first, in a process of its own.
 */
import { codeOf } from "../../../src/engine/errors.js";
import { MemoryDisk } from "../../../src/host/memoryDisk.js";
import { makeMemoryHost, makeNodeHost, makeThreadHost } from "./hosts.js";
import type { TestHost } from "./hosts.js";

type Step = (host: TestHost) => Promise<unknown>;

const close = async (handle: Promise<{ close(): Promise<void> }>): Promise<void> => (await handle).close();

/** Where a host does not have it, by what it stands for. */
async function copySmall(h: TestHost, from: string, to: string): Promise<void> {
  const stat = await h.scratch.lstat(from);
  const copy = await h.scratch.copySmall?.(h.scratch, from, to, stat);
  if (copy !== undefined) return copy.file.close();
  await close(h.scratch.openRead(from));
  await close(h.scratch.create(to, 0o600));
}

async function publish(h: TestHost, to: string, staged = "readable") {
  const outcome = await h.scratch.publishCopy?.(staged, to, h.scratch, "readable", await h.scratch.fingerprint("readable"));
  if (outcome === undefined) await h.scratch.link(staged, to);
  return outcome;
}

/** Each with what it must answer: a code, or "ok". */
export const ordinarySteps: readonly (readonly [string, string, Step])[] = [
  ["read a file of mode 000", "EACCES", (h) => h.scratch.readFile("secret")],
  ["open it", "EACCES", (h) => h.scratch.openRead("secret")],
  ["look at it", "ok", (h) => h.scratch.lstat("secret")],
  ["open a file of mode 444 to write", "EACCES", (h) => h.scratch.openWrite("readable", {})],
  ["chmod a file of mode 000", "ok", (h) => h.scratch.chmod("secret", 0o600)],
  ["read it then", "ok", (h) => h.scratch.readFile("secret")],
  ["create, mode 000, and write", "ok", async (h) => {
    const handle = await h.scratch.create("made", 0);
    await handle.write(new Uint8Array(3), 0);
    await handle.close();
  }],
  ["list a directory of mode 311", "EACCES", (h) => h.scratch.readDirectory("hidden")],
  ["look at what is in it", "ok", (h) => h.scratch.lstat("hidden/f")],
  ["look at what is in one of mode 600", "EACCES", (h) => h.scratch.lstat("closed/f")],
  ["chmod a directory of mode 000", "ok", (h) => h.scratch.chmod("shut", 0o755)],
  ["create in a directory of mode 555", "EACCES", (h) => h.scratch.create("fixed/x", 0o644)],
  ["mkdir in it", "EACCES", (h) => h.scratch.makeDirectory("fixed/x", 0o755)],
  ["unlink in it", "EACCES", (h) => h.scratch.unlink("fixed/f")],
  ["rename out of it", "EACCES", (h) => h.scratch.rename("fixed/f", "f")],
  ["link into it", "EACCES", (h) => h.scratch.link("readable", "fixed/x")],
  ["rename it within its parent", "ok", (h) => h.scratch.rename("fixed", "renamed")],
  ["move it to another parent", "EACCES", (h) => h.scratch.rename("renamed", "open/renamed")],
  ["move it, made writable", "ok", async (h) => {
    await h.scratch.chmod("renamed", 0o755);
    await h.scratch.rename("renamed", "open/renamed");
  }],
  ["give a file away", "EPERM", (h) => h.scratch.chown("readable", 0, -1)],
  ["keep it", "ok", (h) => h.scratch.chown("readable", -1, -1)],
  ["write takes the set-id bits away", "ok", async (h) => {
    await close(h.scratch.create("set", 0o755));
    await h.scratch.chmod("set", 0o6755);
    const handle = await h.scratch.openWrite("set", {});
    await handle.write(new Uint8Array(1), 0);
    await handle.close();
    const { mode } = await h.scratch.lstat("set");
    if (mode !== 0o755) throw new Error(`mode ${mode.toString(8)}`);
  }],
  ["copy a file of mode 000 in one step", "EACCES", (h) => copySmall(h, "unread", "copied")],
  ["copy one into a directory of mode 555", "EACCES", (h) => copySmall(h, "readable", "stiff/copied")],
  ["publish into it", "EACCES", (h) => publish(h, "stiff/published")],
  ["publish out of it: the staged name stays", "ok", async (h) => {
    const outcome = await publish(h, "published", "stiff/f");
    if (outcome !== "linked" && outcome !== undefined) throw new Error(outcome);
  }],
  ["privileged", "ok", async (h) => { if (h.scratch.privileged) throw new Error("privileged"); }],
];

export async function ordinaryAnswers(host: TestHost): Promise<Record<string, string>> {
  await host.plantScratch({
    secret: { file: "s" }, readable: { file: "r", mode: 0o444 }, "hidden/f": "1", "closed/f": "1", "fixed/f": "1", "shut/": "", "open/": "", "stiff/f": "1", "unread": "u",
  });
  const modes: Record<string, number> = { secret: 0, hidden: 0o311, closed: 0o600, fixed: 0o555, shut: 0, stiff: 0o555, unread: 0 };
  for (const [path, mode] of Object.entries(modes)) await host.scratch.chmod(path, mode);
  const answers: Record<string, string> = {};
  for (const [title, , step] of ordinarySteps) {
    answers[title] = await step(host).then(() => "ok", (error: unknown) => codeOf(error) ?? String(error));
  }
  for (const path of ["hidden", "closed", "open/renamed", "stiff"]) await host.scratch.chmod(path, 0o755).catch(() => undefined);
  return answers;
}

export function ordinaryMemoryHost(): TestHost {
  const host = makeMemoryHost(new MemoryDisk({ uid: 1000, gid: 1000, oneStep: true }));
  return host;
}

const [, , how = ""] = process.argv;
if (how.startsWith("answer")) {
  const host = await (how === "answer" ? makeNodeHost() : makeThreadHost());
  console.log(JSON.stringify(await ordinaryAnswers(host)));
  await host.dispose();
}

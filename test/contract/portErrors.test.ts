// Every method of the ports with every error it can be brought to, on both hosts: a row each.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { LayerError } from "../../src/engine/errors.js";
import type { ErrorCode } from "../../src/engine/errors.js";
import { hostKinds, remoteKind } from "../support/layers/hosts.js";
import type { PlantTree, TestHost } from "../support/layers/hosts.js";

const longName = "n".repeat(256);
const longPath = "d/".repeat(2100) + "x";

/** The same on base and scratch, so that any row can use either. */
const tree: PlantTree = {
  "f": "text", "d/": "", "full/x": "1", "empty/": "", "toFile": { symlink: "f" }, "toDirectory": { symlink: "d" }, "nowhere": { symlink: "gone" },
  "loop": { symlink: "loop" }, "fifo": { special: "fifo" }, "socket": { special: "socket" },
};

interface Row {
  readonly title: string;
  readonly code: ErrorCode;
  /** The call named in the error. */
  readonly call: string;
  readonly run: (host: TestHost) => Promise<unknown>;
}

const bytes = new Uint8Array(1);

/** What every call on a path answers when the path leads nowhere. */
function everyPathCall(call: string, run: (host: TestHost, path: string) => Promise<unknown>): Row[] {
  return [
    { title: `${call} of nothing`, code: "ENOENT", call, run: (h) => run(h, "gone") },
    { title: `${call} beneath nothing`, code: "ENOENT", call, run: (h) => run(h, "gone/x") },
    { title: `${call} beneath a file`, code: "ENOTDIR", call, run: (h) => run(h, "f/x") },
    { title: `${call} beneath a symlink loop`, code: "ELOOP", call, run: (h) => run(h, "loop/x") },
    { title: `${call} of a name of 256 bytes`, code: "ENAMETOOLONG", call, run: (h) => run(h, longName) },
    { title: `${call} of a path of 4096 bytes`, code: "ENAMETOOLONG", call, run: (h) => run(h, longPath) },
    { title: `${call} of a path with NUL`, code: "EINVAL", call, run: (h) => run(h, "f\0x") },
  ];
}

/** What every call that makes a name answers when it cannot. */
function everyMaking(call: string, run: (host: TestHost, path: string) => Promise<unknown>): Row[] {
  const taken = ["f", "d", "nowhere", "toDirectory", "fifo"];
  return [
    ...everyPathCall(call, run).filter((row) => !row.title.endsWith("of nothing")),
    ...taken.map((name): Row => ({ title: `${call} over '${name}'`, code: "EEXIST", call, run: (h) => run(h, name) })),
  ];
}

const opening = (name: string, run: (host: TestHost, path: string) => Promise<unknown>): Row[] => [
  ...everyPathCall("open", run).map((row) => ({ ...row, title: `${name}: ${row.title}` })),
  { title: `${name} of a directory`, code: "EISDIR", call: "open", run: (h) => run(h, "d") },
  { title: `${name} of a symlink`, code: "ELOOP", call: "open", run: (h) => run(h, "toFile") },
  { title: `${name} of a dangling symlink`, code: "ELOOP", call: "open", run: (h) => run(h, "nowhere") },
  { title: `${name} of a FIFO does not hang`, code: "EINVAL", call: "open", run: (h) => run(h, "fifo") },
  { title: `${name} of a socket`, code: "EINVAL", call: "open", run: (h) => run(h, "socket") },
];

const rows: readonly Row[] = [
  ...everyPathCall("lstat", (h, p) => h.lower.lstat(p)),
  ...everyPathCall("lstat", (h, p) => h.lower.fingerprint(p)).map((row) => ({ ...row, title: `fingerprint: ${row.title}` })),
  ...everyPathCall("readdir", (h, p) => h.lower.readDirectory(p)),
  { title: "readdir of a file", code: "ENOTDIR", call: "readdir", run: (h) => h.lower.readDirectory("f") },
  { title: "readdir of a symlink to a directory", code: "ENOTDIR", call: "readdir", run: (h) => h.lower.readDirectory("toDirectory") },
  { title: "readdir of a dangling symlink", code: "ENOTDIR", call: "readdir", run: (h) => h.lower.readDirectory("nowhere") },
  { title: "readdir of a FIFO", code: "ENOTDIR", call: "readdir", run: (h) => h.lower.readDirectory("fifo") },
  ...everyPathCall("readlink", (h, p) => h.lower.readLink(p)),
  { title: "readlink of a file", code: "EINVAL", call: "readlink", run: (h) => h.lower.readLink("f") },
  { title: "readlink of a directory", code: "EINVAL", call: "readlink", run: (h) => h.lower.readLink("d") },
  ...opening("openRead", (h, p) => h.lower.openRead(p)),
  ...opening("readFile", (h, p) => h.lower.readFile(p)),
  ...opening("openWrite", (h, p) => h.scratch.openWrite(p, {})),
  ...opening("openWrite to read and append", (h, p) => h.scratch.openWrite(p, { read: true, append: true })),
  ...opening("openWrite to truncate", (h, p) => h.scratch.openWrite(p, { truncate: true })),
  ...everyMaking("open", (h, p) => h.scratch.create(p, 0o644)),
  ...everyMaking("mkdir", (h, p) => h.scratch.makeDirectory(p, 0o755)),
  ...everyMaking("symlink", (h, p) => h.scratch.makeSymlink("target", p)),
  { title: "symlink to nothing at all", code: "ENOENT", call: "symlink", run: (h) => h.scratch.makeSymlink("", "new") },
  { title: "symlink to a target of 4096 bytes", code: "ENAMETOOLONG", call: "symlink", run: (h) => h.scratch.makeSymlink("t".repeat(4096), "new") },
  ...everyMaking("link", (h, p) => h.scratch.link("f", p)),
  ...everyPathCall("link", (h, p) => h.scratch.link(p, "new")).map((row) => ({ ...row, title: `${row.title} (source)` })),
  { title: "link of a directory", code: "EPERM", call: "link", run: (h) => h.scratch.link("d", "new") },
  ...everyPathCall("rename", (h, p) => h.scratch.rename(p, "new")).map((row) => ({ ...row, title: `${row.title} (source)` })),
  ...everyPathCall("rename", (h, p) => h.scratch.rename("f", p)).filter((row) => !row.title.endsWith("of nothing")),
  { title: "rename of a directory over a file", code: "ENOTDIR", call: "rename", run: (h) => h.scratch.rename("d", "f") },
  { title: "rename of a directory over a symlink to one", code: "ENOTDIR", call: "rename", run: (h) => h.scratch.rename("d", "toDirectory") },
  { title: "rename of a file over a directory", code: "EISDIR", call: "rename", run: (h) => h.scratch.rename("f", "d") },
  { title: "rename of a directory over a full one", code: "ENOTEMPTY", call: "rename", run: (h) => h.scratch.rename("d", "full") },
  { title: "rename of a directory into itself", code: "EINVAL", call: "rename", run: (h) => h.scratch.rename("d", "d/new") },
  { title: "rename of an entry over its own parent", code: "ENOTEMPTY", call: "rename", run: (h) => h.scratch.rename("full/x", "full") },
  ...everyPathCall("unlink", (h, p) => h.scratch.unlink(p)),
  { title: "unlink of a directory", code: "EISDIR", call: "unlink", run: (h) => h.scratch.unlink("d") },
  ...everyPathCall("rmdir", (h, p) => h.scratch.removeDirectory(p)),
  { title: "rmdir of a file", code: "ENOTDIR", call: "rmdir", run: (h) => h.scratch.removeDirectory("f") },
  { title: "rmdir of a symlink to a directory", code: "ENOTDIR", call: "rmdir", run: (h) => h.scratch.removeDirectory("toDirectory") },
  { title: "rmdir of a full directory", code: "ENOTEMPTY", call: "rmdir", run: (h) => h.scratch.removeDirectory("full") },
  ...everyPathCall("lchown", (h, p) => h.scratch.chown(p, -1, -1)),
  ...everyPathCall("lutimes", (h, p) => h.scratch.utimes(p, 0, 0)),
  { title: "chmod of a symlink", code: "ENOTSUP", call: "chmod", run: (h) => h.scratch.chmod("toFile", 0o600) },
  { title: "chmod of nothing", code: "ENOENT", call: "", run: (h) => h.scratch.chmod("gone", 0o600) },
  { title: "chmod beneath a file", code: "ENOTDIR", call: "", run: (h) => h.scratch.chmod("f/x", 0o600) },
  { title: "syncDirectory of a file", code: "ENOTDIR", call: "", run: (h) => h.scratch.syncDirectory("f") },
  { title: "syncDirectory of a symlink to a directory", code: "ENOTDIR", call: "", run: (h) => h.scratch.syncDirectory("toDirectory") },
  { title: "syncDirectory of nothing", code: "ENOENT", call: "", run: (h) => h.scratch.syncDirectory("gone") },
  { title: "realPath of nothing", code: "ENOENT", call: "realpath", run: (h) => h.outside.realPath(`${h.lowerRoot}/gone`) },
  { title: "realPath of a dangling symlink", code: "ENOENT", call: "realpath", run: (h) => h.outside.realPath(`${h.lowerRoot}/nowhere`) },
  { title: "realPath of a loop", code: "ELOOP", call: "realpath", run: (h) => h.outside.realPath(`${h.lowerRoot}/loop`) },
  { title: "realPath beneath a file", code: "ENOTDIR", call: "realpath", run: (h) => h.outside.realPath(`${h.lowerRoot}/f/x`) },
  ...handleRows(),
];

function handleRows(): Row[] {
  const closed = async (h: TestHost, use: (handle: Awaited<ReturnType<TestHost["scratch"]["openWrite"]>>) => Promise<unknown>): Promise<unknown> => {
    const handle = await h.scratch.openWrite("f", { read: true });
    await handle.close();
    return use(handle);
  };
  const writing = async (h: TestHost, use: (handle: Awaited<ReturnType<TestHost["scratch"]["openWrite"]>>) => Promise<unknown>): Promise<unknown> => {
    const handle = await h.scratch.openWrite("f", {});
    try {
      return await use(handle);
    } finally {
      await handle.close();
    }
  };
  const row = (title: string, code: ErrorCode, call: string, run: Row["run"]): Row => ({ title, code, call, run });
  return [
    row("closed: stat", "EBADF", "fstat", (h) => closed(h, (x) => x.stat())),
    row("closed: fingerprint", "EBADF", "fstat", (h) => closed(h, (x) => x.fingerprint())),
    row("closed: read", "EBADF", "read", (h) => closed(h, (x) => x.read(bytes, 0))),
    row("closed: write", "EBADF", "write", (h) => closed(h, (x) => x.write(bytes, 0))),
    row("closed: truncate", "EBADF", "ftruncate", (h) => closed(h, (x) => x.truncate(0))),
    row("closed: sync", "EBADF", "fsync", (h) => closed(h, (x) => x.sync())),
    row("closed: chmod", "EBADF", "fchmod", (h) => closed(h, (x) => x.chmod(0o600))),
    row("closed: chown", "EBADF", "fchown", (h) => closed(h, (x) => x.chown(-1, -1))),
    row("closed: utimes", "EBADF", "futimes", (h) => closed(h, (x) => x.utimes(0, 0))),
    row("closed: close", "EBADF", "close", (h) => closed(h, (x) => x.close())),
    row("closed: cloneFrom", "EBADF", "", (h) => closed(h, (x) => h.scratch.cloneFrom(x, "new", 0o600))),
    row("read of a handle opened to write", "EBADF", "read", (h) => writing(h, (x) => x.read(bytes, 0))),
    row("truncate to less than nothing", "EINVAL", "ftruncate", (h) => writing(h, (x) => x.truncate(-1))),
    row("truncate to more than a file can be", "EFBIG", "ftruncate", (h) => writing(h, (x) => x.truncate(2 ** 52))),
  ];
}

describe.each([remoteKind, ...hostKinds])("errors of the ports on the $name host", (kind) => {
  let host: TestHost;
  let handles = 0;
  beforeAll(async () => {
    host = await kind.make();
    await host.plantLower(tree);
    await host.plantScratch(tree);
  });
  beforeEach(async () => { handles = await host.openHandles(); });
  afterEach(async () => { expect(await host.openHandles(), "handles left open").toBe(handles); });
  afterAll(() => host.dispose());

  const own = rows.map((row) => ({ ...row, code: kind.differs?.(row.title) ?? row.code }));
  test.each(own)("$title: $code", async ({ code, call, run }) => {
    const error: unknown = await run(host).then((value) => ({ unexpected: value }), (reason: unknown) => reason);
    if (code === "none") {
      expect(error).toHaveProperty("unexpected");
      return;
    }
    expect(error).toBeInstanceOf(LayerError);
    if (!(error instanceof LayerError)) return;
    expect(error.code).toBe(code);
    if (call !== "") expect(error.call).toBe(call);
    expect(error.physicalPath).toMatch(/base|scratch/);
    expect(await host.scratch.lstat("new").catch(() => "nothing made")).toBe("nothing made");
  });
});

/** Random bases and random edits on an overlay over them, on a real disk; and trees of a disk in a form to compare. */
import * as fc from "fast-check";
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Overlay } from "../../src/host/index.js";

const names = ["a", "b c", "d", "ünï", "日本", "e.txt", "x"] as const;
const name = fc.constantFrom(...names);
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
const content = fc.oneof(
  fc.array(fc.constantFrom("one\n", "two\n", "three\r\n", "four", "\n"), { maxLength: 12 }).map((lines) => Buffer.from(lines.join(""))),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.constant(Buffer.alloc(0)),
);
const target = fc.constantFrom("nowhere", "../x", "a", "/tmp/elsewhere", "b c");

export type Planted = { readonly path: string } & ({ readonly kind: "file"; readonly content: Buffer; readonly mode: number } | { readonly kind: "symlink"; readonly target: string } | { readonly kind: "folder" });
const planted: fc.Arbitrary<Planted> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ path, kind: fc.constant("file" as const), content, mode: fc.constantFrom(0o644, 0o644, 0o755, 0o600) }) },
  fc.record({ path, kind: fc.constant("symlink" as const), target }),
  fc.record({ path, kind: fc.constant("folder" as const) }),
);
export const bases = fc.array(planted, { maxLength: 14 });

export type Edit =
  | { readonly do: "write"; readonly path: string; readonly content: Buffer }
  | { readonly do: "append"; readonly path: string; readonly content: Buffer }
  | { readonly do: "remove" | "mkdir" | "executable" | "plain" | "touch" | "private"; readonly path: string }
  | { readonly do: "snapshot" }
  | { readonly do: "symlink"; readonly path: string; readonly target: string }
  | { readonly do: "rename" | "copy"; readonly path: string; readonly to: string };
const edit: fc.Arbitrary<Edit> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("write" as const), path, content }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("append" as const), path, content }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom("remove" as const, "remove" as const, "mkdir" as const, "executable" as const, "plain" as const, "touch" as const, "private" as const), path }) },
  fc.record({ do: fc.constant("symlink" as const), path, target }),
  fc.record({ do: fc.constant("snapshot" as const) }),
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom("rename" as const, "rename" as const, "copy" as const), path, to: path }) },
);
export const edits = fc.array(edit, { maxLength: 18 });

export function plantBase(folder: string, entries: readonly Planted[]): void {
  mkdirSync(folder, { recursive: true });
  for (const entry of entries) {
    const at = join(folder, entry.path);
    try {
      mkdirSync(dirname(at), { recursive: true });
      if (entry.kind === "folder") mkdirSync(at);
      else if (entry.kind === "symlink") symlinkSync(entry.target, at);
      else {
        writeFileSync(at, entry.content, { flag: "wx" });
        chmodSync(at, entry.mode);
      }
    } catch (error) {
      if (!["EEXIST", "ENOTDIR", "ENOENT", "ELOOP"].includes(String((error as NodeJS.ErrnoException).code))) throw error;
    }
  }
}

/** Does what can be done; what the overlay refuses is no edit. */
export async function perform(overlay: Overlay, all: readonly Edit[]): Promise<void> {
  for (const one of all) {
    const at = "path" in one ? `/${one.path}` : "/";
    try {
      switch (one.do) {
        case "write": {
          await overlay.createDirectory(dirname(at)).catch(() => undefined);
          await overlay.writeFile(at, one.content);
          break;
        }
        case "snapshot": await overlay.takeSnapshot(); break;
        case "append": await overlay.append(at, one.content); break;
        case "remove": await overlay.remove(at, { recursive: true }); break;
        case "mkdir": await overlay.createDirectory(at); break;
        case "executable": await onFile(overlay, at, () => overlay.chmod(at, 0o755)); break;
        case "plain": await onFile(overlay, at, () => overlay.chmod(at, 0o644)); break;
        case "private": if ((await overlay.lstat(at)).type === "directory") await overlay.chmod(at, 0o750); break;
        case "touch": await overlay.copyUp(at); break;
        case "symlink": await overlay.symlink(one.target, at); break;
        case "rename": await overlay.rename(at, `/${one.to}`); break;
        case "copy": await overlay.copy(at, `/${one.to}`); break;
      }
    } catch (error) {
      if (!(error instanceof Error && error.name === "OverlayError")) throw error;
    }
  }
}

async function onFile(overlay: Overlay, at: string, act: () => Promise<void>): Promise<void> {
  if ((await overlay.lstat(at)).type === "file") await act();
}

export type Shown = Record<string, string>;

/** "git": as git sees it. "full": modes and folders too. Sorted, in a form that a failing test prints. */
export function onDisk(folder: string, how: "git" | "full"): Shown {
  const shown: Shown = {};
  const visit = (at: string): void => {
    for (const one of readdirSync(join(folder, at)).sort()) {
      const child = `${at}/${one}`;
      const stat = lstatSync(join(folder, child));
      if (stat.isDirectory()) {
        if (how === "full") shown[child] = `folder ${(stat.mode & 0o7777).toString(8)}`;
        visit(child);
      } else if (stat.isSymbolicLink()) shown[child] = `-> ${readlinkSync(join(folder, child))}`;
      else if (stat.isFile()) shown[child] = described(stat.mode, readFileSync(join(folder, child)), how);
      else shown[child] = "special";
    }
  };
  visit("");
  return shown;
}

export async function inMerged(overlay: Overlay, how: "git" | "full"): Promise<Shown> {
  const shown: Shown = {};
  const visit = async (at: string): Promise<void> => {
    for (const { name: one } of (await overlay.readDirectory(at === "" ? "/" : at)).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const child = `${at}/${one}`;
      const { type, mode } = await overlay.lstat(child);
      if (type === "directory") {
        if (how === "full") shown[child] = `folder ${mode.toString(8)}`;
        await visit(child);
      } else if (type === "symlink") shown[child] = `-> ${await overlay.readlink(child)}`;
      else if (type === "file") shown[child] = described(mode, Buffer.from(await overlay.readFile(child)), how);
      else shown[child] = "special";
    }
  };
  await visit("");
  return shown;
}

function described(mode: number, bytes: Buffer, how: "git" | "full"): string {
  return `${how === "full" ? (mode & 0o7777).toString(8) : (mode & 0o100) === 0 ? "plain" : "executable"} ${bytes.toString("latin1")}`;
}

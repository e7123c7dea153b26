/**
 * From overlay paths to paths in the mount. The system would follow a symbolic link with an absolute target out of the
 * mount, into the base even (INV-1); so links are followed here, as the engine does: what names the base means merged,
 * what leaves it can be read and never changed.
 */
import { lstat, readlink, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Refusal } from "../engine/errors.js";
import { components, type OverlayPath } from "../engine/paths.js";
import { errnoOf, nodeFault } from "../host/nodeFault.js";

export interface Found {
  /** Absolute; no component before the last is a symbolic link. */
  readonly physical: string;
  /** The path in merged, symbolic links resolved; undefined outside of it. */
  readonly path: OverlayPath | undefined;
}

/** Linux's limit (MAXSYMLINKS). */
const maxSymlinks = 40;

export class MountPaths {
  /** @param roots what absolute targets may start with that mean merged: the base as given, its real path, the mount point. */
  constructor(readonly point: string, private readonly roots: readonly string[]) {}

  physical(path: string): string {
    return path === "/" ? this.point : this.point + path;
  }

  /** @throws Refusal ELOOP; LayerError of what cannot be looked at. What is not there is found where it would be. */
  async find(path: OverlayPath, follow: boolean): Promise<Found> {
    const plain = await this.findPlain(path, follow);
    return plain ?? this.walk(components(path), follow);
  }

  /** The usual case, in one or two calls: no symbolic link on the way. */
  private async findPlain(path: OverlayPath, follow: boolean): Promise<Found | undefined> {
    if (path === "/") return { physical: this.point, path };
    const physical = this.physical(path);
    const parent = dirname(physical);
    try {
      if ((await realpath(parent)) !== parent) return undefined;
      if (follow && (await lstat(physical)).isSymbolicLink()) return undefined;
      return { physical, path };
    } catch (error) {
      return errnoOf(error) === "ENOENT" || errnoOf(error) === "ELOOP" || errnoOf(error) === "ENOTDIR" ? undefined : fail(error, physical);
    }
  }

  private async walk(names: readonly string[], follow: boolean): Promise<Found> {
    let left = [...names];
    let at: string[] = [];
    for (let links = 0; ;) {
      const name = left.shift();
      if (name === undefined) return this.inside(at);
      if (name === "" || name === ".") continue;
      if (name === "..") {
        // Above the root lies what lies above the base.
        if (at.length === 0) return this.outside([dirname(this.roots[0] ?? this.point), ...left], follow);
        at.pop();
        continue;
      }
      const physical = this.physical(`/${[...at, name].join("/")}`);
      const isLast = left.every((rest) => rest === "");
      const target = isLast && !follow ? undefined : await linkAt(physical);
      if (target === undefined) {
        at.push(name);
        continue;
      }
      if (++links > maxSymlinks) throw new Refusal("ELOOP");
      if (!target.startsWith("/")) {
        left = [...target.split("/"), ...left];
        continue;
      }
      const root = this.roots.find((one) => target === one || target.startsWith(`${one}/`));
      if (root === undefined) return this.outside([target, ...left], follow);
      left = [...target.slice(root.length).split("/"), ...left];
      at = [];
    }
  }

  private inside(at: readonly string[]): Found {
    const path = `/${at.join("/")}` as OverlayPath;
    return { physical: this.physical(path), path };
  }

  private async outside(parts: readonly string[], follow: boolean): Promise<Found> {
    const physical = join(...(parts as [string, ...string[]]));
    const real = await realpath(follow ? physical : dirname(physical)).catch(() => undefined);
    const whole = real === undefined ? physical : follow ? real : join(real, physical.slice(physical.lastIndexOf("/") + 1));
    const root = this.roots.find((one) => whole === one || whole.startsWith(`${one}/`));
    if (root === undefined) return { physical: whole, path: undefined };
    return this.walk(whole.slice(root.length).split("/"), follow);
  }
}

async function linkAt(physical: string): Promise<string | undefined> {
  try {
    return await readlink(physical);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "EINVAL" || errno === "ENOENT" || errno === "ENOTDIR" || errno === "ENAMETOOLONG") return undefined;
    return fail(error, physical);
  }
}

function fail(error: unknown, physical: string): never {
  throw nodeFault(error, "lstat", physical);
}

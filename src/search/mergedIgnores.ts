/**
 * The ignore files that merged has, wherever they lie: found by ripgrep in the base and by the engine's knowledge in what
 * lies above it, read through the overlay. Kept until an event says that one of them may be another.
 */
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { lstat, readFile } from "node:fs/promises";
import { type CancelSignal, type Disposable, isCode, type Overlay, type OverlayEvent, type Whereabouts } from "../engine/index.js";
import { listFlags } from "./flags.js";
import { composeIgnoreFiles, type IgnoreFile, type IgnoreKind } from "./ignoreRules.js";
import { lister } from "./listing.js";
import { type Composed, isBottom, type Roots, sweep, type Tools } from "./sweep.js";
import type { FindOptions } from "./types.js";

const ownNames = [".gitignore", ".ignore", ".rgignore"] as const;
const names: ReadonlySet<string> = new Set(ownNames);
const excludeNames: ReadonlySet<string> = new Set(["exclude"]);
/** Each round knows the files of at least one level of folders more; a tree this deep is not to be had. */
const mostRounds = 100;

/** When more than this was created, looking again costs less than asking what each of them is. */
const mostCreated = 200;

export interface Ignores {
  /** Whether the base's own folder can read its files itself. */
  readonly native: boolean;
  readonly composed: (signal: CancelSignal) => Promise<Composed>;
}

/** What was found in a folder and beneath it; `folder` of each is an overlay path. */
type Found = readonly IgnoreFile[];

export class MergedIgnores {
  private readonly known = new Map<string, { readonly found: Promise<Found>; readonly native: boolean }>();
  private readonly listening: Disposable;
  /** What came, and may be a folder with ignore files in it. */
  private readonly created = new Set<string>();

  constructor(private readonly overlay: Overlay, private readonly tools: (signal: CancelSignal) => Promise<Tools>) {
    this.listening = overlay.onDidChange((events) => { this.changed(events); });
  }

  dispose(): void {
    this.listening.dispose();
    this.known.clear();
  }

  async of(whereabouts: Whereabouts, roots: Roots, options: FindOptions): Promise<Ignores> {
    // Of folders above the searched one it is not known what the layers say.
    const native = this.isNative(whereabouts) && (options.useParentIgnoreFiles !== true || whereabouts.folder === "/");
    for (const path of [...this.created]) {
      this.created.delete(path);
      if (await this.overlay.lstat(path).then(({ type }) => type === "directory", () => false)) this.known.clear();
    }
    return {
      native,
      composed: async (signal) => this.compose(await this.find(whereabouts, native, signal), whereabouts.folder, roots, options),
    };
  }

  /** What lies above the base says nothing of ignore files: then the base's folders say all. */
  private isNative(whereabouts: Whereabouts): boolean {
    return whereabouts.mentions(names).length === 0 && excludesIn(whereabouts).length === 0;
  }

  private async find(whereabouts: Whereabouts, native: boolean, signal: CancelSignal): Promise<Found> {
    const { folder } = whereabouts;
    const known = this.known.get(folder);
    if (known?.native === native) {
      const found = await known.found.catch(() => undefined);
      if (found !== undefined) return found;
    }
    const found = this.look(whereabouts, native, signal);
    this.known.set(folder, { found, native });
    found.catch(() => { this.known.delete(folder); });
    return found;
  }

  private async look(whereabouts: Whereabouts, native: boolean, signal: CancelSignal): Promise<Found> {
    const above = await this.read([...whereabouts.mentions(names).flatMap((at) => ownNames.map((name) => join2(at, name))), ...excludesIn(whereabouts)]);
    let found = above;
    let before = "";
    for (let round = 0; round < mostRounds; round++) {
      const listed = await this.inBase(whereabouts, native, compose(found, whereabouts.folder), signal);
      found = await this.read([...above.map(pathOf), ...listed]);
      const now = JSON.stringify(found.map(pathOf).sort());
      if (native && whereabouts.areas.every(({ path }) => path === whereabouts.folder)) break; // one round says all
      if (now === before) break;
      before = now;
    }
    return found;
  }

  /** Paths of merged of what the base has. */
  private async inBase(whereabouts: Whereabouts, native: boolean, text: string, signal: CancelSignal): Promise<string[]> {
    const paths: string[] = [];
    await sweep(await this.tools(signal), { folder: whereabouts.folder, areas: whereabouts.areas.filter(isBottom) }, {
      find: {},
      flags: [
        ...listFlags, ...ownNames.flatMap((name) => ["--glob", `**/${name}`]), "--glob", "**/.git/info/exclude",
        // git's own store is large, and has nothing else.
        "--glob", "**/.git/", "--glob", "!**/.git/*/", "--glob", "**/.git/info/",
      ],
      native, signal,
      composed: async () => ({ text, above: "" }),
      receive: (mapper) => lister(mapper, (more) => { paths.push(...more); return true; }),
    });
    return paths;
  }

  private async read(paths: readonly string[]): Promise<Found> {
    const files: IgnoreFile[] = [];
    const todo = [...new Set(paths)];
    const worker = async (): Promise<void> => {
      for (let path = todo.pop(); path !== undefined; path = todo.pop()) {
        const name = path.slice(path.lastIndexOf("/") + 1);
        const kind: IgnoreKind = name === "exclude" ? "exclude" : (name as IgnoreKind);
        const text = await this.text(path);
        if (text !== undefined) files.push({ kind, folder: kind === "exclude" ? dirnameOf(dirnameOf(dirnameOf(path))) : dirnameOf(path), text });
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    return files;
  }

  /** Up to the first line that is no UTF-8, as ripgrep reads it. */
  private async text(path: string): Promise<string | undefined> {
    try {
      return decodeLines(await this.overlay.readFile(path));
    } catch (error) {
      if (isCode(error, "EBADF", "ECANCELED")) throw error;
      return undefined; // absent, a folder, or not to be read: then ripgrep could not read it either
    }
  }

  private async compose(found: Found, folder: string, roots: Roots, options: FindOptions): Promise<Composed> {
    const ofUser = options.useGlobalIgnoreFiles === true ? await userFile() : [];
    if (options.useParentIgnoreFiles !== true) return { text: composeIgnoreFiles([...ofUser, ...moved(found, folder, "")]), above: "" };
    const { files, prefix } = await this.parents(folder, roots);
    return { text: composeIgnoreFiles([...ofUser, ...files, ...moved(found, folder, prefix)]), above: prefix };
  }

  /** Those of the folders above the searched one, first in merged, then above the base; `prefix` leads down from the topmost. */
  private async parents(folder: string, roots: Roots): Promise<{ readonly files: Found; readonly prefix: string }> {
    const base = roots.base.replace(/^[a-zA-Z]:/, "").replaceAll("\\", "/").replace(/^\/+|\/+$/g, "");
    const within = folder.replace(/^\/+/, "");
    const whole = [base, within].filter((part) => part !== "").join("/");
    const files: IgnoreFile[] = [];
    const parts = whole.split("/");
    for (let length = 0; length < parts.length; length++) {
      const at = parts.slice(0, length).join("/");
      const inMerged = at === base || at.startsWith(`${base}/`) ? `/${at.slice(base.length + 1)}` : undefined;
      for (const kind of ownNames) {
        const text = inMerged === undefined ? await readFile(`/${at}/${kind}`).then(decodeLines, () => undefined) : await this.text(join2(inMerged, kind));
        if (text !== undefined) files.push({ kind, folder: at, text });
      }
    }
    return { files, prefix: whole };
  }

  private changed(events: readonly OverlayEvent[]): void {
    for (const { type, path } of events) {
      const name = path.slice(path.lastIndexOf("/") + 1);
      if (names.has(name) || path.endsWith("/.git/info/exclude") || (type === "deleted" && path === "/")) this.known.clear();
      else if (type === "created") this.created.add(path);
      else if (type === "deleted") this.forgetWithin(path);
    }
    if (this.created.size > mostCreated) this.known.clear();
    if (this.known.size === 0) this.created.clear();
  }

  /** A file that went was none of them; a folder may have had some. */
  private forgetWithin(path: string): void {
    this.created.delete(path);
    for (const [folder, { found }] of this.known) {
      void found.then((files) => {
        if (files.some((file) => pathOf(file).startsWith(`${path}/`))) this.known.delete(folder);
      }, () => undefined);
    }
  }
}

function pathOf({ kind, folder }: IgnoreFile): string {
  return join2(folder, kind === "exclude" ? ".git/info/exclude" : kind);
}

function compose(found: Found, folder: string): string {
  return composeIgnoreFiles(moved(found, folder, ""));
}

/** With folders as they are below the one in which ripgrep runs. */
function moved(found: Found, folder: string, prefix: string): Found {
  const below = (path: string): string => [prefix, path.slice(folder === "/" ? 1 : folder.length + 1)].filter((part) => part !== "").join("/");
  return found.map((file) => ({ ...file, folder: below(file.folder) }));
}

/** The files beside git's own store of which a layer above the base says something. */
function excludesIn(whereabouts: Whereabouts): string[] {
  return whereabouts.mentions(excludeNames).filter((path) => path.endsWith("/.git/info")).map((path) => `${path}/exclude`);
}

function join2(folder: string, name: string): string {
  return folder === "/" ? `/${name}` : `${folder}/${name}`;
}

function dirnameOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash <= 0 ? "/" : path.slice(0, slash);
}

export function decodeLines(bytes: Uint8Array): string {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  try {
    return decoder.decode(bytes);
  } catch {
    let good = "";
    for (let start = 0; start < bytes.length;) {
      const newline = bytes.indexOf(10, start);
      const end = newline < 0 ? bytes.length : newline + 1;
      try {
        good += decoder.decode(bytes.subarray(start, end));
      } catch {
        return good;
      }
      start = end;
    }
    return good;
  }
}

async function userFile(): Promise<Found> {
  const file = await globalIgnoreFile();
  const text = file === undefined ? undefined : await readFile(file).then(decodeLines, () => undefined);
  return text === undefined ? [] : [{ kind: "global", folder: "", text }];
}

/** git's ignore file for the user: what `core.excludesFile` names, else its usual place; undefined where there is none. */
export async function globalIgnoreFile(home = homedir(), env: NodeJS.ProcessEnv = process.env): Promise<string | undefined> {
  const config = env["XDG_CONFIG_HOME"] === undefined || env["XDG_CONFIG_HOME"] === "" ? join(home, ".config") : env["XDG_CONFIG_HOME"];
  for (const file of [join(home, ".gitconfig"), join(config, "git", "config")]) {
    const named = /^\s*excludesfile\s*=\s*"?\s*(\S+?)\s*"?\s*$/im.exec(await readFile(file, "utf8").catch(() => ""))?.[1];
    if (named !== undefined) return present(named.startsWith("~/") ? join(home, named.slice(2)) : join(dirname(file), named));
  }
  return present(join(config, "git", "ignore"));
}

async function present(path: string): Promise<string | undefined> {
  return lstat(path).then(() => path, () => undefined);
}

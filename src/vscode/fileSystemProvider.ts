/**
 * The overlay: scheme for VS Code. Decides nothing: finds the overlay and path that a URI names, calls the engine,
 * translates what comes back.
 *
 * Renaming over an existing target is one step here and in the engine (INV-7). The workbench however does it as
 * delete(target), then rename, in calls that nothing ties together: between the two the target is really gone, and a
 * crash there leaves it in the overlay's trash. Holding the delete back would mean reporting as done what is not, so
 * that window stays; its two events at least are folded into one "changed".
 */
import * as vscode from "vscode";
import { isCode, type EntryType, type OverlayEvent, type OverlayStat } from "../engine/index.js";
import { BaseWatcher } from "./baseWatcher.js";
import { make, toFileSystemError, type Action } from "./errors.js";
import { EventPublisher } from "./eventPublisher.js";
import { openFiles } from "./openFiles.js";
import { isWithin } from "./paths.js";
import type { Overlays } from "./overlays.js";
import type { Session } from "./session.js";
import { copyAcross } from "./transfer.js";
import { overlayUri, parseAddress, rootName } from "./uris.js";

interface Target {
  readonly session: Session;
  /** Undefined above the root: the folder that holds only the base's name. */
  readonly path: string | undefined;
}

/** Names that mark whiteouts in an upper layer; a base may have them, nobody can change them. */
const markerName = /\/\.wh\./;

export class OverlayFileSystem implements vscode.FileSystemProvider, vscode.Disposable {
  private readonly publisher = new EventPublisher();
  private readonly bases = new Map<Session, BaseWatcher>();
  private readonly subscriptions = new Map<Session, { dispose(): void }>();
  readonly onDidChangeFile = this.publisher.onDidChangeFile;
  private readonly baseEmitter = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  /** Changes in bases, told on overlay: URIs whose paths are those of the base. */
  readonly onDidChangeBase = this.baseEmitter.event;

  constructor(private readonly overlays: Overlays, private readonly onFailure: (error: unknown) => void) {
    overlays.onDidOpen((session) => {
      this.subscriptions.set(session, session.onDidChange((events) => { this.tell(session, events); }));
      // What is remembered of such a base is right for as long as its events are heard, so from the first moment on.
      if (session.remote !== undefined) this.watchBase(session);
    });
    overlays.onDidClose((session) => { this.forget(session); });
    overlays.onDidChangeAccess((session) => { this.refreshAccess(session); });
  }

  /** Never throws: VS Code watches paths that do not exist, and what cannot be opened says so when it is read. */
  watch(uri: vscode.Uri): vscode.Disposable {
    const address = parseAddress(uri);
    if (address !== undefined) void this.overlays.get(address.id).then((session) => { this.watchBase(session); }).catch(() => undefined);
    return new vscode.Disposable(() => undefined);
  }

  async stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    try {
      return await this.statInside(uri);
    } catch (error) {
      // VS Code takes every error about the workspace's own folder for "does not exist", and offers to open another one.
      // An overlay that the user keeps closed exists: what is refused is to list and to read it.
      if (parseAddress(uri)?.path === "/" && error instanceof vscode.FileSystemError && error.code === "NoPermissions") return closedFolder;
      throw error;
    }
  }

  private statInside(uri: vscode.Uri): Promise<vscode.FileStat> {
    return this.on("stat", uri, async ({ session, path }) => {
      if (path === undefined) return { type: vscode.FileType.Directory, ctime: session.info.created, mtime: session.info.created, size: 0, permissions: vscode.FilePermission.Readonly };
      const own = await session.overlay.lstat(path);
      if (own.type !== "symlink") return toFileStat(session, path, own, vscode.FileType.Unknown);
      const target = await followed(session, path);
      return target === undefined ? toFileStat(session, path, own, vscode.FileType.Unknown) : toFileStat(session, path, target, vscode.FileType.SymbolicLink);
    });
  }

  async readDirectory(uri: vscode.Uri): Promise<[string, vscode.FileType][]> {
    return this.on("list", uri, async ({ session, path }) => {
      if (path === undefined) return [[rootName(session.info.base), vscode.FileType.Directory]];
      const entries = await session.overlay.readDirectory(path);
      return Promise.all(entries.map(async ({ name, type }): Promise<[string, vscode.FileType]> => {
        if (type !== "symlink") return [name, fileType(type)];
        const target = await followed(session, path === "/" ? `/${name}` : `${path}/${name}`);
        return [name, vscode.FileType.SymbolicLink | (target === undefined ? vscode.FileType.Unknown : fileType(target.type))];
      }));
    });
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    return this.inside("read", uri, (session, path) => session.overlay.readFile(path));
  }

  async writeFile(uri: vscode.Uri, content: Uint8Array, options: { readonly create: boolean; readonly overwrite: boolean }): Promise<void> {
    return this.inside("write", uri, (session, path) => session.overlay.writeFile(path, content, { create: options.create, overwrite: options.overwrite }));
  }

  async createDirectory(uri: vscode.Uri): Promise<void> {
    return this.inside("createDirectory", uri, (session, path) => session.overlay.createDirectory(path));
  }

  async delete(uri: vscode.Uri, options: { readonly recursive: boolean }): Promise<void> {
    return this.inside("delete", uri, (session, path) => session.overlay.remove(path, { recursive: options.recursive }));
  }

  async rename(from: vscode.Uri, to: vscode.Uri, options: { readonly overwrite: boolean }): Promise<void> {
    return this.between("rename", from, to, async (source, target) => {
      if (source.session === target.session) return source.session.overlay.rename(source.path, target.path, { overwrite: options.overwrite });
      await copyAcross(source, target, options.overwrite);
      await source.session.overlay.remove(source.path, { recursive: true });
    });
  }

  async copy(from: vscode.Uri, to: vscode.Uri, options: { readonly overwrite: boolean }): Promise<void> {
    return this.between("copy", from, to, async (source, target) => {
      if (source.session === target.session) return source.session.overlay.copy(source.path, target.path, { overwrite: options.overwrite });
      await copyAcross(source, target, options.overwrite);
    });
  }

  dispose(): void {
    for (const session of [...this.subscriptions.keys()]) this.forget(session);
    this.publisher.dispose();
    this.baseEmitter.dispose();
  }

  private async resolve(action: Action, uri: vscode.Uri): Promise<Target> {
    const address = parseAddress(uri);
    if (address === undefined) throw make("FileNotFound", vscode.l10n.t("'{0}' names no overlay. Its form is overlay://<id>/<folder>/<path>.", uri.toString(true)));
    let session: Session;
    try {
      session = await this.overlays.get(address.id);
    } catch (error) {
      throw toFileSystemError(error, action, uri.path);
    }
    if (address.path !== undefined && address.root !== rootName(session.info.base)) {
      throw make("FileNotFound", vscode.l10n.t("The overlay '{0}' has no folder '{1}'; its folder is '{2}'.", session.info.name, address.root, rootName(session.info.base)));
    }
    return { session, path: address.path };
  }

  private async on<T>(action: Action, uri: vscode.Uri, work: (target: Target) => Promise<T>): Promise<T> {
    const target = await this.resolve(action, uri);
    try {
      return await work(target);
    } catch (error) {
      throw toFileSystemError(error, action, uri.path.slice(1), readOnlyReason(target.session));
    }
  }

  private inside<T>(action: Action, uri: vscode.Uri, work: (session: Session, path: string) => Promise<T>): Promise<T> {
    return this.on(action, uri, async ({ session, path }) => work(session, within(uri, path)));
  }

  private async between(
    action: Action, from: vscode.Uri, to: vscode.Uri,
    work: (source: { session: Session; path: string }, target: { session: Session; path: string }) => Promise<void>,
  ): Promise<void> {
    return this.on(action, from, async (source) => {
      const target = await this.resolve(action, to);
      try {
        await work({ session: source.session, path: within(from, source.path) }, { session: target.session, path: within(to, target.path) });
      } catch (error) {
        // What stands in the way stands at the target.
        if (isCode(error, "EEXIST", "ENOTEMPTY")) throw toFileSystemError(error, action, to.path.slice(1));
        if (target.session !== source.session) throw toFileSystemError(error, action, to.path.slice(1), readOnlyReason(target.session));
        throw error;
      }
    });
  }

  private watchBase(session: Session): void {
    if (this.bases.has(session) || this.overlays.peek(session.id) !== session) return;
    const watcher = new BaseWatcher(session, this.onFailure);
    watcher.onDidChange((events) => {
      session.changes.baseChanged(events.map(({ path }) => path));
      this.baseEmitter.fire(events.map(({ type, path }) => ({
        uri: overlayUri(session.info, path),
        type: { created: vscode.FileChangeType.Created, changed: vscode.FileChangeType.Changed, deleted: vscode.FileChangeType.Deleted }[type],
      })));
    });
    this.bases.set(session, watcher);
  }

  private tell(session: Session, events: readonly OverlayEvent[]): void {
    this.publisher.add(session, events);
    // One event stands for everything beneath a folder that came; an editor reloads on an event of its own file only.
    const came = events.filter(({ type }) => type === "created").map(({ path }) => path);
    if (came.length > 0 && openFiles(session).some((path) => came.some((folder) => folder !== path && isWithin(path, folder)))) this.refreshOpenFiles(session).catch(this.onFailure);
  }

  /** Looks at the open files anew, and tells of those that are not what the editor was told. */
  async refreshOpenFiles(session: Session): Promise<void> {
    for (const path of openFiles(session)) {
      const before = session.floors.last(path);
      const stat = await session.overlay.stat(path).catch(() => undefined);
      if (stat === undefined) this.publisher.add(session, [{ type: "deleted", path }]);
      else if (session.floors.report(path, stat) !== before) this.publisher.add(session, [{ type: "changed", path }]);
    }
  }

  /** Whether files can be written is part of their stat; who has one open must ask again. */
  private refreshAccess(session: Session): void {
    this.publisher.add(session, openFiles(session).map((path) => ({ type: "changed", path })));
  }

  /** Asks a base that tells of no changes for everything anew, and has all that shows it drawn again. */
  async refreshBase(session: Session): Promise<void> {
    session.remote?.forget();
    await session.overlay.baseChanged([{ type: "changed", path: "/" }]);
    await session.changes.reload();
    await this.refreshOpenFiles(session);
    await vscode.commands.executeCommand("workbench.files.action.refreshFilesExplorer");
  }

  private forget(session: Session): void {
    this.bases.get(session)?.dispose();
    this.bases.delete(session);
    this.subscriptions.get(session)?.dispose();
    this.subscriptions.delete(session);
  }
}

const closedFolder: vscode.FileStat = { type: vscode.FileType.Directory, ctime: 0, mtime: 0, size: 0, permissions: vscode.FilePermission.Readonly };

export function readOnlyReason(session: Session): string | undefined {
  const { access } = session;
  if (access.kind === "writable") return undefined;
  return vscode.l10n.t("the overlay '{0}' is read-only here because {1} has it open; it becomes writable when that lets go, or through Overlay: Take Over", session.info.name, access.owner);
}

function within(uri: vscode.Uri, path: string | undefined): string {
  if (path === undefined) throw make("NoPermissions", vscode.l10n.t("'{0}' is above the overlay's folder.", uri.toString(true)));
  return path;
}

/** What a symlink leads to; undefined when it leads nowhere that can be looked at. */
async function followed(session: Session, path: string): Promise<OverlayStat | undefined> {
  return session.overlay.stat(path).catch(() => undefined);
}

function toFileStat(session: Session, path: string, stat: OverlayStat, link: vscode.FileType): vscode.FileStat {
  const file = stat.type === "file";
  const mtime = file ? session.floors.report(path, stat) : Math.trunc(stat.mtimeMs);
  const result: vscode.FileStat = { type: link | fileType(stat.type), ctime: Math.trunc(stat.birthtimeMs), mtime, size: stat.size };
  const readOnly = session.access.kind === "readOnly" || markerName.test(path);
  return readOnly ? { ...result, permissions: vscode.FilePermission.Readonly } : result;
}

function fileType(type: EntryType): vscode.FileType {
  switch (type) {
    case "file":
      return vscode.FileType.File;
    case "directory":
      return vscode.FileType.Directory;
    case "symlink":
      return vscode.FileType.SymbolicLink;
    case "fifo":
    case "socket":
    case "block":
    case "character":
    case "unknown":
      return vscode.FileType.Unknown;
  }
}

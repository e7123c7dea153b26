/**
 * The overlay-base: scheme: the lower side of each overlay path, read-only, for comparisons. A file system and no
 * text provider, because images and other binary files are compared too. Its `?empty` is the missing side, `?origin` what the base had before, `?held=` what the overlay had, its `?layer=`
 * the view of a snapshot, or of the base when snapshots lie over it.
 */
import * as vscode from "vscode";
import { make, toFileSystemError, type Action } from "./errors.js";
import type { Overlays } from "./overlays.js";
import type { Session } from "./session.js";
import type { ThirdSides } from "./thirdSides.js";
import { baseScheme, heldOf, isEmptySide, isOriginSide, layerOf, lowerUri, overlayUri, parseAddress, pathOfLower } from "./uris.js";

export class BaseFileSystem implements vscode.FileSystemProvider, vscode.Disposable {
  private readonly emitter = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  readonly onDidChangeFile = this.emitter.event;
  private readonly listening: vscode.Disposable;

  constructor(private readonly overlays: Overlays, private readonly sides: ThirdSides, onDidChangeBase: vscode.Event<vscode.FileChangeEvent[]>) {
    this.listening = onDidChangeBase((events) => {
      this.emitter.fire(events.flatMap(({ type, uri }) => [lowerUri(uri), ...this.renamed(uri)].map((lower) => ({ type, uri: lower }))));
    });
    overlays.onDidOpen((session) => { session.onDidChangeLayers(() => { this.layersChanged(session); }); });
  }

  /** What lies below the upper is something else now; who shows it must ask again. */
  private layersChanged({ id }: Session): void {
    const shown = vscode.workspace.textDocuments.map(({ uri }) => uri).filter((uri) => uri.scheme === baseScheme && uri.authority === id && !isEmptySide(uri));
    if (shown.length > 0) this.emitter.fire(shown.map((uri) => ({ type: vscode.FileChangeType.Changed, uri })));
  }

  /** Nothing to start: the overlay: side watches the base. */
  watch(): vscode.Disposable {
    return new vscode.Disposable(() => undefined);
  }

  async stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    if (isEmptySide(uri)) return { type: vscode.FileType.File, ctime: 0, mtime: 0, size: 0, permissions: vscode.FilePermission.Readonly };
    return this.on("readBase", uri, async (session, path) => {
      const third = await this.third(session, uri, path);
      if (third !== undefined) return { type: vscode.FileType.File, ctime: 0, mtime: 0, size: third.length, permissions: vscode.FilePermission.Readonly };
      const stat = await session.overlay.statLower(path, layerOf(uri));
      const type = stat.type === "file" ? vscode.FileType.File : stat.type === "directory" ? vscode.FileType.Directory : vscode.FileType.Unknown;
      return { type, ctime: Math.trunc(stat.birthtimeMs), mtime: Math.trunc(stat.mtimeMs), size: stat.size, permissions: vscode.FilePermission.Readonly };
    });
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    if (isEmptySide(uri)) return new Uint8Array();
    return this.on("readBase", uri, async (session, path) => (await this.third(session, uri, path)) ?? session.overlay.readLowerFile(path, layerOf(uri)));
  }

  /** A side that is in no layer; undefined where the URI names none. */
  private async third(session: Session, uri: vscode.Uri, path: string): Promise<Uint8Array | undefined> {
    const held = heldOf(uri);
    // After a reload nothing is held: the file itself has it, or what was saved since.
    if (held !== undefined) return this.sides.heldAt(held) ?? session.overlay.readFile(path);
    if (!isOriginSide(uri)) return undefined;
    const origin = await this.sides.origin(session, path);
    if (origin.kind !== "found") throw make("FileNotFound", vscode.l10n.t("What the base had in '{0}' before cannot be had any more.", path.slice(1)));
    return origin.content;
  }

  /** Comparisons are of files; there is nothing to walk here. */
  readDirectory(): [string, vscode.FileType][] {
    return [];
  }

  createDirectory(): never {
    return refuse();
  }

  writeFile(): never {
    return refuse();
  }

  delete(): never {
    return refuse();
  }

  rename(): never {
    return refuse();
  }

  dispose(): void {
    this.listening.dispose();
    this.emitter.dispose();
  }

  /** The other URI of a file that the overlay renamed. */
  private renamed(uri: vscode.Uri): vscode.Uri[] {
    const address = parseAddress(uri);
    const session = address === undefined ? undefined : this.overlays.peek(address.id);
    const to = address?.path === undefined ? undefined : session?.changes.renamedTo(address.path);
    return session === undefined || to === undefined ? [] : [lowerUri(overlayUri(session.info, to), uri)];
  }

  private async on<T>(action: Action, uri: vscode.Uri, work: (session: Session, path: string) => Promise<T>): Promise<T> {
    const address = parseAddress(uri);
    const path = pathOfLower(uri);
    if (address === undefined || path === undefined) throw make("FileNotFound", vscode.l10n.t("'{0}' names no overlay. Its form is overlay://<id>/<folder>/<path>.", uri.toString(true)));
    try {
      return await work(await this.overlays.get(address.id), path);
    } catch (error) {
      throw toFileSystemError(error, action, uri.path.slice(1));
    }
  }
}

function refuse(): never {
  throw make("NoPermissions", vscode.l10n.t("This is the base, which is never changed. Change the file in the overlay instead."));
}

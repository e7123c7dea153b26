/**
 * Copies between two overlays, which no engine call spans: in pieces, so that size does not matter. The copy grows
 * under a name of its own beside the target and gets its name at the end; when it fails, nothing is left (INV-11).
 */
import { isCode, OverlayError, type Overlay } from "../engine/index.js";
import { join, nameOf, parentOf } from "./paths.js";
import type { Session } from "./session.js";

export interface Place {
  readonly session: Session;
  readonly path: string;
}

const pieceSize = 1 << 20;

export async function copyAcross(source: Place, target: Place, overwrite: boolean): Promise<void> {
  const to = target.session.overlay;
  if (!overwrite && (await exists(to, target.path))) throw new OverlayError("EEXIST", "copy", target.path);
  const growing = join(parentOf(target.path), `.${nameOf(target.path).slice(0, 100)}.${Date.now().toString(36)}.copy`);
  try {
    await copyEntry(source.session.overlay, source.path, to, growing);
    if (overwrite) await to.remove(target.path, { recursive: true }).catch((error: unknown) => { if (!isCode(error, "ENOENT")) throw error; });
    await to.rename(growing, target.path, { overwrite: false });
  } catch (error) {
    await to.remove(growing, { recursive: true }).catch(() => undefined);
    throw error;
  }
}

async function exists(overlay: Overlay, path: string): Promise<boolean> {
  try {
    await overlay.lstat(path);
    return true;
  } catch (error) {
    if (isCode(error, "ENOENT")) return false;
    throw error;
  }
}

async function copyEntry(from: Overlay, source: string, to: Overlay, target: string): Promise<void> {
  const stat = await from.lstat(source);
  switch (stat.type) {
    case "file":
      await copyContent(from, source, to, target, stat.mode);
      await to.utimes(target, stat.atimeMs / 1000, stat.mtimeMs / 1000);
      return;
    case "directory":
      await to.createDirectory(target);
      for (const { name } of await from.readDirectory(source)) await copyEntry(from, join(source, name), to, join(target, name));
      await to.chmod(target, stat.mode);
      return;
    case "symlink":
      await to.symlink(await from.readlink(source), target);
      return;
    case "fifo":
    case "socket":
    case "block":
    case "character":
    case "unknown":
      throw new OverlayError("ENOTSUP", "copy", source, { reason: "it is no file, folder or symbolic link" });
  }
}

async function copyContent(from: Overlay, source: string, to: Overlay, target: string, mode: number): Promise<void> {
  const reader = await from.open(source, "r");
  try {
    const writer = await to.open(target, "wx", mode | 0o200);
    try {
      const piece = new Uint8Array(pieceSize);
      for (let position = 0; ;) {
        const length = await reader.read(piece, position);
        if (length === 0) break;
        await writer.write(piece.subarray(0, length), position);
        position += length;
      }
    } finally {
      await writer.close();
    }
    await to.chmod(target, mode);
  } finally {
    await reader.close();
  }
}

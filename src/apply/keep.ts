/** What is overwritten or deleted is kept first: its bytes in the record's folder, what else there is of it in the journal. */
import { OverlayError, type ReadHandle, type ScratchLayer } from "../engine/index.js";
import { piecesOf } from "../carry/pieces.js";
import { NodeLowerLayer } from "../host/nodeLayer.js";
import type { BaseWriter } from "./baseWriter.js";
import { recordsFolder } from "./journal.js";
import type { Kept, Print } from "./types.js";

export function keptPath(id: string, file: string): string {
  return `${recordsFolder}/${id}/${file}`;
}

/** Forced to the disk when it returns. @throws OverlayError EBUSY when it is no longer what `print` says; LayerError ENOSPC, ... */
export async function keep(base: BaseWriter, folder: ScratchLayer, id: string, n: number, path: string, print: Print): Promise<Kept> {
  const lower = new NodeLowerLayer(base.root);
  if (print.type === "symlink") return { ...print, target: await lower.readLink(path.slice(1)) };
  if (print.type !== "file") return print;
  const file = `kept/${n}`;
  const at = keptPath(id, file);
  const source = await lower.openRead(path.slice(1));
  try {
    if (!(await folder.cloneFrom(source, at, 0o600))) await copy(source, folder, at);
    else {
      const cloned = await folder.openWrite(at, {});
      await cloned.sync().finally(() => cloned.close());
    }
    const now = await source.fingerprint();
    if (String(now.size) !== print.size || String(now.mtimeNs) !== print.mtimeNs || String(now.ino) !== print.ino) {
      throw new OverlayError("EBUSY", "apply", path, { reason: `'${path}' of the base changed while it was kept; make a new plan` });
    }
  } catch (error) {
    // The disk that is full has use for what came of it.
    await folder.unlink(at).catch(() => undefined);
    throw error;
  } finally {
    await source.close();
  }
  return { ...print, file };
}

async function copy(source: ReadHandle, folder: ScratchLayer, at: string): Promise<void> {
  const file = await folder.create(at, 0o600);
  try {
    let position = 0;
    for await (const piece of piecesOf(source)) {
      await file.write(piece, position);
      position += piece.length;
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

/** What was kept, to be put back. @throws LayerError when it is not there any more */
export async function* keptBytes(folder: ScratchLayer, id: string, file: string): AsyncGenerator<Uint8Array> {
  const source = await folder.openRead(keptPath(id, file));
  try {
    yield* piecesOf(source);
  } finally {
    await source.close();
  }
}

/**
 * What a file made in a folder looks like: whose it is and which bits it lacks. Made and looked at, because the
 * process's own ids and umask do not decide it alone: a set-group-id bit, default ACLs and mount options do too.
 */
import { randomBytes } from "node:crypto";
import { open, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { ScratchLayer } from "../engine/layer.js";

const asked = 0o777;

/** Undefined on Windows, and where nothing can be made: then everything is set anew on each copy. */
export async function probeCreator(folder: string): Promise<ScratchLayer["creator"]> {
  if (process.platform === "win32") return undefined;
  const path = join(folder, `probe-${randomBytes(8).toString("hex")}`);
  try {
    const file = await open(path, "wx", asked);
    try {
      const { uid, gid, mode } = await file.stat();
      return { uid, gid, umask: asked & ~mode };
    } finally {
      await file.close();
      await unlink(path);
    }
  } catch {
    return undefined;
  }
}

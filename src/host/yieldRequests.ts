/** The request.<nonce> files by which other processes ask the owner of an overlay to let go. */
import { randomBytes } from "node:crypto";
import { unlinkSync } from "node:fs";
import { readFile, readdir, rename, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Disposable } from "../engine/types.js";
import { nodeFault } from "./nodeFault.js";

/** A window that merely opens the overlay, or a user who chose to take it over. */
export type AskedBy = "window" | "user";

export interface YieldRequest {
  readonly nonce: string;
  readonly pid: number;
  readonly host: string;
  readonly by: AskedBy;
}

const requestName = /^request\.([0-9a-f]+)$/;
const requestFile = /^request[.-][0-9a-f]+(\.tmp)?$/;

export async function writeRequest(folder: string, asker: { pid: number; host: string; by: AskedBy }): Promise<Disposable> {
  const nonce = randomBytes(8).toString("hex");
  const path = join(folder, `request.${nonce}`);
  const temp = join(folder, `request-${nonce}.tmp`); // whole when the owner sees it
  try {
    await writeFile(temp, JSON.stringify({ pid: asker.pid, host: asker.host, by: asker.by }), { flag: "wx" });
    await rename(temp, path);
  } catch (error) {
    throw nodeFault(error, "open", path);
  }
  return {
    dispose: () => {
      try {
        unlinkSync(path);
      } catch {
        // The next owner has cleared it away.
      }
    },
  };
}

export async function readRequests(folder: string): Promise<YieldRequest[]> {
  const names = await readdir(folder).catch(() => []);
  const found = names.map(async (name): Promise<YieldRequest | undefined> => {
    const nonce = requestName.exec(name)?.[1];
    if (nonce === undefined) return undefined;
    try {
      const { pid, host, by } = JSON.parse(await readFile(join(folder, name), "utf8")) as Record<string, unknown>;
      return typeof pid === "number" && typeof host === "string" ? { nonce, pid, host, by: by === "user" ? by : "window" } : undefined;
    } catch {
      return undefined;
    }
  });
  return (await Promise.all(found)).filter((request) => request !== undefined);
}

export async function removeRequests(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  await Promise.all(names.filter((name) => requestFile.test(name)).map((name) => unlink(join(folder, name)).catch(() => undefined)));
}

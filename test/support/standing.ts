/** Which processes have a folder as their working folder: what keeps a mount there busy. Linux alone. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Their command lines. */
export function standingIn(folder: string): string[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
    try {
      return readlinkSync(`/proc/${pid}/cwd`) === folder ? [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim()}`] : [];
    } catch {
      return []; // it has ended
    }
  });
}

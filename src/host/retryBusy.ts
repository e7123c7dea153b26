/**
 * Windows refuses to rename what somebody holds open, and scanners hold everything open for a moment. So: again, a
 * few times, then the refusal stands with nothing changed.
 */
import { isCode } from "../engine/errors.js";

const pausesMs = [5, 10, 20, 40, 80, 160, 320];

export async function retryBusy<T>(
  attempt: () => Promise<T>,
  pause: (ms: number) => Promise<void> = (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
): Promise<T> {
  for (const ms of pausesMs) {
    try {
      return await attempt();
    } catch (error) {
      if (!isCode(error, "EPERM", "EBUSY", "EACCES")) throw error;
    }
    await pause(ms);
  }
  return attempt();
}

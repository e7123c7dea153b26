/** What a crash kept from leaving the upper, though it was applied, leaves it when the overlay is next opened. */
import { Sides } from "../carry/sides.js";
import type { Carried } from "../carry/types.js";
import { leaveUpper } from "./leaveUpper.js";
import type { Recovered } from "./recover.js";

export async function settleRecovered(overlay: Carried, { removed, put }: Recovered): Promise<void> {
  if (!overlay.writable || overlay.manifest.snapshots.length > 0 || removed.length + put.length === 0) return;
  await leaveUpper(await Sides.of(overlay, "apply"), removed, put);
}

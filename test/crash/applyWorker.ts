/** A process of its own that applies, or exports a folder, with the built engine: to be killed, or to meet a full disk. */
import { writeSync } from "node:fs";
import type { ApplyReport, Carried, FolderReport, Plan } from "../../src/host/index.js";

const [engine = "", what = "", base = "", scratch = "", target = ""] = process.argv.slice(2);
const { openOverlay, planApply, apply, exportFolder } = await import(engine) as {
  openOverlay: (options: object) => Promise<Carried>;
  planApply: (overlay: Carried) => Promise<Plan>;
  apply: (overlay: Carried, plan: Plan, options: object) => Promise<ApplyReport>;
  exportFolder: (overlay: Carried, target: string) => Promise<FolderReport>;
};

const overlay = await openOverlay({ base, scratch, durability: "none" });
writeSync(1, "begun\n");
let said: unknown;
try {
  const report = what === "apply" ? await apply(overlay, await planApply(overlay), { onProgress: () => { writeSync(1, "step\n"); } }) : await exportFolder(overlay, target);
  said = "applied" in report ? { id: report.id, applied: report.applied.map(({ path }) => path), notDone: report.notDone } : { files: report.files };
} catch (error) {
  said = { error: error instanceof Error && "reason" in error ? error.reason : String(error) };
}
// On a full disk the lock cannot say that it is free; that this process has ended says it as well.
await overlay.dispose().catch(() => undefined);
writeSync(1, `${JSON.stringify(said)}\n`);

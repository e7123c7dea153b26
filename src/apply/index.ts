/**
 * The border of the one folder that writes the base (INV-1). Only the host's index imports it: lint says so.
 */
export { apply, type ApplyOptions } from "./apply.js";
export { planApply } from "./plan.js";
export { recoverApplies, type Recovered } from "./recover.js";
export { settleRecovered } from "./settle.js";
export type { Action, Applied, ApplyReport, NotDone, Plan, PlanItem, Print } from "./types.js";
export { appliedRecords, forgetApply, undoApply, type UndoReport } from "./undo.js";

/**
 * The single changes of the base that a plan comes to, in an order in which each has its place when its turn comes: what
 * is new first, as long as nothing stands there, then what goes, then what takes the place of what went. Pure.
 */
import type { Entry } from "../carry/types.js";
import type { OpKind, PlanItem, Print } from "./types.js";

export interface Op {
  readonly kind: OpKind;
  readonly path: string;
  readonly item: PlanItem;
  /** What it puts, or what mode and times a folder gets. */
  readonly after?: Entry;
  /** What must be there when it is done; absent: nothing. */
  readonly print?: Print;
}

export function orderOps(items: readonly PlanItem[]): Op[] {
  const replaced = new Set(items.flatMap(({ action, path }) => (action === "replace" ? [path] : [])));
  const waits = (path: string): boolean => {
    for (let at = path; at !== ""; at = at.slice(0, at.lastIndexOf("/"))) if (replaced.has(at)) return true;
    return false;
  };
  const ops = items.flatMap((item) => opsOf(item));
  const turn = ({ kind, path }: Op): number => {
    switch (kind) {
      case "mkdir": return waits(path) ? 5 : 0;
      case "put": return waits(path) ? 6 : 1;
      case "remove": return 2;
      case "rmdir": return 3;
      case "chmod": return 7;
    }
  };
  // Folders before what is in them, but the other way where they go, and where their modes may forbid what is left to do.
  const deepFirst = (op: Op): boolean => op.kind === "rmdir" || op.kind === "chmod";
  return ops.sort((a, b) => turn(a) - turn(b) || (deepFirst(a) ? -1 : 1) * (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

function opsOf(item: PlanItem): Op[] {
  const { action, path, print, pair: { before, after } } = item;
  const was = print === undefined ? {} : { print };
  const put: Op[] = after === undefined ? [] : [{ kind: "put", path, item, after }];
  switch (action) {
    case "create": return put;
    case "overwrite": return put.map((op) => ({ ...op, ...was }));
    case "mode": return after === undefined ? [] : [{ kind: "chmod", path, item, after, ...was }];
    case "delete": return [{ kind: "remove", path, item, ...was }];
    case "rmdir": return [{ kind: "rmdir", path, item, ...was }];
    case "mkdir": return after === undefined ? [] : [{ kind: "mkdir", path, item, after }];
    case "rename": return before === undefined ? put : [...put, { kind: "remove", path: before.path, item, ...was }];
    case "replace":
      return after?.type === "directory" ? [{ kind: "remove", path, item, ...was }, { kind: "mkdir", path, item, after }] : [{ kind: "rmdir", path, item, ...was }, ...put];
  }
}

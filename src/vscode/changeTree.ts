/**
 * The rows of the Overlay Changes view: folders on the way to changed entries, and those entries. Pure. Every update
 * names the rows to draw again, so that one save redraws one row.
 */
import type { Change } from "../engine/index.js";
import { join, nameOf, parentOf } from "./paths.js";

export interface ChangeRow {
  readonly path: string;
  readonly name: string;
  readonly parent: ChangeRow | undefined;
  /** Undefined for a folder that is shown for what lies in it. */
  change: Change | undefined;
  readonly children: Map<string, ChangeRow>;
}

export class ChangeTree {
  readonly root: ChangeRow = { path: "/", name: "", parent: undefined, change: undefined, children: new Map() };

  constructor(changes: Iterable<Change> = []) {
    for (const change of changes) this.set(change.path, change);
  }

  find(path: string): ChangeRow | undefined {
    if (path === "/") return this.root;
    return this.find(parentOf(path))?.children.get(nameOf(path));
  }

  /** Returns the row whose drawing, or whose list of children, is different now. */
  set(path: string, change: Change | undefined): ChangeRow | undefined {
    return change === undefined ? this.remove(path) : this.put(path, change);
  }

  /** Folders first, then by name, as the Explorer sorts. */
  static sorted(row: ChangeRow): ChangeRow[] {
    return [...row.children.values()].sort((a, b) => Number(isFolder(b)) - Number(isFolder(a)) || compareNames(a.name, b.name));
  }

  private put(path: string, change: Change): ChangeRow {
    let at = this.root;
    let highest: ChangeRow | undefined;
    const names = path === "/" ? [] : path.slice(1).split("/");
    for (const name of names) {
      let next = at.children.get(name);
      if (next === undefined) {
        next = { path: join(at.path, name), name, parent: at, change: undefined, children: new Map() };
        at.children.set(name, next);
        highest ??= at;
      }
      at = next;
    }
    const wasFolder = isFolder(at);
    at.change = change;
    // Its place among its siblings may be another.
    return highest ?? (wasFolder === isFolder(at) ? at : at.parent ?? at);
  }

  private remove(path: string): ChangeRow | undefined {
    let row = this.find(path);
    if (row?.change === undefined) return undefined;
    row.change = undefined;
    if (row.children.size > 0) return row;
    while (row.parent !== undefined && row.children.size === 0 && row.change === undefined) {
      row.parent.children.delete(row.name);
      row = row.parent;
    }
    return row;
  }
}

export function isFolder(row: ChangeRow): boolean {
  return row.children.size > 0 || row.change === undefined || row.change.type === "directory";
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

function compareNames(a: string, b: string): number {
  return collator.compare(a, b) || (a < b ? -1 : Number(a > b));
}

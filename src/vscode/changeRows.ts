/**
 * The rows of a source control: one object for each change, in the group that it belongs to. VS Code takes a group's
 * rows as one array and tells rows apart by identity, so a row is kept for as long as nothing of it is different. Pure.
 */
import { sameChange, type ShownChange } from "./changeModel.js";

export const groupIds = ["changes", "stale"] as const;
export type GroupId = (typeof groupIds)[number];

/** What a row is made of. */
export interface RowContent {
  readonly change: ShownChange;
  /** Where a deleted entry is found now, when it was renamed. */
  readonly renamedTo: string | undefined;
}

interface Kept<Row> {
  readonly content: RowContent;
  readonly row: Row;
}

export class ChangeRows<Row> {
  private groups = emptyGroups<Row>();
  private readonly different = new Set<GroupId>();

  constructor(private readonly make: (content: RowContent) => Row) {}

  get count(): number {
    return groupIds.reduce((sum, id) => sum + this.groups[id].size, 0);
  }

  /** Everything anew; rows of which nothing is different stay. */
  replaceAll(contents: Iterable<RowContent>): void {
    const before = this.groups;
    this.groups = emptyGroups();
    for (const content of contents) {
      const id = groupOf(content.change);
      this.groups[id].set(content.change.path, this.kept(before[id].get(content.change.path), content));
    }
    for (const id of groupIds) this.different.add(id);
  }

  /** One path: its row comes, goes, is made anew, or moves to the other group. */
  set(path: string, content: RowContent | undefined): void {
    const to = content === undefined ? undefined : groupOf(content.change);
    for (const id of groupIds) if (id !== to && this.groups[id].delete(path)) this.different.add(id);
    if (content === undefined || to === undefined) return;
    const before = this.groups[to].get(path);
    const now = this.kept(before, content);
    if (now === before) return;
    this.groups[to].set(path, now);
    this.different.add(to);
  }

  /** The groups that are different since the last call, with all of their rows. */
  take(): ReadonlyMap<GroupId, Row[]> {
    const taken = new Map([...this.different].map((id) => [id, this.rowsOf(id)] as const));
    this.different.clear();
    return taken;
  }

  rowsOf(id: GroupId): Row[] {
    return Array.from(this.groups[id].values(), ({ row }) => row);
  }

  private kept(before: Kept<Row> | undefined, content: RowContent): Kept<Row> {
    if (before !== undefined && before.content.renamedTo === content.renamedTo && sameChange(before.content.change, content.change)) return before;
    return { content, row: this.make(content) };
  }
}

function groupOf({ stale }: ShownChange): GroupId {
  return stale === true ? "stale" : "changes";
}

function emptyGroups<Row>(): Record<GroupId, Map<string, Kept<Row>>> {
  return { changes: new Map(), stale: new Map() };
}

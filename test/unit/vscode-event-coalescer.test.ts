// INV-12 at the editor's border: folded events say what is different now, and nothing else.
import { describe, expect, it } from "vitest";
import { EventCoalescer, type FileEvent, type NetEvent } from "../../src/vscode/eventCoalescer.ts";

const parse = (text: string): FileEvent[] => text.split(" ").map((word) => {
  const type = ({ "+": "created", "~": "changed", "-": "deleted" } as const)[word.charAt(0)];
  if (type === undefined) throw new Error(word);
  return { type, path: word.slice(1) };
});
const marks = { created: "+", changed: "~", deleted: "-", replaced: "=" } as const;
const print = (events: readonly NetEvent[]): string => events.map(({ type, path }) => marks[type] + path).join(" ");

function fold(text: string): string {
  const coalescer = new EventCoalescer();
  for (const event of parse(text)) coalescer.add(event);
  return print(coalescer.take());
}

describe("INV-12 event coalescer", () => {
  it.each([
    ["+/a ~/a", "+/a", "created, then changed, is created"],
    ["+/a -/a", "", "created, then deleted, is nothing"],
    ["~/a ~/a", "~/a", "two changes are one"],
    ["~/a -/a", "-/a", "changed, then deleted, is deleted"],
    ["-/a +/a", "=/a", "deleted, then created, is something else under the name"],
    ["-/a +/a ~/a", "=/a", "and stays that when it changes"],
    ["-/a +/a -/a", "-/a", "and is deleted when it goes again"],
    ["+/a -/a +/a", "+/a", "a name that comes back is created"],
    ["~/d/x +/d/y -/d", "-/d", "what happened in a folder goes with the folder"],
    ["+/d +/d/y -/d", "", "a folder that came and went leaves nothing, its content neither"],
    ["-/d +/d +/d/y", "=/d +/d/y", "a folder made anew tells of its new content"],
    ["-/d/x -/d", "-/d", "a child's deletion goes with its folder's"],
    ["~/dx -/d", "~/dx -/d", "a name that only begins alike stays"],
    ["~/a +/b ~/a", "~/a +/b", "order is that of the first of each"],
    ["-/from +/to", "-/from +/to", "a rename stays two events"],
  ])("%s gives '%s': %s", (events, net) => {
    expect(fold(events)).toBe(net);
  });

  it("starts again after take()", () => {
    const coalescer = new EventCoalescer();
    coalescer.add({ type: "created", path: "/a" });
    coalescer.take();
    expect(coalescer.empty).toBe(true);
    coalescer.add({ type: "deleted", path: "/a" });
    expect(print(coalescer.take())).toBe("-/a");
  });
});

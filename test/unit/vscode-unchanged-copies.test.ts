// Copies that are what the base has again: found in the background, not shown, asked about once more when something happened.
import { describe, expect, it } from "vitest";
import { OverlayError, type Change, type OverlayEvent, type OverlayStat } from "../../src/engine/index.ts";
import { ChangeModel, type ModelEvent, type ShownChange } from "../../src/vscode/changeModel.ts";
import { CopyChecks } from "../../src/vscode/copyChecks.ts";
import { CopyComparer } from "../../src/vscode/copyComparer.ts";

const copied = (path: string): Change => ({ kind: "copied", path, type: "file" });
const settled = async (): Promise<void> => new Promise((resolve) => { setTimeout(resolve, 5); });

class FakeOverlay {
  readonly asked: string[] = [];
  readonly checked: string[] = [];
  readonly same = new Set<string>();
  private listener: (events: readonly OverlayEvent[]) => void = () => undefined;
  /** When set, answers wait for it. */
  gate: Promise<void> | undefined;

  constructor(public state: readonly ShownChange[]) {}

  async changes(path = "/"): Promise<readonly ShownChange[]> {
    this.asked.push(`walk ${path}`);
    return this.state.filter((change) => path === "/" || change.path === path || change.path.startsWith(`${path}/`));
  }

  async changeOf(path: string): Promise<ShownChange | undefined> {
    this.asked.push(`ask ${path}`);
    return this.state.find((change) => change.path === path);
  }

  readonly isUnchanged = async (path: string): Promise<boolean> => {
    this.checked.push(path);
    const answer = this.same.has(path);
    await this.gate;
    return answer;
  };

  onDidChange(listener: (events: readonly OverlayEvent[]) => void): { dispose(): void } {
    this.listener = listener;
    return { dispose: () => undefined };
  }

  fire(...events: OverlayEvent[]): void {
    this.listener(events);
  }
}

function rig(state: readonly ShownChange[], ...same: string[]): { source: FakeOverlay; model: ChangeModel; events: ModelEvent[]; shown: () => string[] } {
  const source = new FakeOverlay(state);
  for (const path of same) source.same.add(path);
  const model = new ChangeModel(source, (error) => { throw error; });
  const events: ModelEvent[] = [];
  model.onDidChange((event) => { events.push(event); });
  return { source, model, events, shown: () => model.all().map(({ path }) => path) };
}

describe("unchanged copies in the change model", () => {
  it("are shown with the first walk, which waits for no comparison, and go when they are known", async () => {
    const { source, model, events, shown } = rig([copied("/a"), copied("/b"), { kind: "added", path: "/n", type: "file" }], "/a");
    let open = (): void => undefined;
    source.gate = new Promise((resolve) => { open = resolve; });
    await model.load();
    expect(shown()).toEqual(["/a", "/b", "/n"]);
    open();
    await settled();
    expect(shown()).toEqual(["/b", "/n"]);
    expect([model.count, model.countWithin("/"), model.unchangedCount]).toEqual([2, 2, 1]);
    expect(source.checked).toEqual(["/a", "/b"]);
    expect(events).toEqual([{ kind: "loaded" }, { kind: "changed", paths: ["/a"] }]);
  });

  it("come back when a save makes them differ, and stay hidden through one that does not", async () => {
    const { source, model, events, shown } = rig([copied("/a")], "/a");
    await model.load();
    await settled();
    source.fire({ type: "changed", path: "/a" });
    await settled();
    expect(shown()).toEqual([]);
    expect(events).toHaveLength(2);
    source.same.clear();
    source.fire({ type: "changed", path: "/a" });
    await settled();
    expect(shown()).toEqual(["/a"]);
  });

  it("are known again after a walk, with nothing that comes and goes", async () => {
    const { model, events, shown } = rig([copied("/a"), copied("/b")], "/a");
    await model.load();
    await settled();
    await model.reload();
    expect(shown()).toEqual(["/b"]);
    await settled();
    expect(events.slice(2)).toEqual([{ kind: "loaded" }]);
  });

  it("are forgotten with a reset, and with the folder that held them", async () => {
    const { source, model } = rig([copied("/a"), copied("/d/b")], "/a", "/d/b");
    await model.load();
    await settled();
    source.state = [];
    source.fire({ type: "changed", path: "/a" }, { type: "deleted", path: "/d" });
    await settled();
    expect([model.unchangedCount, model.count]).toEqual([0, 0]);
  });

  it("an answer counts for nothing when the file was written meanwhile", async () => {
    const { source, model, shown } = rig([copied("/a")], "/a");
    let open = (): void => undefined;
    source.gate = new Promise((resolve) => { open = resolve; });
    await model.load();
    source.same.clear();
    source.fire({ type: "changed", path: "/a" });
    await settled();
    open();
    await settled();
    expect(shown()).toEqual(["/a"]);
    expect(source.checked).toEqual(["/a", "/a"]);
  });

  it("are asked about again when the base changes beneath them, as is a copy that now may be one", async () => {
    const { source, model, shown } = rig([copied("/a"), copied("/b"), copied("/c")], "/a");
    await model.load();
    await settled();
    source.same.clear();
    source.same.add("/b");
    source.checked.length = 0;
    model.baseChanged(["/a", "/b", "/elsewhere"]);
    await settled();
    expect(source.checked).toEqual(["/a", "/b"]);
    expect(shown().toSorted()).toEqual(["/a", "/c"]);
  });

  it("one save among 10,000 copies asks the engine about that file alone", async () => {
    const { source, model, events } = rig(Array.from({ length: 10_000 }, (_, i) => copied(`/f${i}`)));
    await model.load();
    await settled();
    expect([source.asked.length, source.checked.length]).toEqual([1, 10_000]);
    source.asked.length = 0;
    source.checked.length = 0;
    source.fire({ type: "changed", path: "/f7" });
    await settled();
    expect([source.asked, source.checked]).toEqual([["ask /f7"], ["/f7"]]);
    expect(events).toEqual([{ kind: "loaded" }]);
  });

  it("a change becomes stale, and is told of", async () => {
    const { source, model, events } = rig([copied("/a")]);
    await model.load();
    source.state = [{ ...copied("/a"), stale: true }];
    source.fire({ type: "changed", path: "/a" });
    await settled();
    expect(model.get("/a")?.stale).toBe(true);
    expect(events.slice(1)).toEqual([{ kind: "changed", paths: ["/a"] }]);
  });

  it("the old name of a renamed entry is told of when that goes elsewhere", async () => {
    const { source, model, events } = rig([{ kind: "deleted", path: "/a", type: "file" }, { kind: "renamed", path: "/b", type: "file", from: "/a" }]);
    await model.load();
    source.state = [{ kind: "deleted", path: "/a", type: "file" }, { kind: "renamed", path: "/c", type: "file", from: "/a" }];
    source.fire({ type: "deleted", path: "/b" }, { type: "created", path: "/c" });
    await settled();
    expect(events.slice(1)).toEqual([{ kind: "changed", paths: ["/b", "/c", "/a"] }]);
  });

  it("the old name of an entry that is found to be renamed is told of", async () => {
    const { source, model, events } = rig([{ kind: "deleted", path: "/a", type: "file" }, { kind: "added", path: "/b", type: "file" }]);
    await model.load();
    source.state = [{ kind: "deleted", path: "/a", type: "file" }, { kind: "renamed", path: "/b", type: "file", from: "/a" }];
    source.fire({ type: "changed", path: "/b" });
    await settled();
    expect(events.slice(1)).toEqual([{ kind: "changed", paths: ["/b", "/a"] }]);
  });
});

describe("the checks", () => {
  it("an answer that comes late does not take the place of the newer one", async () => {
    const open: { path: string; answer: (same: boolean) => void }[] = [];
    const told: [string, boolean][] = [];
    const checks = new CopyChecks((path) => new Promise((resolve) => { open.push({ path, answer: resolve }); }), (verdicts) => { told.push(...verdicts); });
    checks.add("/slow");
    checks.add("/other");
    checks.start();
    checks.add("/slow");
    open[1]?.answer(true);
    await settled();
    expect(open.map(({ path }) => path)).toEqual(["/slow", "/other", "/slow"]);
    open[2]?.answer(false);
    await settled();
    open[0]?.answer(true);
    await settled();
    expect(told).toEqual([["/other", true], ["/slow", false]]);
  });

  it("dispose stops them: what runs is told, nothing more is asked or answered", async () => {
    const signals: AbortSignal[] = [];
    const told: string[] = [];
    const ends: (() => void)[] = [];
    const checks = new CopyChecks(async (_path, signal) => {
      signals.push(signal);
      await new Promise<void>((resolve) => { ends.push(resolve); });
      return true;
    }, (verdicts) => { told.push(...verdicts.keys()); });
    for (let i = 0; i < 10; i++) checks.add(`/f${i}`);
    checks.start();
    checks.dispose();
    for (const end of ends) end();
    await settled();
    expect([signals.length, signals.every(({ aborted }) => aborted), told]).toEqual([4, true, []]);
  });
});

describe("the comparer", () => {
  const stat = (over: Partial<OverlayStat>): OverlayStat => ({
    type: "file", mode: 0o644, uid: 0, gid: 0, size: 3, nlink: 1, dev: 1, ino: 1, rdev: 0, atimeMs: 0, mtimeMs: 1000, ctimeMs: 1000, birthtimeMs: 0, layer: "upper", ...over,
  });
  const never = new AbortController().signal;

  function comparer(mine: Partial<OverlayStat>, base: Partial<OverlayStat> = {}, now = 1_000_000): { sides: { mine: OverlayStat; base: OverlayStat }; read: string[]; ask: () => Promise<boolean> } {
    const sides = { mine: stat(mine), base: stat({ layer: "lower", ino: 2, ...base }) };
    const read: string[] = [];
    const overlay = {
      lstat: async () => sides.mine,
      statLower: async () => sides.base,
      isUnchangedCopy: async (path: string) => {
        read.push(path);
        return true;
      },
    };
    const one = new CopyComparer(() => overlay, () => now);
    return { sides, read, ask: () => one.isUnchanged("/a", never) };
  }

  it.each([["size", { size: 4 }], ["mode", { mode: 0o755 }], ["type", { type: "symlink" as const }], ["layer", { layer: "lower" as const }]])("reads nothing where the %s differs", async (_what, over) => {
    const { read, ask } = comparer(over);
    expect([await ask(), read]).toEqual([false, []]);
  });

  it("reads once for as long as both sides look as they did", async () => {
    const { sides, read, ask } = comparer({});
    expect([await ask(), await ask(), read.length]).toEqual([true, true, 1]);
    sides.base = stat({ layer: "lower", ino: 2, mtimeMs: 2000 });
    expect([await ask(), read.length]).toEqual([true, 2]);
    sides.mine = stat({ ctimeMs: 3000 });
    expect([await ask(), read.length]).toEqual([true, 3]);
  });

  it("remembers nothing of a file that was just written: it may be written again within the same tick", async () => {
    const { read, ask } = comparer({ ctimeMs: 999_000 });
    expect([await ask(), await ask(), read.length]).toEqual([true, true, 2]);
  });

  it("passes on that it could not be done, and remembers nothing of it", async () => {
    const failing = new CopyComparer(() => ({
      lstat: async () => stat({}), statLower: async () => stat({ layer: "lower" }),
      isUnchangedCopy: async (path) => { throw new OverlayError("EIO", "isUnchangedCopy", path); },
    }), () => 1_000_000);
    await expect(failing.isUnchanged("/a", never)).rejects.toMatchObject({ code: "EIO" });
  });
});

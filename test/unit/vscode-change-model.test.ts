// The model behind decorations, view and status bar: one walk, then only what events name.
import { describe, expect, it } from "vitest";
import { OverlayError, type Change, type OverlayEvent } from "../../src/engine/index.ts";
import { ChangeModel, type ChangeSource, type ModelEvent } from "../../src/vscode/changeModel.ts";

const added = (path: string, type: Change["type"] = "file"): Change => ({ kind: "added", path, type });
const copied = (path: string, type: Change["type"] = "file"): Change => ({ kind: "copied", path, type });
const deleted = (path: string): Change => ({ kind: "deleted", path, type: "file" });

class FakeOverlay implements ChangeSource {
  readonly asked: string[] = [];
  private readonly listeners = new Set<(events: readonly OverlayEvent[]) => void>();
  failing = false;

  constructor(public state: readonly Change[] = []) {}

  async changes(path = "/"): Promise<readonly Change[]> {
    this.asked.push(`walk ${path}`);
    await Promise.resolve();
    if (this.failing) throw new OverlayError("EIO", "changes", path);
    return this.state.filter((change) => change.path === path || path === "/" || change.path.startsWith(`${path}/`));
  }

  async changeOf(path: string): Promise<Change | undefined> {
    this.asked.push(`ask ${path}`);
    return this.state.find((change) => change.path === path);
  }

  onDidChange(listener: (events: readonly OverlayEvent[]) => void): { dispose(): void } {
    this.listeners.add(listener);
    return { dispose: () => { this.listeners.delete(listener); } };
  }

  fire(...events: OverlayEvent[]): void {
    for (const listener of this.listeners) listener(events);
  }
}

interface Rig {
  source: FakeOverlay;
  model: ChangeModel;
  events: ModelEvent[];
  failures: unknown[];
}

function rig(state: readonly Change[] = []): Rig {
  const source = new FakeOverlay(state);
  const failures: unknown[] = [];
  const model = new ChangeModel(source, (error) => { failures.push(error); });
  const events: ModelEvent[] = [];
  model.onDidChange((event) => { events.push(event); });
  return { source, model, events, failures };
}

const settled = async (): Promise<void> => new Promise((resolve) => { setTimeout(resolve, 5); });

describe("change model", () => {
  it("knows nothing, and asks nothing, before it is loaded", async () => {
    const { source, model } = rig([added("/a")]);
    source.fire({ type: "changed", path: "/a" });
    await settled();
    expect(model.count).toBeUndefined();
    expect(source.asked).toEqual([]);
  });

  it("loads with one walk, however often it is asked to", async () => {
    const { source, model, events } = rig([added("/a"), deleted("/d/x")]);
    await Promise.all([model.load(), model.load()]);
    await model.load();
    expect(source.asked).toEqual(["walk /"]);
    expect(model.count).toBe(2);
    expect(events).toEqual([{ kind: "loaded" }]);
  });

  it("leaves out folders that were copied up only to hold something", async () => {
    const { model } = rig([copied("/d", "directory"), copied("/d/x")]);
    await model.load();
    expect(model.all().map(({ path }) => path)).toEqual(["/d/x"]);
  });

  it("asks for one path, and tells of none, when a changed file is saved again", async () => {
    const { source, model, events } = rig([copied("/a"), copied("/b")]);
    await model.load();
    source.asked.length = 0;
    source.fire({ type: "changed", path: "/a" });
    await settled();
    expect(source.asked).toEqual(["ask /a"]);
    expect(events).toEqual([{ kind: "loaded" }]);
  });

  it("tells of the one path that a first save changes", async () => {
    const { source, model, events } = rig([copied("/b")]);
    await model.load();
    source.state = [copied("/a"), copied("/b")];
    source.fire({ type: "changed", path: "/a" });
    await settled();
    expect(model.get("/a")?.kind).toBe("copied");
    expect(events.slice(1)).toEqual([{ kind: "changed", paths: ["/a"] }]);
  });

  it("walks a created folder, since one event stands for all that is in it", async () => {
    const { source, model } = rig();
    await model.load();
    source.state = [added("/d", "directory"), added("/d/x"), added("/d/e/y")];
    source.fire({ type: "created", path: "/d" });
    await settled();
    expect(source.asked.slice(1)).toEqual(["walk /d"]);
    expect(model.count).toBe(3);
  });

  it("forgets what lay in a deleted folder", async () => {
    const { source, model, events } = rig([added("/d", "directory"), added("/d/x"), added("/dx")]);
    await model.load();
    source.state = [added("/dx")];
    source.fire({ type: "deleted", path: "/d" });
    await settled();
    expect(model.all().map(({ path }) => path)).toEqual(["/dx"]);
    expect(events.slice(1)).toEqual([{ kind: "changed", paths: ["/d", "/d/x"] }]);
  });

  it("notices that a rename's source is something else now", async () => {
    const { source, model } = rig([added("/a")]);
    await model.load();
    source.state = [{ kind: "renamed", path: "/a", type: "file", from: "/b" }];
    source.fire({ type: "changed", path: "/a" });
    await settled();
    expect(model.get("/a")).toEqual({ kind: "renamed", path: "/a", type: "file", from: "/b" });
  });

  it("knows where a renamed entry's old name went, until that is no longer so", async () => {
    const moved: Change = { kind: "renamed", path: "/e", type: "directory", from: "/d" };
    const { source, model } = rig([{ kind: "deleted", path: "/d", type: "directory" }, moved]);
    await model.load();
    expect(model.renamedTo("/d")).toBe("/e");
    source.state = [];
    source.fire({ type: "deleted", path: "/e" }, { type: "created", path: "/d" });
    await settled();
    expect(model.renamedTo("/d")).toBeUndefined();
  });

  it("counts what lies in each folder as entries come and go", async () => {
    const { source, model } = rig([added("/d/e/x"), added("/d/y")]);
    await model.load();
    expect(["/", "/d", "/d/e", "/d/y", "/z"].map((path) => model.countWithin(path))).toEqual([2, 2, 1, 1, 0]);
    source.state = [added("/d/y")];
    source.fire({ type: "deleted", path: "/d/e/x" });
    await settled();
    expect(["/", "/d", "/d/e"].map((path) => model.countWithin(path))).toEqual([1, 1, 0]);
  });

  it("walks once when very many paths are different", async () => {
    const { source, model } = rig();
    await model.load();
    const paths = Array.from({ length: 1000 }, (_, i) => `/f${i}`);
    source.state = paths.map((path) => added(path));
    source.fire(...paths.map((path) => ({ type: "created" as const, path })));
    await settled();
    expect(source.asked).toEqual(["walk /", "walk /"]);
    expect(model.count).toBe(1000);
  });

  it("takes in what happens while it walks", async () => {
    const { source, model } = rig([added("/a")]);
    const loading = model.load();
    source.state = [added("/a"), added("/b")];
    source.fire({ type: "created", path: "/b" });
    await loading;
    expect(model.count).toBe(2);
  });

  it("says that a walk failed, and walks again with the next event", async () => {
    const { source, model, failures } = rig([added("/a")]);
    await model.load();
    source.failing = true;
    source.fire({ type: "created", path: "/b" });
    await settled();
    expect(failures).toHaveLength(1);
    source.failing = false;
    source.state = [added("/a"), added("/b"), added("/c")];
    source.fire({ type: "changed", path: "/c" });
    await settled();
    expect(model.count).toBe(3);
  });

  it("is silent after dispose", async () => {
    const { source, model, events } = rig();
    await model.load();
    model.dispose();
    source.fire({ type: "created", path: "/a" });
    await settled();
    expect(source.asked).toEqual(["walk /"]);
    expect(events).toEqual([{ kind: "loaded" }]);
  });
});

/**
 * A lower directory that upper has a copy of, taken for granted until it is used: over a base whose every call may take
 * seconds or fail, what lies in upper can be had without one. Nothing is remembered here: what was asked before, the
 * layer itself answers from memory. When it turns out not to be there, it is as one that is empty.
 */
import { Refusal } from "./errors.js";
import type { LowerDirectory, LowerFound, LowerListing, LowerStep } from "./lowerView.js";
import { childPath, type OverlayPath } from "./paths.js";
import type { LayerStat } from "./types.js";

export class ExpectedDirectory implements LowerDirectory {
  readonly path: OverlayPath;

  constructor(private readonly parent: LowerDirectory, private readonly name: string) {
    this.path = childPath(parent.path, name);
  }

  async lookup(name: string): Promise<LowerFound> {
    return (await this.resolve())?.lookup(name) ?? { kind: "absent" };
  }

  /** @throws Refusal ENOENT when it is not there. */
  async stat(): Promise<LayerStat> {
    const directory = await this.resolve();
    if (directory === undefined) throw new Refusal("ENOENT");
    return directory.stat();
  }

  async list(): Promise<LowerListing> {
    return (await this.resolve())?.list() ?? { entries: [], undecodable: 0 };
  }

  peek(name: string): LowerStep | undefined {
    const known = this.parent.peek(this.name);
    return known?.kind === "directory" ? known.directory.peek(name) : undefined;
  }

  async learn(name: string): Promise<LowerFound> {
    return (await this.resolve())?.learn(name) ?? { kind: "absent" };
  }

  unseen(name: string): ReturnType<LowerDirectory["unseen"]> {
    const known = this.parent.peek(this.name);
    return known?.kind === "directory" ? known.directory.unseen(name) : undefined;
  }

  expect(name: string): LowerDirectory {
    return new ExpectedDirectory(this, name);
  }

  async isThere(): Promise<boolean> {
    return (await this.resolve()) !== undefined;
  }

  private async resolve(): Promise<LowerDirectory | undefined> {
    const known = this.parent.peek(this.name);
    if (known?.kind === "directory") return known.directory;
    const found = await this.parent.lookup(this.name);
    return found.kind === "directory" ? found.directory : undefined;
  }
}

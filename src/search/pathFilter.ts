/**
 * Whether ripgrep would list a path, decided here: for the few files that an event names, which are not worth a process.
 * The folders on the way are decided once each. Pure.
 */
import { globLines } from "./globs.js";
import { IgnoreRules } from "./ignoreRules.js";
import type { FindOptions } from "./types.js";

export class PathFilter {
  private readonly globs: IgnoreRules;
  private readonly rules: IgnoreRules;
  /** Where includes are said, a file that none of them names is left out. */
  private readonly hasIncludes: boolean;
  private readonly folders = new Map<string, boolean>([["", true]]);

  /** @param ignored lines of one ignore file, for paths below `above`. */
  constructor(options: Pick<FindOptions, "includes" | "excludes">, ignored: string, private readonly above = "") {
    // What ripgrep is told to look at is what an ignore file turned round would not ignore.
    const lines = globLines(options.includes ?? [], options.excludes ?? [], above);
    this.globs = new IgnoreRules(lines.map((line) => (line.startsWith("!") ? line.slice(1) : `!${line}`)).join("\n"));
    this.hasIncludes = lines.some((line) => !line.startsWith("!"));
    this.rules = new IgnoreRules(ignored);
  }

  /** @param path below the searched folder: "a/b". */
  admits(path: string): boolean {
    const slash = path.lastIndexOf("/");
    return this.entersFolder(slash < 0 ? "" : path.slice(0, slash)) && this.allows(path, false);
  }

  entersFolder(path: string): boolean {
    const known = this.folders.get(path);
    if (known !== undefined) return known;
    const slash = path.lastIndexOf("/");
    const enters = this.entersFolder(slash < 0 ? "" : path.slice(0, slash)) && this.allows(path, true);
    this.folders.set(path, enters);
    return enters;
  }

  private allows(path: string, isDirectory: boolean): boolean {
    const whole = this.above === "" ? path : `${this.above}/${path}`;
    const said = this.globs.verdict(whole, isDirectory);
    if (said !== undefined) return said === "wanted";
    if (this.hasIncludes && !isDirectory) return false;
    return this.rules.verdict(whole, isDirectory) !== "ignored";
  }
}

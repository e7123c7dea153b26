/**
 * The paths that ripgrep tells as the paths of merged, or as nothing where merged shows something else there. Asked for
 * every file of a search, so the folder that was asked for last is remembered.
 */
import type { Area } from "../engine/index.js";

/** A folder in which ripgrep runs, and which area is at which place below it ("" is the folder itself). */
export interface Placed {
  readonly at: string;
  readonly area: Area;
  /** Absolute, on the disk. */
  readonly physical: string;
}

export interface Mapped {
  readonly path: string;
  readonly placed: Placed;
  /** Below the area's folder. */
  readonly within: string;
}

export class Mapper {
  /** Of the last path: the folder as it was told, with its slash, and what merged has there. */
  private last = "\0";
  private prefix: string | undefined;
  /** So much less at its beginning, what is told is the path; 0 where it is not. */
  private cut = 0;
  private shows: ((name: string) => boolean) | undefined;
  private placed: Placed | undefined;
  private readonly longestFirst: readonly Placed[];

  /** @param asAsked a folder of merged as it is to be told: the searched one may have been reached through a link. */
  constructor(all: readonly Placed[], private readonly asAsked: (folder: string) => string = (folder) => folder) {
    this.longestFirst = [...all].sort((a, b) => b.at.length - a.at.length);
  }

  /**
   * @param text has the told path, which begins with "./", from `at` to `end`. Of a hundred thousand of them nothing is
   * made but the path itself, and where that is what was told, as a piece of the text.
   */
  path(text: string, at = 0, end = text.length): string | undefined {
    const slash = text.lastIndexOf("/", end - 1);
    const { length } = this.last;
    if (slash + 1 - at !== length || !text.startsWith(this.last, at)) this.enter(text.slice(at, slash + 1));
    const { prefix, shows } = this;
    if (prefix === undefined || (shows !== undefined && !shows(text.slice(slash + 1, end)))) return undefined;
    return this.cut > 0 ? text.slice(at + this.cut, end) : prefix + text.slice(slash + 1, end);
  }

  /** The same with where the file is. */
  place(told: string): Mapped | undefined {
    const path = this.path(told);
    if (path === undefined || this.placed === undefined) return undefined;
    const plain = told.slice(2);
    const within = this.placed.at === "" ? plain : plain.slice(this.placed.at.length + 1);
    return { path, placed: this.placed, within };
  }

  /** @param told "./a/b/" */
  private enter(told: string): void {
    this.last = told;
    this.prefix = undefined;
    const folder = told.slice(2, -1);
    this.placed = this.longestFirst.find(({ at }) => at === "" || folder === at || folder.startsWith(`${at}/`));
    if (this.placed === undefined) return;
    const { at, area } = this.placed;
    const shown = area.directory(at === "" ? folder : folder.slice(at.length + 1));
    if (shown === undefined) return;
    const path = this.asAsked(shown.path);
    this.prefix = path === "/" ? "/" : `${path}/`;
    this.cut = told.endsWith(this.prefix) ? told.length - this.prefix.length : 0;
    this.shows = shown.showsAll ? undefined : (name) => shown.shows(name);
  }
}

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
  /** Of the last path: the folder with its slash, where that is, and what merged has there. */
  private last = "";
  private lastSlash = -2;
  private prefix: string | undefined;
  private shows: ((name: string) => boolean) | undefined;
  private placed: Placed | undefined;
  private readonly longestFirst: readonly Placed[];

  /** @param asAsked a folder of merged as it is to be told: the searched one may have been reached through a link. */
  constructor(all: readonly Placed[], private readonly asAsked: (folder: string) => string = (folder) => folder) {
    this.longestFirst = [...all].sort((a, b) => b.at.length - a.at.length);
  }

  /** @param told with or without "./" at its start. */
  path(told: string): string | undefined {
    const start = told.charCodeAt(0) === 46 && told.charCodeAt(1) === 47 ? 2 : 0;
    const slash = told.lastIndexOf("/");
    if (slash !== this.lastSlash || !told.startsWith(this.last)) this.enter(told, start, slash);
    const { prefix, shows } = this;
    if (prefix === undefined) return undefined;
    const name = told.slice(Math.max(start, slash + 1));
    return shows === undefined || shows(name) ? prefix + name : undefined;
  }

  /** The same with where the file is. */
  place(told: string): Mapped | undefined {
    const path = this.path(told);
    if (path === undefined || this.placed === undefined) return undefined;
    const plain = told.startsWith("./") ? told.slice(2) : told;
    const within = this.placed.at === "" ? plain : plain.slice(this.placed.at.length + 1);
    return { path, placed: this.placed, within };
  }

  private enter(told: string, start: number, slash: number): void {
    this.last = told.slice(0, slash + 1);
    this.lastSlash = slash;
    this.prefix = undefined;
    const folder = slash < start ? "" : told.slice(start, slash);
    this.placed = this.longestFirst.find(({ at }) => at === "" || folder === at || folder.startsWith(`${at}/`));
    if (this.placed === undefined) return;
    const { at, area } = this.placed;
    const shown = area.directory(at === "" ? folder : folder.slice(at.length + 1));
    if (shown === undefined) return;
    const path = this.asAsked(shown.path);
    this.prefix = path === "/" ? "/" : `${path}/`;
    this.shows = shown.showsAll ? undefined : (name) => shown.shows(name);
  }
}

/**
 * The paths that ripgrep tells as the paths of merged, or as nothing where merged shows something else there. Asked for
 * every file of a search, so the two folders that were asked for last are remembered.
 */
import type { Area, ShownDirectory } from "../engine/index.js";

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

/** A folder that ripgrep tells of, and what merged has there. */
export interface Told {
  /** As it was told, with its slash: "./a/b/". */
  readonly told: string;
  /** The folder in merged, with its slash; undefined where merged shows nothing of it. */
  readonly prefix?: string;
  /** So much less at its beginning, what is told is the path; 0 where it is not. */
  readonly cut: number;
  /** Which names of it merged shows; undefined where it shows all. */
  readonly some?: ShownDirectory | undefined;
  readonly placed?: Placed;
}

export class Mapper {
  /** Two threads of ripgrep's tell of two folders in turn. */
  private last: Told = { told: "\0", cut: 0 };
  private before: Told = this.last;
  private readonly longestFirst: readonly Placed[];

  /** @param asAsked a folder of merged as it is to be told: the searched one may have been reached through a link. */
  constructor(all: readonly Placed[], private readonly asAsked: (folder: string) => string = (folder) => folder) {
    this.longestFirst = [...all].sort((a, b) => b.at.length - a.at.length);
  }

  /** @param told "./a/b/file" */
  place(told: string): Mapped | undefined {
    const slash = told.lastIndexOf("/") + 1;
    const { prefix, some, placed } = this.folder(told.slice(0, slash));
    const name = told.slice(slash);
    if (prefix === undefined || placed === undefined || some?.shows(name) === false) return undefined;
    const plain = told.slice(2);
    return { path: prefix + name, placed, within: placed.at === "" ? plain : plain.slice(placed.at.length + 1) };
  }

  /** @param told "./a/b/" */
  folder(told: string): Told {
    const { last, before } = this;
    if (told === last.told) return last;
    this.before = last;
    this.last = told === before.told ? before : this.enter(told);
    return this.last;
  }

  private enter(told: string): Told {
    const folder = told.slice(2, -1);
    const placed = this.longestFirst.find(({ at }) => at === "" || folder === at || folder.startsWith(`${at}/`));
    if (placed === undefined) return { told, cut: 0 };
    const { at, area } = placed;
    const shown = area.directory(at === "" ? folder : folder.slice(at.length + 1));
    if (shown === undefined) return { told, cut: 0 };
    const path = this.asAsked(shown.path);
    const prefix = path === "/" ? "/" : `${path}/`;
    const cut = told.endsWith(prefix) ? told.length - prefix.length : 0;
    return { told, prefix, cut, placed, some: shown.showsAll ? undefined : shown };
  }
}

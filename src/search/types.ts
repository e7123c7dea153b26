/**
 * What a search over merged is asked, and what it answers. Pure shapes: this file is the border of the folder that the
 * adapter may import; a `Searcher` comes with each overlay that is opened (`searcher`). All paths are overlay paths
 * ("/a/b"); lines and columns count from 0, columns in UTF-16 units.
 */
import type { CancelSignal, Disposable } from "../engine/index.js";

export interface TextQuery {
  readonly pattern: string;
  /** A regular expression in the syntax that VS Code's search takes: Rust's, or PCRE2's where that one cannot do it. */
  readonly isRegExp?: boolean;
  readonly isCaseSensitive?: boolean;
  readonly isWordMatch?: boolean;
  /** Whether a match may go over the end of a line. */
  readonly isMultiline?: boolean;
}

export interface FindOptions {
  /** Where to look, "/" by default. Globs are relative to it. */
  readonly folder?: string;
  /** VS Code's globs. None: everything. */
  readonly includes?: readonly string[];
  readonly excludes?: readonly string[];
  /** .gitignore, .ignore and .rgignore as merged has them. Default true. */
  readonly useIgnoreFiles?: boolean;
  /** git's own file for the user, `core.excludesFile`. Default false. */
  readonly useGlobalIgnoreFiles?: boolean;
  /** Those of the folders above `folder`, and above the base. Default false. */
  readonly useParentIgnoreFiles?: boolean;
  /**
   * Whether links are followed. What is found through a link is told only where merged leads to the very file that was
   * read; a target that was changed is found under its own name. Default false.
   */
  readonly followSymlinks?: boolean;
  /** Files, or matches (a line may hold several). No limit by default. */
  readonly maxResults?: number;
}

export interface TextOptions extends FindOptions {
  /** Bytes; larger files are passed over. */
  readonly maxFileSize?: number;
  /** A name of VS Code's `files.encoding`; "utf8" by default, which takes a byte order mark for what it says. */
  readonly encoding?: string;
  /** Lines around each match. */
  readonly contextBefore?: number;
  readonly contextAfter?: number;
  /** How much of a match is shown. By default all of its lines, and of each at most so many characters. */
  readonly previewLines?: number;
  readonly previewChars?: number;
}

export interface TextRange {
  readonly startLine: number;
  readonly startColumn: number;
  readonly endLine: number;
  /** Exclusive. */
  readonly endColumn: number;
}

/** The matches of one line, or of the lines over which a match goes. */
export interface TextMatch {
  readonly kind: "match";
  readonly path: string;
  /** In the file, and where the same is in `preview`, whose first line is line 0. In order. */
  readonly ranges: readonly { readonly source: TextRange; readonly preview: TextRange }[];
  /** Without the end of the last line. */
  readonly preview: string;
}

/** A line beside a match. */
export interface TextContext {
  readonly kind: "context";
  readonly path: string;
  readonly line: number;
  readonly text: string;
}

export type TextResult = TextMatch | TextContext;

export interface Finished {
  /** There is more than `maxResults`. */
  readonly limitHit: boolean;
  /** Something was left out, as a sentence for the user: folders that cannot be read and the like. */
  readonly message?: string;
}

/**
 * Every call rejects with OverlayError: ECANCELED once the signal is aborted (no process is left then); EINVAL for a
 * pattern or a glob that ripgrep refuses; ENOTSUP where there is no ripgrep that can be run; EIO when it ended before its
 * time; ENOENT, ENOTDIR for `folder`. `reason` is a sentence that a user can be shown, with ripgrep's own words.
 */
export interface Searcher {
  /** The paths of all files, in batches, in no order. */
  files(options: FindOptions, onPaths: (paths: readonly string[]) => void, signal?: CancelSignal): Promise<Finished>;
  /** The matches, in batches; those of one file follow each other, files are in no order. Binary files are passed over. */
  text(query: TextQuery, options: TextOptions, onResults: (results: readonly TextResult[]) => void, signal?: CancelSignal): Promise<Finished>;
  /** The one file index, for Go to File. Nothing is done until it is asked. */
  index(): FileIndex;
  /** Ends what is running; its calls reject with ECANCELED. */
  dispose(): Promise<void>;
}

export interface IndexQuery {
  /** What was typed: characters in this order, whatever their case; spaces part words, each of which must be there. */
  readonly text: string;
  /** At most so many, best first. */
  readonly max: number;
  /** Overlay paths, the most recent first: all there is while nothing is typed, and a little earlier in the list else. */
  readonly recent?: readonly string[];
}

export interface IndexMatch {
  readonly path: string;
  readonly score: number;
  /** Pairs of UTF-16 offsets in `path`, end exclusive, in order: what is to be highlighted. */
  readonly highlights: readonly (readonly [start: number, end: number])[];
  readonly isRecent: boolean;
}

/**
 * All files of merged that `options` let through, listed on first use and kept up to date by the overlay's events.
 */
export interface FileIndex {
  /** How many files it knows. */
  readonly size: number;
  /** What it holds in memory, in bytes. */
  readonly bytes: number;
  /** Which files belong to it; when they are other ones than before, the list is made anew on the next use. */
  configure(options: Omit<FindOptions, "folder" | "maxResults">): void;
  /**
   * The best matches. Waits for the first list, at most; while a part is listed again, the answer is from what is known.
   * `isComplete` false: ask again after `onDidChange`.
   */
  find(query: IndexQuery, signal?: CancelSignal): Promise<{ readonly matches: readonly IndexMatch[]; readonly isComplete: boolean }>;
  /** Files came or went. */
  onDidChange(listener: () => void): Disposable;
}

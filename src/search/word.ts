/**
 * One typed word against the files of a list. Tried in this order: in the name; what stands before its last slash in the
 * folder and the rest in the name; in the folder; across both. What a folder gives is found out once for all its files.
 */
import type { FileList } from "./fileList.js";
import { fold, noMatch, Placer } from "./fuzzy.js";

/** The longest path there is, in UTF-16 units (PATH_MAX). */
const longestPath = 4096;
const unknown = -2;

const placer = new Placer();
/** For the path that is looked at; nothing waits while it is used. */
const exact = new Uint16Array(longestPath);
const folded = new Uint16Array(longestPath);

interface Part {
  readonly typed: string;
  readonly folded: Uint16Array;
  /** By folder. */
  scores: Int32Array;
}

function part(typed: string): Part {
  return { typed, folded: fold(typed), scores: new Int32Array(0) };
}

export class Word {
  private readonly whole: Part;
  /** Up to the last slash, that included, and what follows. */
  private readonly head: Part | undefined;
  private readonly tail: Part | undefined;

  constructor(readonly typed: string) {
    this.whole = part(typed);
    const slash = typed.lastIndexOf("/") + 1;
    if (slash > 0 && slash < typed.length) {
      this.head = part(typed.slice(0, slash));
      this.tail = part(typed.slice(slash));
    }
  }

  get folded(): Uint16Array {
    return this.whole.folded;
  }

  score(list: FileList, file: number): number {
    const { whole, head, tail } = this;
    const start = list.nameStart(file);
    const end = list.nameStart(file + 1);
    const inName = placer.inName(whole.folded, whole.typed, list.folded, list.exact, start, end);
    if (inName !== noMatch) return inName;
    if (head !== undefined && tail !== undefined) {
      const inTail = placer.inName(tail.folded, tail.typed, list.folded, list.exact, start, end);
      const inHead = inTail === noMatch ? noMatch : inFolder(head, list, file);
      if (inHead !== noMatch) return inHead + inTail;
    }
    const folder = inFolder(whole, list, file);
    if (folder !== noMatch) return folder;
    const { length, nameAt } = list.write(file, exact, folded);
    return placer.inPath(whole.folded, whole.typed, folded, exact, length, nameAt);
  }

  /** Where in the path its units are. */
  places(list: FileList, file: number): number[] {
    const { whole, head, tail } = this;
    const { length, nameAt } = list.write(file, exact, folded);
    const found: number[] = [];
    if (placer.inName(whole.folded, whole.typed, folded, exact, nameAt, length, found) !== noMatch) return found;
    if (head !== undefined && tail !== undefined) {
      const before: number[] = [];
      if (placer.inName(tail.folded, tail.typed, folded, exact, nameAt, length, found) !== noMatch
        && placer.inPath(head.folded, head.typed, folded, exact, nameAt, nameAt, before) !== noMatch) return [...before, ...found];
      found.length = 0;
    }
    if (placer.inPath(whole.folded, whole.typed, folded, exact, nameAt, nameAt, found) === noMatch) {
      placer.inPath(whole.folded, whole.typed, folded, exact, length, nameAt, found);
    }
    return found;
  }
}

function inFolder(one: Part, list: FileList, file: number): number {
  if (one.scores.length < list.folderEnd) {
    const larger = new Int32Array(list.folderEnd).fill(unknown);
    larger.set(one.scores);
    one.scores = larger;
  }
  const folder = list.folderOfFile(file);
  const known = one.scores[folder] ?? unknown;
  if (known !== unknown) return known;
  const text = list.folderText(folder);
  const score = text === undefined ? noMatch : placer.inPath(one.folded, one.typed, text.folded, text.exact, text.exact.length, text.exact.length);
  one.scores[folder] = score;
  return score;
}

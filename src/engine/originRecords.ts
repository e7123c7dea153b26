/**
 * What the origins journal says, line by line. Two kinds of record: where an upper entry came from, which goes with the
 * entry wherever it goes, and what the lowers had under a name when upper began to hide it, which stays at the name.
 * Content hashes are kept by lower path, so that no rename concerns them. Pure.
 */
import { isWithin, type OverlayPath } from "./paths.js";
import type { EntryType } from "./types.js";

export interface Origin {
  /** The path in the view below the upper. */
  readonly lower: OverlayPath;
  readonly size: string;
  readonly mtimeNs: string;
  readonly ctimeNs: string;
}

/** `nothing`: the lowers had no such name. */
export interface Under extends Origin {
  readonly type: EntryType | "nothing";
}

/** The hash of a lower file's content while it had this size and time. */
export interface ContentHash {
  readonly size: string;
  readonly mtimeNs: string;
  readonly is: string;
}

export type Line =
  | { readonly set: string; readonly from: Origin }
  /** What lies under a name from now on; undefined: nothing that is known. */
  | { readonly hide: string; readonly was: Under | undefined }
  /** `was`: what the lowers have where it goes from, and is hidden from now on. `over`: what they have where it goes to. */
  | { readonly move: string; readonly to: string; readonly tree: boolean; readonly was?: Under | undefined; readonly over?: Under | undefined }
  | { readonly drop: string; readonly tree: boolean; readonly was?: Under | undefined }
  | { readonly forget: string }
  | { readonly hash: string; readonly of: ContentHash };

export class Records {
  readonly entries = new Map<string, Origin>();
  readonly under = new Map<string, Under>();
  readonly hashes = new Map<string, ContentHash>();

  get size(): number {
    return this.entries.size + this.under.size + this.hashes.size;
  }

  /** What a change at a path rests on, where the lowers of its folder have its name at `natural`. */
  restsOn(path: string, natural: OverlayPath | undefined): Origin | Under | undefined {
    const origin = this.entries.get(path);
    if (origin !== undefined) return origin;
    const under = this.under.get(path);
    return under?.lower === natural ? under : undefined;
  }

  apply(line: Line): void {
    if ("set" in line) this.entries.set(line.set, line.from);
    else if ("hide" in line) this.put(line.hide, line.was);
    else if ("forget" in line) this.entries.delete(line.forget);
    else if ("hash" in line) this.hashes.set(line.hash, line.of);
    else if ("drop" in line) this.drop(line.drop, line.tree, line.was);
    else this.move(line);
  }

  /** The shortest journal that says the same. */
  lines(): Line[] {
    const known = new Set<string>([...this.entries.values(), ...this.under.values()].map(({ lower }) => lower));
    return [
      ...[...this.entries].map(([set, from]) => ({ set, from })),
      ...[...this.under].map(([hide, was]) => ({ hide, was })),
      ...[...this.hashes].filter(([lower]) => known.has(lower)).map(([hash, of]) => ({ hash, of })),
    ];
  }

  private drop(path: string, tree: boolean, was: Under | undefined): void {
    const hidden = this.hiddenBy(path, was);
    for (const map of [this.entries, this.under]) for (const one of pathsOf(map, path, tree)) map.delete(one);
    this.put(path, hidden);
  }

  private move({ move, to, tree, was, over }: Extract<Line, { move: string }>): void {
    const hidden = this.hiddenBy(move, was);
    const own = this.under.get(move);
    const reached = this.under.get(to) ?? over;
    for (const map of [this.entries, this.under] as Map<string, Origin>[]) {
      const moved = pathsOf(map, move, tree).flatMap((path) => {
        const origin = map.get(path);
        map.delete(path);
        return origin === undefined ? [] : [[to + path.slice(move.length), origin] as const];
      });
      for (const path of pathsOf(map, to, tree)) map.delete(path);
      for (const [path, origin] of moved) map.set(path, origin);
    }
    this.put(move, hidden);
    // What was moved to is hidden by what came; into the trash, where nothing is hidden, the record goes along.
    this.put(to, reached ?? (was === undefined ? own : undefined));
  }

  /**
   * What is hidden at a name that goes: what was looked at when the entry was made, if that was of this very lower entry,
   * so that a change of the base since then is not forgotten; else what is there now.
   */
  private hiddenBy(path: string, was: Under | undefined): Under | undefined {
    if (was === undefined) return undefined;
    const origin = this.entries.get(path);
    if (origin?.lower === was.lower) return { ...origin, type: was.type };
    const under = this.under.get(path);
    return under?.lower === was.lower && under.type !== "nothing" ? under : was;
  }

  private put(path: string, was: Under | undefined): void {
    if (was === undefined) this.under.delete(path);
    else this.under.set(path, was);
  }
}

/** Only a directory costs a walk over all that is known. */
function pathsOf(map: ReadonlyMap<string, unknown>, ancestor: string, tree: boolean): string[] {
  return tree ? [...map.keys()].filter((path) => isWithin(path as OverlayPath, ancestor as OverlayPath)) : [ancestor];
}

/** Undefined for what is no line: torn by a crash, or of another version. */
export function parseLine(text: string): Line | undefined {
  try {
    const line = JSON.parse(text) as unknown;
    if (!isObject(line)) return undefined;
    const tree = line["tree"] === true;
    const { set, hide, move, to, drop, hash } = line;
    const was = underOf(line["was"]);
    if (typeof drop === "string") return { drop, tree, was };
    if (typeof move === "string" && typeof to === "string") return { move, to, tree, was, over: underOf(line["over"]) };
    if (typeof hide === "string") return { hide, was };
    if (typeof line["forget"] === "string") return { forget: line["forget"] };
    if (typeof hash === "string") return hashLine(hash, line["of"]);
    const from = originOf(line["from"]);
    return typeof set === "string" && from !== undefined ? { set, from } : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function originOf(from: unknown): Origin | undefined {
  if (!isObject(from) || typeof from["lower"] !== "string") return undefined;
  const { size = "0", mtimeNs = "0", ctimeNs = "0" } = from;
  if (![size, mtimeNs, ctimeNs].every(isNumber)) return undefined;
  return { lower: from["lower"] as OverlayPath, size: String(size), mtimeNs: String(mtimeNs), ctimeNs: String(ctimeNs) };
}

function isNumber(value: unknown): boolean {
  return /^-?\d+$/.test(String(value));
}

function underOf(was: unknown): Under | undefined {
  const origin = originOf(was);
  return origin === undefined || !isObject(was) || typeof was["type"] !== "string" ? undefined : { ...origin, type: was["type"] as Under["type"] };
}

function hashLine(hash: string, of: unknown): Line | undefined {
  if (!isObject(of) || typeof of["is"] !== "string" || !isNumber(of["size"]) || !isNumber(of["mtimeNs"])) return undefined;
  return { hash, of: { size: String(of["size"]), mtimeNs: String(of["mtimeNs"]), is: of["is"] } };
}

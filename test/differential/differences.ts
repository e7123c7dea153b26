/**
 * Where the engine deliberately does something else than the kernel's overlayfs, each with its reason. The only place
 * in the comparison that knows of any; whatever is not here has to be the same. Left out of all that is compared
 * (facts in operations.ts): link counts, because what was deleted keeps its name in the trash.
 */
import type { OverlaySubject } from "../support/model/overlaySubject.js";
import type { PosixSubject } from "../support/model/posixSubject.js";
import type { Operation, Outcome, Tree } from "../support/model/operations.js";

export type Verdict =
  /** The same answer. */
  | "same"
  /** Another answer for a reason that is listed here; both sides are in the same state still. */
  | "deliberate"
  /** The two sides do not hold the same tree from here on, for a reason that is listed here: nothing more to compare. */
  | "parted"
  | "different";

function pathsOf(o: Operation): readonly string[] {
  return "path" in o ? [o.path] : "from" in o ? [o.from, o.to] : [];
}

function hasName(o: Operation, test: (name: string) => boolean): boolean {
  return pathsOf(o).some((path) => path.split("/").some(test));
}

/** Refusals that the kernel does not know. Such an operation is tried on the overlay first and, refused, nowhere else. */
const refusals: readonly { readonly reason: string; readonly code: string; readonly applies: (o: Operation) => boolean }[] = [
  {
    reason: "names that start with .wh. are the markers' own: nobody can create one",
    code: "EINVAL",
    applies: (o) => hasName(o, (name) => name.startsWith(".wh.")),
  },
  {
    reason: "a whiteout is a file with a prefix: names of 252 to 255 bytes of a lower can be read, not hidden",
    code: "ENAMETOOLONG",
    applies: (o) => ["unlink", "removeAll", "rename"].includes(o.op) && hasName(o, (name) => name.length > 251 && name.length < 256),
  },
  {
    reason: "what lies outside the base is read, not copied: a copy from there is refused like a change of it",
    code: "EROFS",
    applies: (o) => o.op === "copy",
  },
];

/** Whether the overlay is asked first, because it may refuse what the kernel would do. */
export function overlayFirst(o: Operation): boolean {
  return refusals.some(({ applies }) => applies(o));
}

export function isRefusal(o: Operation, overlay: Outcome): boolean {
  return "code" in overlay && refusals.some(({ code, applies }) => code === overlay.code && applies(o));
}

export function isOutside(overlay: Outcome): boolean {
  return code(overlay) === "EROFS";
}

/** Whether the kernel refused, for a reason of its own, what the overlay would do. */
export function isKernelLimit(o: Operation, kernel: Outcome): boolean {
  // A redirect of more than 256 bytes, or none allowed (userxattr): the kernel leaves the renaming to mv. Ours renames.
  return o.op === "rename" && "code" in kernel && kernel.code === "EXDEV";
}

/** Answers that may differ although both sides stay in the same state. */
const answers: readonly { readonly reason: string; readonly applies: (o: Operation, kernel: Outcome, overlay: Outcome) => boolean }[] = [
  {
    reason: "what lies outside the base is never changed: EROFS, before anything else is looked at (here the kernel's is a read-only mount)",
    applies: (_o, kernel, overlay) => isOutside(overlay) && code(kernel) !== undefined,
  },
  {
    reason: "a path is parsed before anything is looked up: a name of more than 255 bytes in it is ENAMETOOLONG, whatever comes before it",
    applies: (o, kernel, overlay) => code(overlay) === "ENAMETOOLONG" && code(kernel) !== undefined && hasName(o, (name) => name.length > 255),
  },
  {
    reason: "creating through a symlink whose target ends in a slash fails as looking through it does; the kernel says EISDIR before it looks",
    applies: (o, kernel, overlay) => ["writeFile", "append", "open", "copy"].includes(o.op) && code(kernel) === "EISDIR" && ["ENOENT", "ENOTDIR", "ELOOP"].includes(code(overlay) ?? ""),
  },
  {
    reason: "no handles on directories: opening one is EISDIR, also for reading",
    applies: (o, kernel, overlay) => o.op === "open" && o.flags === "r" && code(kernel) === undefined && code(overlay) === "EISDIR",
  },
];

export function judge(o: Operation, kernel: Outcome, overlay: Outcome): Verdict {
  if (JSON.stringify(kernel) === JSON.stringify(overlay)) return "same";
  return answers.some(({ applies }) => applies(o, kernel, overlay)) ? "deliberate" : "different";
}

function code(outcome: Outcome): string | undefined {
  return "code" in outcome ? outcome.code : undefined;
}

/**
 * INV-11: what fails leaves what was there. The kernel's failing rename has copied up by then, and the time of a
 * directory that it made the copy in is now. Takes two lines of a tree.
 */
export function isTouchedByFailure(kernel: string | undefined, overlay: string | undefined): boolean {
  return kernel?.startsWith("directory ") === true && kernel.includes(" now ") && overlay?.replace(/ \d+ (?=\d+$)/, " now ") === kernel;
}

/**
 * The time of merged's root alone is no change: making a file and deleting it leaves one. So a reset of nothing else is
 * not kept, and cannot be undone.
 */
export function isRootAlone(kernel: string | undefined, tree: Tree, overlay: string | undefined): boolean {
  const timeless = (line: string | undefined): string | undefined => line?.replace(/ (?:now|\d+) (?=\d+$)/, " ");
  return kernel === tree["/"] && kernel?.startsWith("directory ") === true && timeless(kernel) === timeless(overlay);
}

/**
 * INV-3: a handle keeps reading the file that it opened. The kernel's reads go on in the upper copy once there is one,
 * and in what a whole-file write put in place; ours never do. So the kernel's side reads from what was there. But a
 * file with other names is saved in place here too, and a name that was deleted goes on as one in the trash.
 * Returns what is to be done when both sides have succeeded.
 */
export async function keepReaders(o: Operation, kernel: PosixSubject, overlay: OverlaySubject): Promise<() => Promise<void>> {
  if (o.op === "open") {
    return async () => {
      if (kernel.isDirectory(o.slot)) kernel.drop(o.slot);
      if (o.flags === "r" && (await overlay.layerOf(o.slot)) === "lower") kernel.replace(o.slot, kernel.detached(o.slot));
    };
  }
  const written = o.op === "writeFile" ? o.path : o.op === "copy" ? o.to : undefined;
  if (written === undefined || (await overlay.linkCount(written)) > 1) return () => Promise.resolve();
  const kept = kernel.soleReaders(written).map((slot) => [slot, kernel.detached(slot)] as const);
  return async () => {
    for (const [slot, content] of kept) kernel.replace(slot, content);
  };
}

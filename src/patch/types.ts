/**
 * The words of this folder: what a file is to git, what a change is to the writer, what an entry is to the reader of a
 * patch, and the few things that come from outside. Contents are bytes everywhere; paths are relative, with slashes.
 */

/** The modes git has for what this folder can carry: a file, an executable file, a symbolic link. */
export type FileMode = 0o100644 | 0o100755 | 0o120000;

export const symlink: FileMode = 0o120000;

export interface FileState {
  readonly mode: FileMode;
  /** The file's bytes; of a symbolic link, its target. */
  readonly content: Uint8Array;
}

export interface PatchFile extends FileState {
  /** Relative to the tree's root, with slashes: "src/a b.txt". */
  readonly path: string;
}

/** Without `before` a creation, without `after` a deletion, with two paths a rename. */
export interface Change {
  readonly before?: PatchFile | undefined;
  readonly after?: PatchFile | undefined;
}

/** What is computed outside: this folder runs without Node. `node.ts` has it from `node:zlib` and `node:crypto`. */
export interface Codec {
  /** SHA-1 of the parts in this order, as 40 lower-case hex digits. */
  sha1(...parts: readonly Uint8Array[]): string;
  /** zlib's format, with its header. */
  deflate(data: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** @throws anything, when the data is damaged or gives more than `size` bytes. */
  inflate(data: Uint8Array, size: number): Uint8Array | Promise<Uint8Array>;
}

/** Lines of the old file that are to be replaced, with their context. */
export interface Hunk {
  /** Its `@@` line in the patch, from 1. */
  readonly line: number;
  /** As the patch counts: from 1, and 0 where there are no lines. */
  readonly oldStart: number;
  readonly oldLines: number;
  readonly newStart: number;
  readonly newLines: number;
  /** Context lines after the last change. Without any, the hunk belongs at the end of the file. */
  readonly trailing: number;
  /** Its lines as they stand in the patch: " ", "-", "+" or "\" first. A view of the patch. */
  readonly body: Uint8Array;
}

export interface BinaryHunk {
  /** The line that says "literal" or "delta", from 1. */
  readonly line: number;
  readonly method: "literal" | "delta";
  /** Bytes of the inflated data. */
  readonly size: number;
  readonly deflated: Uint8Array;
}

export type Body =
  | { readonly kind: "none" }
  | { readonly kind: "text"; readonly hunks: readonly Hunk[] }
  | { readonly kind: "binary"; readonly forward: BinaryHunk; readonly reverse?: BinaryHunk };

/** What a patch says of one file. */
export interface Entry {
  readonly kind: "create" | "delete" | "modify" | "rename" | "copy";
  /** Its first line in the patch, from 1. */
  readonly line: number;
  /** Where it is read; of a creation, the same as `newPath`. */
  readonly oldPath: string;
  /** Where it is written; of a deletion, the same as `oldPath`. */
  readonly newPath: string;
  /** What the patch says of the modes; a plain diff says nothing. */
  readonly oldMode?: FileMode;
  readonly newMode?: FileMode;
  /** From the index line: hex, often abbreviated. */
  readonly oldOid?: string;
  readonly newOid?: string;
  readonly body: Body;
  /** Without git's header: such a diff does not say whether it creates its file. */
  readonly plain: boolean;
  /** From 0; of a series of mails (`git format-patch --stdout`), which one. Each builds on the one before. */
  readonly part: number;
}

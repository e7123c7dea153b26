/** The border of this folder: git-format patches, written from changes, read, and applied to a tree. Pure but for node.ts. */
export { applyEntries, applyPatch, type PatchBase, type PatchChange } from "./applyPatch.js";
export { type Failure, PatchApplyError, PatchError } from "./errors.js";
export { gitRefuses } from "./names.js";
export { parsePatch } from "./parse.js";
export type { BinaryHunk, Body, Change, Codec, Entry, FileMode, FileState, Hunk, PatchFile } from "./types.js";
export { type ChangeNames, oidOf, orderChanges, writePatch } from "./write.js";

/** What can be wrong with a patch. Both errors carry sentences that a user can be shown, and never hold half a result. */

/** A patch that cannot be read, or a change that no patch can carry. */
export class PatchError extends Error {
  override readonly name = "PatchError";
  /** @param line of the patch, from 1, where there is one; the message begins with it. */
  constructor(readonly reason: string, readonly line?: number, options?: ErrorOptions) {
    super(line === undefined ? reason : `line ${line}: ${reason}`, options);
  }
}

/** Why one entry does not apply. */
export interface Failure {
  readonly path: string;
  /** Line of the patch, from 1: the hunk's, or else the entry's. */
  readonly line: number;
  /** Which hunk of the entry, from 1. */
  readonly hunk?: number;
  readonly reason: string;
}

/** A patch that was read and does not fit the files. Nothing was changed. */
export class PatchApplyError extends Error {
  override readonly name = "PatchApplyError";
  constructor(readonly failures: readonly Failure[]) {
    super(`the patch does not apply:\n${failures.map(describe).join("\n")}`);
  }
}

function describe({ path, line, hunk, reason }: Failure): string {
  return `'${path}'${hunk === undefined ? "" : `, hunk ${hunk}`} (line ${line}): ${reason}`;
}

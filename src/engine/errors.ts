/**
 * The engine's one error class, with a closed set of POSIX codes, and the fault that a layer throws.
 * A layer speaks of physical paths and syscalls; the engine says which operation on which overlay path failed.
 */

export const errorCodes = [
  "EACCES", "EBADF", "EBUSY", "ECANCELED", "EEXIST", "EFBIG", "EINVAL", "EIO", "EISDIR", "ELOOP", "EMFILE", "EMLINK",
  "ENAMETOOLONG", "ENOENT", "ENOSPC", "ENOTDIR", "ENOTEMPTY", "ENOTSUP", "EPERM", "EROFS", "EXDEV",
] as const;

export type ErrorCode = (typeof errorCodes)[number];

const known: ReadonlySet<string> = new Set(errorCodes);

/** Other systems' and rarer errnos, each as the code of the closed set that a caller would treat it as. */
const aliases: Readonly<Record<string, ErrorCode>> = {
  EDQUOT: "ENOSPC",
  ENFILE: "EMFILE",
  EOPNOTSUPP: "ENOTSUP",
  ENOSYS: "ENOTSUP",
  ETXTBSY: "EBUSY",
  EFTYPE: "ELOOP", // macOS and the BSDs: O_NOFOLLOW met a symlink
  EMLINK: "EMLINK",
  ABORT_ERR: "ECANCELED",
  ERR_FS_FILE_TOO_LARGE: "EFBIG",
  ENXIO: "EINVAL",
};

/** The code of the closed set for an errno name; whatever is not known is EIO, never "absent". */
export function toErrorCode(name: unknown): ErrorCode {
  if (typeof name !== "string") return "EIO";
  if (known.has(name)) return name as ErrorCode;
  return aliases[name] ?? "EIO";
}

const reasons: Readonly<Record<ErrorCode, string>> = {
  EACCES: "permission denied",
  EBADF: "the file is closed, or not open for this",
  EBUSY: "in use, or changing too quickly; try again",
  ECANCELED: "cancelled",
  EEXIST: "already exists",
  EFBIG: "too large to be read in one piece; open it and read parts",
  EINVAL: "not possible with this argument",
  EIO: "the disk reported an error",
  EISDIR: "is a directory",
  ELOOP: "too many symbolic links",
  EMFILE: "too many open files",
  EMLINK: "too many hard links",
  ENAMETOOLONG: "the name is too long",
  ENOENT: "does not exist",
  ENOSPC: "no space left where the changes are kept",
  ENOTDIR: "is not a directory",
  ENOTEMPTY: "is not empty",
  ENOTSUP: "not supported here",
  EPERM: "not permitted",
  EROFS: "is read-only",
  EXDEV: "cannot be moved this way",
};

/**
 * What a layer throws: a physical path, the call that failed, and the errno as a code of the closed set. `reason` where the
 * layer knows more than the code says.
 */
export class LayerError extends Error {
  override readonly name = "LayerError";
  readonly reason: string | undefined;
  constructor(
    readonly code: ErrorCode,
    readonly call: string,
    readonly physicalPath: string,
    options?: { cause?: unknown; reason?: string },
  ) {
    super(`${code}: ${call} '${physicalPath}'${options?.reason === undefined ? "" : `, ${options.reason}`}`, options);
    this.reason = options?.reason;
  }
}

/** What every operation of an overlay throws. `reason` is the sentence a user can be shown. */
export class OverlayError extends Error {
  override readonly name = "OverlayError";
  readonly reason: string;
  constructor(
    readonly code: ErrorCode,
    readonly operation: string,
    readonly path: string,
    options: { reason?: string; cause?: unknown } = {},
  ) {
    const reason = options.reason ?? reasons[code];
    super(`${code}: ${reason}, ${operation} '${path}'`, options.cause === undefined ? {} : { cause: options.cause });
    this.reason = reason;
  }
}

/**
 * A refusal raised inside the engine before the operation's name and path are known to the code that raises it;
 * the border (overlay.ts) turns it into an OverlayError.
 */
export class Refusal extends Error {
  override readonly name = "Refusal";
  constructor(readonly code: ErrorCode, readonly reason?: string, options?: { cause?: unknown }) {
    super(reason ?? reasons[code], options);
  }
}

export function codeOf(error: unknown): ErrorCode | undefined {
  return error instanceof LayerError || error instanceof OverlayError || error instanceof Refusal ? error.code : undefined;
}

export function isCode(error: unknown, ...codes: ErrorCode[]): boolean {
  const code = codeOf(error);
  return code !== undefined && codes.includes(code);
}

/** The border's translation: the same fault, said of an operation and an overlay path. Bugs pass unchanged. */
export function asOverlayError(error: unknown, operation: string, path: string): unknown {
  if (error instanceof OverlayError) return error;
  if (error instanceof Refusal) {
    return new OverlayError(error.code, operation, path, error.reason === undefined ? { cause: error } : { reason: error.reason, cause: error });
  }
  if (error instanceof LayerError) return new OverlayError(error.code, operation, path, { cause: error, ...(error.reason === undefined ? {} : { reason: error.reason }) });
  return error;
}

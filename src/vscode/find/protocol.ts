/**
 * What the view of Find in Files and the extension say to each other. The view is a web page: what comes from it is looked at
 * piece by piece, and what is not as it should be changes nothing. Pure; the page is built with it, too.
 */
import type { FileHits } from "./results.js";

/** What stands in the boxes, and which switches are on. */
export interface Form {
  readonly pattern: string;
  readonly replacement: string;
  readonly isRegExp: boolean;
  readonly isCaseSensitive: boolean;
  readonly isWordMatch: boolean;
  readonly includes: string;
  readonly excludes: string;
  /** Whether settings and ignore files leave files out. */
  readonly useExcludes: boolean;
  readonly showReplace: boolean;
  readonly showDetails: boolean;
}

export const emptyForm: Form = {
  pattern: "", replacement: "", isRegExp: false, isCaseSensitive: false, isWordMatch: false, includes: "", excludes: "", useExcludes: true, showReplace: false, showDetails: false,
};

/** All results, those of a file, or one match. */
export type Scope = { readonly kind: "all" } | { readonly kind: "file"; readonly file: number } | { readonly kind: "hit"; readonly file: number; readonly hit: number };

export type OpenHow = "preview" | "keep" | "side";

export type FromView =
  | { readonly type: "ready" }
  /** `now`: Enter was pressed; else it is searched when typing has come to rest. */
  | { readonly type: "form"; readonly form: Form; readonly now: boolean }
  | { readonly type: "open"; readonly file: number; readonly hit: number; readonly how: OpenHow }
  | { readonly type: "replace"; readonly scope: Scope }
  | { readonly type: "dismiss"; readonly scope: Scope }
  | { readonly type: "cancel" }
  | { readonly type: "showLog" };

/** What stands between the boxes and the results. */
export interface Status {
  readonly running: boolean;
  readonly text: string;
  readonly kind: "info" | "warning" | "error";
  /** What is wrong with the pattern, under its box. */
  readonly problem?: string;
  /** Whether the log has more. */
  readonly offersLog: boolean;
}

export type Box = "pattern" | "replacement" | "includes";

export type ToView =
  | { readonly type: "form"; readonly form: Form; readonly canReplace: boolean; readonly focus?: Box }
  /** Files as they are now, new ones and known ones. `fresh`: they are all there are. */
  | { readonly type: "files"; readonly files: readonly FileHits[]; readonly fresh: boolean }
  | { readonly type: "gone"; readonly files: readonly number[] }
  | { readonly type: "status"; readonly status: Status }
  | { readonly type: "reveal"; readonly file: number; readonly hit: number }
  | { readonly type: "fold"; readonly folded: boolean };

/** Longer text is no pattern that anybody typed. */
const textLimit = 100_000;

/** Undefined for what no view of ours says. */
export function parseFromView(message: unknown): FromView | undefined {
  if (!isRecord(message)) return undefined;
  switch (message["type"]) {
    case "ready":
    case "cancel":
    case "showLog":
      return { type: message["type"] };
    case "form": {
      const form = parseForm(message["form"]);
      return form === undefined || typeof message["now"] !== "boolean" ? undefined : { type: "form", form, now: message["now"] };
    }
    case "open": {
      const { file, hit, how } = message;
      return isId(file) && isId(hit) && (how === "preview" || how === "keep" || how === "side") ? { type: "open", file, hit, how } : undefined;
    }
    case "replace":
    case "dismiss": {
      const scope = parseScope(message["scope"]);
      return scope === undefined ? undefined : { type: message["type"], scope };
    }
    default:
      return undefined;
  }
}

export function parseForm(value: unknown): Form | undefined {
  if (!isRecord(value)) return undefined;
  const made: Record<string, unknown> = {};
  for (const [name, like] of Object.entries(emptyForm)) {
    const given = value[name];
    if (typeof given !== typeof like || (typeof given === "string" && given.length > textLimit)) return undefined;
    made[name] = given;
  }
  return { ...emptyForm, ...made };
}

function parseScope(value: unknown): Scope | undefined {
  if (!isRecord(value)) return undefined;
  const { kind, file, hit } = value;
  if (kind === "all") return { kind };
  if (kind === "file" && isId(file)) return { kind, file };
  return kind === "hit" && isId(file) && isId(hit) ? { kind, file, hit } : undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isId(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}

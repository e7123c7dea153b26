/** The settings that say what is searched, for one folder of the workspace. Pure: it is given what the settings say. */
import { covers } from "./globs.js";

/** The value of a setting by its full name, as it is for this folder. */
export type Settings = (name: string) => unknown;

export interface Rules {
  readonly excludes: readonly string[];
  /** Excluded only beside a sibling: `**` + `/*.js` with `$(basename).ts`. */
  readonly conditional: readonly { readonly glob: string; readonly when: string }[];
  readonly useIgnoreFiles: boolean;
  readonly useGlobalIgnoreFiles: boolean;
  readonly useParentIgnoreFiles: boolean;
  readonly followSymlinks: boolean;
  readonly smartCase: boolean;
  /** Undefined: as many as there are. */
  readonly maxResults: number | undefined;
  /** Undefined for UTF-8, which also stands for what a byte order mark says. */
  readonly encoding: string | undefined;
}

const defaultMaxResults = 20_000;

export function rulesFrom(settings: Settings): Rules {
  const all = { ...record(settings("files.exclude")), ...record(settings("search.exclude")) };
  const isOn = (name: string, byDefault: boolean): boolean => {
    const value = settings(name);
    return typeof value === "boolean" ? value : byDefault;
  };
  const local = isOn("search.useIgnoreFiles", true);
  const encoding = settings("files.encoding");
  const max = settings("search.maxResults");
  return {
    excludes: Object.entries(all).flatMap(([glob, value]) => (value === true ? [glob] : [])),
    conditional: Object.entries(all).flatMap(([glob, value]) => {
      const when = record(value)["when"];
      return typeof when === "string" ? [{ glob, when }] : [];
    }),
    useIgnoreFiles: local,
    // These two mean nothing without the first.
    useGlobalIgnoreFiles: local && isOn("search.useGlobalIgnoreFiles", false),
    useParentIgnoreFiles: local && isOn("search.useParentIgnoreFiles", false),
    followSymlinks: isOn("search.followSymlinks", true),
    smartCase: isOn("search.smartCase", false),
    maxResults: max === null ? undefined : typeof max === "number" && max > 0 ? max : defaultMaxResults,
    encoding: typeof encoding === "string" && encoding !== "" && encoding !== "utf8" ? encoding : undefined,
  };
}

/** The same with neither excludes nor ignore files, as the switch beside the box of excludes says. */
export function withoutExcludes(rules: Rules): Rules {
  return { ...rules, excludes: [], conditional: [], useIgnoreFiles: false, useGlobalIgnoreFiles: false, useParentIgnoreFiles: false };
}

/** The sibling whose presence hides the file at this path (relative); undefined when no condition is about it. */
export function hidingSiblings(rules: Rules, path: string): string[] {
  const slash = path.lastIndexOf("/");
  const [folder, name] = [path.slice(0, slash + 1), path.slice(slash + 1)];
  const dot = name.lastIndexOf(".");
  const basename = dot > 0 ? name.slice(0, dot) : name;
  return rules.conditional.filter(({ glob }) => covers(glob, path)).map(({ when }) => folder + when.replaceAll("$(basename)", basename)).filter((sibling) => sibling !== path);
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** What is typed into Go to File: a name to look for, and where in the file to go. Pure. */

export interface GoToQuery {
  readonly name: string;
  /** Zero-based; undefined when only a file is asked for. */
  readonly line?: number;
  readonly column?: number;
}

/** `name:12`, `name:12:3`, `name#12`, `name(12,3)` and the like, as compilers and VS Code write them; lines and columns from 1. */
export function parseGoToQuery(text: string): GoToQuery {
  const found = /^(.*?)(?::|#|\()(\d+)?(?:[:,#](\d+)?)?[:,)]?$/s.exec(text);
  const name = (found?.[1] ?? text).trim().replaceAll("\\", "/");
  const line = number(found?.[2]);
  if (line === undefined) return { name };
  const column = number(found?.[3]);
  return column === undefined ? { name, line } : { name, line, column };
}

function number(digits: string | undefined): number | undefined {
  return digits === undefined ? undefined : Math.max(0, Number(digits) - 1);
}

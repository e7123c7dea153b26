/** Sequences that once showed a difference, kept in the repository and played on every run. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Operation } from "../support/model/operations.js";

export interface CorpusEntry {
  /** What was wrong. */
  readonly title: string;
  readonly world: string;
  readonly operations: readonly Operation[];
}

const file = join(import.meta.dirname, "corpus.json");

export function readCorpus(): readonly CorpusEntry[] {
  return JSON.parse(readFileSync(file, "utf8")) as readonly CorpusEntry[];
}

export function addToCorpus(entry: CorpusEntry): void {
  const known = readCorpus();
  const same = (other: CorpusEntry) => other.world === entry.world && JSON.stringify(other.operations) === JSON.stringify(entry.operations);
  if (known.some(same)) return;
  // One operation a line: they are read by people.
  const print = ({ title, world, operations }: CorpusEntry) =>
    `  { "title": ${JSON.stringify(title)}, "world": ${JSON.stringify(world)}, "operations": [\n${operations.map((o) => `    ${JSON.stringify(o)}`).join(",\n")}\n  ] }`;
  writeFileSync(file, `[\n${[...known, entry].map(print).join(",\n")}\n]\n`);
}

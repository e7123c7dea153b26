/**
 * A search over merged finds what the same ripgrep finds in the exported folder: random overlays with ignore files in
 * every layer, random edits, random queries. Searched twice, with more edits between, so that what was kept must be right.
 */
import * as fc from "fast-check";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exportFolder, openOverlay, type OpenOverlay } from "../../src/host/index.js";
import { createSearcher, type FindOptions, type Searcher, type TextOptions, type TextQuery, type TextResult } from "../../src/search/index.js";
import { temporaryFolder } from "../support/layers/hosts.js";
import { findRipgrep, inOrder, plainFiles, plainText } from "../support/search/plainSearch.js";
import { bases, edits, finds, perform, plantBase, queries, shows } from "../support/search/world.js";
import { seedFrom } from "../support/seed.js";

const numRuns = Number(process.env["SEARCH_RUNS"] ?? 40);
const seed = seedFrom("SEARCH_SEED");

let folder: string;
let ripgrep: string;
let runs = 0;
beforeAll(async () => {
  ripgrep = await findRipgrep();
  folder = temporaryFolder("search");
  // What lies above the base counts when it is asked for, and never else.
  writeFileSync(join(folder, ".ignore"), "two.log\n");
}, 600_000);
afterAll(() => { rmSync(folder, { recursive: true, force: true }); });

async function compare(overlay: OpenOverlay, searcher: Searcher, out: string, find: FindOptions, query: TextQuery, show: Partial<TextOptions>): Promise<void> {
  const stat = await overlay.stat(find.folder ?? "/").catch(() => undefined);
  const options = stat?.type === "directory" ? find : { ...find, folder: "/" };
  await exportFolder(overlay, out);
  const files: string[] = [];
  await searcher.files(options, (paths) => files.push(...paths));
  const there = await plainFiles(ripgrep, out, options);
  expect(files.sort()).toEqual(there);
  const results: TextResult[] = [];
  await searcher.text(query, { ...options, ...show }, (more) => results.push(...more));
  expect(inOrder(results)).toEqual(await plainText(ripgrep, out, query, { ...options, ...show }));
}

test(`${String(numRuns)} random overlays, searched and changed and searched again, seed ${String(seed)}`, async () => {
  await fc.assert(fc.asyncProperty(bases, edits, edits, finds, queries, shows, async (planted, before, after, find, query, show) => {
    const own = join(folder, `run${String(runs++)}`);
    const base = join(own, "base");
    plantBase(base, planted);
    const overlay = await openOverlay({ base, scratch: join(own, "scratch"), durability: "none" });
    const searcher = createSearcher(overlay, async () => ripgrep, (error) => { throw error; });
    try {
      await perform(overlay, before);
      await compare(overlay, searcher, join(own, "out1"), find, query, show);
      await perform(overlay, after);
      await compare(overlay, searcher, join(own, "out2"), find, query, show);
    } finally {
      await searcher.dispose();
      await overlay.dispose();
      rmSync(own, { recursive: true, force: true });
    }
  }), { numRuns, seed });
}, 60_000 + numRuns * 1000);

/** A patch that was damaged anywhere is read or refused, by one of the two errors that are meant for that and no other. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { applyPatch, type Change, PatchApplyError, PatchError, writePatch } from "../../src/patch/index.js";
import { nodeCodec } from "../../src/patch/node.js";

const file = (path: string, content: string, mode: 0o100644 | 0o100755 | 0o120000 = 0o100644) => ({ path, mode, content: Buffer.from(content) });
const binary = `\0${"some binary ".repeat(30)}`;
const changes: readonly Change[] = [
  { before: file("d/a b", "1\n2\n3\n4\n5\n"), after: file("d/a b", "1\n2\n3!\n4\n5") },
  { before: file("ü", "x\ny\n"), after: file("t\t", "x\nz\n", 0o100755) },
  { before: file("bin", binary), after: file("bin", `${binary}more`) },
  { before: file("l", "to", 0o120000) }, { after: file("n", "new") },
];
const before = new Map(changes.flatMap((change) => (change.before === undefined ? [] : [[change.before.path, change.before]])));

const damage = fc.record({ at: fc.nat({ max: 5000 }), drop: fc.nat({ max: 12 }), put: fc.oneof(fc.uint8Array({ maxLength: 3 }), fc.constantFrom("\n", "@@ -1 +1 @@\n", "--- ", '"', "../", "/", "99999999999").map((text) => Buffer.from(text))) });

test("whatever is damaged in a patch", async () => {
  const pieces: Uint8Array[] = [];
  for await (const piece of writePatch(changes, nodeCodec)) pieces.push(piece);
  const whole = Buffer.concat(pieces);
  const seen = new Set<string>();
  await fc.assert(fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 3 }), async (damages) => {
    let patch = whole;
    for (const { at, drop, put } of damages) patch = Buffer.concat([patch.subarray(0, at % whole.length), put, patch.subarray((at % whole.length) + drop)]);
    try {
      for (const { path } of await applyPatch(patch, { read: async (from) => before.get(from) }, nodeCodec)) expect(path).not.toMatch(/^\/|(^|\/)\.\.?(\/|$)/);
      seen.add("applied");
    } catch (error) {
      if (!(error instanceof PatchError || error instanceof PatchApplyError)) throw error;
      seen.add(error.name);
    }
  }), { numRuns: 1000 });
  expect([...seen].sort()).toEqual(["PatchApplyError", "PatchError", "applied"]);
});

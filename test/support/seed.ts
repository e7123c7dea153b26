/**
 * Which random sequences a run tries. Where a change is judged (CI) always the same, so that a failure comes of the change;
 * elsewhere new ones each time, which is how failures are found. The seed is in the test's title, or in what it fails with.
 */
import { inCI } from "./paths.ts";

export const judgedSeed = 1;

/** @param variable the environment's own say. */
export function seedFrom(variable: string, below = 0x7fffffff): number {
  const given = process.env[variable];
  if (given !== undefined) return Number(given);
  return inCI ? judgedSeed : Math.floor(Math.random() * below);
}

/** Assertions for bugs, never for the world's faults: a failing one means that the engine itself is wrong. */

export class InvariantViolation extends Error {
  override readonly name = "InvariantViolation";
}

export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantViolation(message);
}

export function assertNever(value: never): never {
  throw new InvariantViolation(`unexpected case: ${String(value)}`);
}

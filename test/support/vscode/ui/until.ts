// Waiting for what the workbench shows: asked again and again until it is as wished, never slept for.

export interface UntilOptions {
  /** Milliseconds before it is given up. */
  timeout?: number;
}

/** Asks until the answer is neither undefined nor false, and returns it; the error tells what it was waiting for. */
export async function until<T>(what: string, ask: () => Promise<T | undefined | false>, options: UntilOptions = {}): Promise<T> {
  const timeout = options.timeout ?? 20_000;
  const deadline = Date.now() + timeout;
  let last: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
      last = undefined;
    } catch (error) {
      last = error; // The page may be between two states.
    }
    if (Date.now() > deadline) throw new Error(`Waited ${timeout} ms for: ${what}`, last === undefined ? undefined : { cause: last });
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
}

/** INV-5, the registry alone: one run for each key at a time, who waits inherits nothing, a waiter can be cancelled. */
import { describe, expect, test } from "vitest";
import { checkCancelled, CopyUpRegistry } from "../../src/engine/copyUpRegistry.js";
import { UpperDirectory } from "../../src/engine/tree.js";
import type { CancelSignal } from "../../src/engine/types.js";
import { codeOf } from "../support/world.js";

/** A run that ends when it is told to. */
function slow() {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let runs = 0;
  return { copy: () => { runs++; return promise; }, resolve, reject, runs: () => runs };
}

/** A signal that counts who listens. */
function signal(aborted = false) {
  const listeners = new Set<() => void>();
  const made: CancelSignal & { abort(): void; listeners: Set<() => void> } = {
    aborted, listeners,
    addEventListener: (type, listener) => { if ((type as string) === "abort") listeners.add(listener); },
    removeEventListener: (type, listener) => { if ((type as string) === "abort") listeners.delete(listener); },
    abort: () => { for (const listener of listeners) listener(); },
  };
  return made;
}

const directory = () => new UpperDirectory(undefined, "d");
const never = () => Promise.reject(new Error("must not run"));

describe("INV-5 one run for each key", () => {
  test("the first gets its own result, the second is told that it waited and has not run", async () => {
    const registry = new CopyUpRegistry();
    const at = directory();
    const first = slow();
    const one = registry.run(at, "a", undefined, first.copy);
    const two = registry.run(at, "a", undefined, never);
    first.resolve("done");
    expect([await one, await two]).toEqual(["done", "waited"]);
  });

  test("who waits inherits no failure; afterwards the key is free", async () => {
    const registry = new CopyUpRegistry();
    const at = directory();
    const first = slow();
    const one = registry.run(at, "a", undefined, first.copy);
    const two = registry.run(at, "a", undefined, never);
    first.reject(new Error("no space"));
    await expect(one).rejects.toThrow("no space");
    expect(await two).toBe("waited");
    expect(await registry.run(at, "a", undefined, () => Promise.resolve("again"))).toBe("again");
  });

  test("another name, and the same name in another directory, do not wait", async () => {
    const registry = new CopyUpRegistry();
    const at = directory();
    const first = slow();
    const one = registry.run(at, "a", undefined, first.copy);
    expect(await registry.run(at, "b", undefined, () => Promise.resolve("b"))).toBe("b");
    expect(await registry.run(directory(), "a", undefined, () => Promise.resolve("other"))).toBe("other");
    // Neither has made the registry forget the first.
    const two = registry.run(at, "a", undefined, never);
    first.resolve("done");
    expect([await one, await two]).toEqual(["done", "waited"]);
  });
});

describe("a waiter that is cancelled", () => {
  test("goes at once; the run it waited for goes on", async () => {
    const registry = new CopyUpRegistry();
    const at = directory();
    const first = slow();
    const cancel = signal();
    const one = registry.run(at, "a", undefined, first.copy);
    const two = codeOf(registry.run(at, "a", cancel, never));
    cancel.abort();
    expect(await two).toBe("ECANCELED");
    first.resolve("done");
    expect(await one).toBe("done");
  });

  test("has its answer when it was cancelled before it came, and leaves no listener", async () => {
    const registry = new CopyUpRegistry();
    const at = directory();
    const first = slow();
    const cancel = signal(true);
    const one = registry.run(at, "a", undefined, first.copy);
    expect(await codeOf(registry.run(at, "a", cancel, never))).toBe("ECANCELED");
    expect(cancel.listeners.size).toBe(0);
    first.resolve("done");
    expect(await one).toBe("done");
  });

  test("one that is not cancelled waits, and leaves no listener", async () => {
    const registry = new CopyUpRegistry();
    const at = directory();
    const first = slow();
    const cancel = signal();
    const one = registry.run(at, "a", undefined, first.copy);
    const two = registry.run(at, "a", cancel, never);
    expect(cancel.listeners.size).toBe(1);
    first.resolve("done");
    expect([await one, await two]).toEqual(["done", "waited"]);
    expect(cancel.listeners.size).toBe(0);
  });

  test("a signal that has fired refuses; no signal, or one that has not, does nothing", () => {
    expect(() => { checkCancelled(undefined); checkCancelled(signal()); }).not.toThrow();
    expect(() => { checkCancelled(signal(true)); }).toThrow(expect.objectContaining({ code: "ECANCELED" }));
  });
});

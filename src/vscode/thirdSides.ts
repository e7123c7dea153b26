/**
 * The sides of a comparison that no file has: what the base had when a change was made (looked for once, while it is
 * shown), and what the overlay had when a merge began (the file itself is where the merge grows).
 */
import type { Disposable } from "../engine/index.js";
import type { OriginContent } from "./carrier.js";
import type { Session } from "./session.js";
import type { Trust } from "./trust.js";

export type Origin = OriginContent | { readonly kind: "untrusted" };

/** How many of each are kept: more are not open at a time. */
const most = 50;

export class ThirdSides implements Disposable {
  private readonly origins = new Map<string, Promise<Origin>>();
  private readonly held = new Map<string, Uint8Array>();
  private last = 0;

  constructor(private readonly trust: Pick<Trust, "isTrusted">) {}

  /** @param anew looks again: the change may rest on something else by now. */
  origin(session: Session, path: string, anew = false): Promise<Origin> {
    const key = `${session.id} ${path}`;
    const known = anew ? undefined : this.origins.get(key);
    if (known !== undefined) return known;
    const looking = this.look(session, path);
    looking.catch(() => { this.origins.delete(key); });
    put(this.origins, key, looking);
    return looking;
  }

  private async look(session: Session, path: string): Promise<Origin> {
    // git reads the configuration of the repository that it runs in.
    return this.trust.isTrusted(session.info.base) ? session.carrier.origin(path) : { kind: "untrusted" };
  }

  /** Keeps a content. @returns the key under which it is had. */
  hold(content: Uint8Array): string {
    const key = String(++this.last);
    put(this.held, key, content);
    return key;
  }

  heldAt(key: string): Uint8Array | undefined {
    return this.held.get(key);
  }

  dispose(): void {
    this.origins.clear();
    this.held.clear();
  }
}

function put<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > most && oldest !== undefined) map.delete(oldest);
}

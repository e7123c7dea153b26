/** The files of this workspace that were looked at, the latest first: what Go to File offers before anything is typed. Pure. */

/** As many as a person could want back. */
const limit = 200;

export class Recents {
  private uris: readonly string[];

  constructor(kept: unknown) {
    this.uris = Array.isArray(kept) ? kept.filter((uri): uri is string => typeof uri === "string").slice(0, limit) : [];
  }

  /** True when that changed the order. */
  note(uri: string): boolean {
    if (this.uris[0] === uri) return false;
    this.uris = [uri, ...this.uris.filter((other) => other !== uri)].slice(0, limit);
    return true;
  }

  forget(uri: string): void {
    this.uris = this.uris.filter((other) => other !== uri);
  }

  all(): readonly string[] {
    return this.uris;
  }
}

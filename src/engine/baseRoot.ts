/**
 * Whether the base is there at all. What vanishes while it is in use (an unmounted disk) looks empty, and a name that the
 * lowers "do not have" needs no whiteout when it goes: it would be back when the base is. So before that is believed, the
 * base's root is looked at: gone, or another one with nothing in it, is away. Another one with something in it was put in
 * its place on purpose. One look for each name that only upper has. Takes no lock.
 */
import { isCode, Refusal } from "./errors.js";
import type { BaseLayer } from "./layer.js";
import type { Fingerprint } from "./types.js";

export class BaseRoot {
  private known: Fingerprint | undefined;

  constructor(private readonly base: BaseLayer) {}

  /** At opening: this is the base. One that cannot be looked at then is not known, and never found to be away. */
  async note(): Promise<void> {
    if (this.base.layer.costly === true) return; // its own faults tell
    this.known = await this.look().catch(() => undefined);
  }

  /** @throws Refusal EIO when the base is away; LayerError. */
  async check(): Promise<void> {
    if (this.known === undefined) return;
    const now = await this.look();
    if (now === undefined || ((now.dev !== this.known.dev || now.ino !== this.known.ino) && (await this.isEmpty()))) {
      throw new Refusal("EIO", `the base folder '${this.base.given}' is not there, so nobody knows what it has under this name; bring it back, then try again`);
    }
    this.known = now;
  }

  private async look(): Promise<Fingerprint | undefined> {
    try {
      return await this.base.layer.fingerprint("");
    } catch (error) {
      if (isCode(error, "ENOENT", "ENOTDIR")) return undefined;
      throw error;
    }
  }

  private async isEmpty(): Promise<boolean> {
    const { entries, undecodable } = await this.base.layer.readDirectory("");
    return entries.length === 0 && undecodable === 0;
  }
}

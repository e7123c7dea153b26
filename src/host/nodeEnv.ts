/** Env on Node: time, identity, text, hashes. */
import { createHash, randomBytes } from "node:crypto";
import type { Env, LogLevel } from "../engine/layer.js";
import type { CancelSignal } from "../engine/types.js";

export type Log = (level: LogLevel, message: string) => void;

const timeDigits = 9; // base 36 milliseconds: enough until the year 5188, so that text order is time order
const orderDigits = 4;

export class NodeEnv implements Env {
  readonly #encoder = new TextEncoder();
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  readonly #write: Log;
  #lastTime = 0;
  #order = 0;
  readonly #own = randomBytes(10).toString("hex");

  constructor(log: Log = () => undefined) {
    this.#write = log;
  }

  now(): number {
    return Date.now();
  }

  /** Time, then a count within the millisecond, then 80 random bits that no other process, and no other Env, shares. */
  id(): string {
    const time = Math.max(Date.now(), this.#lastTime); // the clock may be set back; the order of ids stays
    this.#order = time === this.#lastTime ? this.#order + 1 : 0;
    this.#lastTime = time;
    const order = this.#order.toString(36).padStart(orderDigits, "0");
    return `${time.toString(36).padStart(timeDigits, "0")}${order}${this.#own}`;
  }

  sleep(ms: number, signal?: CancelSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted === true) {
        resolve();
        return;
      }
      const end = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal?.addEventListener("abort", end);
    });
  }

  encode(text: string): Uint8Array {
    return this.#encoder.encode(text);
  }

  decode(bytes: Uint8Array): string {
    return this.#decoder.decode(bytes);
  }

  digest(bytes: Uint8Array): string {
    return createHash("sha256").update(bytes).digest("base64");
  }

  log(level: LogLevel, message: string): void {
    this.#write(level, message);
  }
}

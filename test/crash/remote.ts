/** Overlays in another mount namespace, as if they were here: each call is a message to a guest, and its answer. */
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { OverlayError } from "../../src/engine/errors.js";
import type { ErrorCode, Overlay } from "../../src/engine/index.js";
import type { OpenOverlayOptions } from "../../src/host/index.js";
import { root } from "../support/paths.js";
import type { Answer, Call } from "./guest.js";
import type { Mounts } from "./mounts.js";

export const engine = join(root, "dist", "overlay.mjs");

type Waiting = { readonly resolve: (answer: Answer) => void; readonly reject: (error: Error) => void };

export class Guest {
  private readonly waiting = new Map<number, Waiting>();
  private calls = 0;
  private readonly closed: Promise<void>;

  private constructor(private readonly child: ChildProcess) {
    child.on("message", (said) => {
      const answer = said as Answer;
      this.waiting.get(answer.id)?.resolve(answer);
      this.waiting.delete(answer.id);
    });
    this.closed = new Promise((resolve) => {
      child.once("close", () => {
        for (const { reject } of this.waiting.values()) reject(new Error("the guest has ended"));
        resolve();
      });
    });
  }

  /** @param uid who it is to be; default: root. */
  static async start(mounts: Mounts, uid?: number): Promise<Guest> {
    const child = mounts.start(join(root, "test", "crash", "guest.ts"), engine, uid === undefined ? "" : String(uid));
    const guest = new Guest(child);
    await guest.answerTo(-1);
    return guest;
  }

  private answerTo(id: number): Promise<Answer> {
    return new Promise((resolve, reject) => { this.waiting.set(id, { resolve, reject }); });
  }

  private async call(method: string, args: readonly unknown[], handle?: number): Promise<unknown> {
    const id = this.calls++;
    const answered = this.answerTo(id);
    this.child.send({ id, method, args, ...(handle === undefined ? {} : { handle }) } satisfies Call);
    const { error, value, handle: opened } = await answered;
    if (error !== undefined) {
      // Whatever else an overlay throws is a bug of its own.
      if (error.code === undefined) throw new Error(`${error.operation}: ${error.reason}`);
      throw new OverlayError(error.code as ErrorCode, error.operation, error.path, { reason: error.reason });
    }
    if (opened !== undefined) return this.standIn(opened);
    if (method !== "read" || handle === undefined) return value;
    const [count, bytes] = value as [number, Uint8Array];
    (args[0] as Uint8Array).set(bytes);
    return count;
  }

  private standIn(handle?: number): object {
    return new Proxy({}, {
      // It is awaited, and no promise.
      get: (_target, method) => (typeof method === "symbol" || method === "then" ? undefined : (...args: readonly unknown[]) => this.call(method, args, handle)),
    });
  }

  /** One at a time: disposed before the next. Only what can be sent: no signals, no listeners. */
  async open(options: OpenOverlayOptions): Promise<Overlay> {
    await this.call("openOverlay", [options]);
    return this.standIn() as Overlay;
  }

  async end(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill("SIGKILL");
    await this.closed;
  }
}

/**
 * The calls to a base that is not on a disk, while they are under way: those that ask the same are one, what is no answer
 * is asked once more, at once (every call only reads), and whoever waits can be let go. A call cannot be taken back: what
 * it brings later is kept all the same, unless something was said of its path meanwhile.
 */
import { LayerError } from "../engine/errors.js";
import type { Disposable } from "../engine/types.js";
import { isAnswer, remoteFault } from "./remoteFiles.js";

export type RemoteCall = "lstat" | "readdir" | "read";

export interface RemoteState {
  /** How many wait for an answer. */
  readonly waiting: number;
  /** What the last call said that ended without an answer; undefined once one has brought one. */
  readonly fault: string | undefined;
}

interface UnderWay {
  readonly path: string;
  readonly answer: Promise<unknown>;
}

export class RemoteCalls {
  private readonly underWay = new Map<string, UnderWay>();
  private readonly waiters = new Set<() => void>();
  private readonly listeners = new Set<(state: RemoteState) => void>();
  private fault: string | undefined;

  /** @param name what the base is called in errors. */
  constructor(private readonly name: string) {}

  get state(): RemoteState {
    return { waiting: this.waiters.size, fault: this.fault };
  }

  place(path: string): string {
    return path === "" ? this.name : `${this.name}/${path}`;
  }

  /** Called whenever a call begins or ends. */
  onDidChange(listener: (state: RemoteState) => void): Disposable {
    const own = (state: RemoteState): void => { listener(state); };
    this.listeners.add(own);
    return { dispose: () => { this.listeners.delete(own); } };
  }

  /**
   * @param keep is given the answer, unless something was said of the path since.
   * @throws LayerError: ECANCELED when waiting was ended, else what the base said.
   */
  ask<T>(call: RemoteCall, path: string, run: () => PromiseLike<T>, keep: (answer: T) => void): Promise<T> {
    const key = `${call}\0${path}`;
    const known = this.underWay.get(key);
    if (known !== undefined) return this.wait(known, call) as Promise<T>;
    const answer = this.twice(run).then(
      (value) => {
        this.fault = undefined;
        if (this.underWay.get(key) === mine) keep(value);
        return value;
      },
      (error: unknown) => {
        const fault = remoteFault(error, call, this.place(path));
        this.fault = isAnswer(error) ? undefined : fault.reason;
        throw fault;
      },
    ).finally(() => {
      if (this.underWay.get(key) === mine) this.underWay.delete(key);
    });
    const mine: UnderWay = { path, answer };
    this.underWay.set(key, mine);
    return this.wait(mine, call) as Promise<T>;
  }

  /** What is under way for these paths is an old answer by the time that it comes: nobody joins it, nothing of it is kept. */
  overtake(isTouched: (path: string) => boolean): void {
    for (const [key, { path }] of this.underWay) if (isTouched(path)) this.underWay.delete(key);
  }

  /** Everybody who waits is told that it was cancelled. */
  cancel(): void {
    for (const end of [...this.waiters]) end();
  }

  private async twice<T>(run: () => PromiseLike<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      if (isAnswer(error)) throw error;
      return await run();
    }
  }

  private wait(call: UnderWay, name: RemoteCall): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        if (!this.waiters.delete(cancelled)) return;
        this.tell();
        settle();
      };
      const cancelled = (): void => {
        end(() => { reject(new LayerError("ECANCELED", name, this.place(call.path), { reason: `'${this.name}' had not answered yet, and nobody waits for it any longer` })); });
      };
      this.waiters.add(cancelled);
      call.answer.then((value) => { end(() => { resolve(value); }); }, (error: unknown) => { end(() => { reject(error instanceof Error ? error : new Error(String(error))); }); });
      this.tell();
    });
  }

  private tell(): void {
    const { state } = this;
    for (const listener of [...this.listeners]) listener(state);
  }
}

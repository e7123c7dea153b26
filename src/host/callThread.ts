/**
 * A thread for many small calls. Through the thread pool each of them costs a wake-up of tens of microseconds, so that
 * a first write, some fifteen calls, is mostly waiting; here all that are asked for in one turn of the event loop go
 * over together, and a small file is copied in one. Started when copy-ups come in numbers, or many small files are to be
 * read; gone when nothing is asked for: a single save never pays for it. A sync is not done here: it may take long, and those of many files go together.
 */
import { Worker } from "node:worker_threads";
import { LayerError } from "../engine/errors.js";
import { type Answer, callThreadMain, type Operations, type Request } from "./callThreadMain.js";
import { nodeFault } from "./nodeFault.js";

/** This many copy-ups in this time, in ms, are "numbers". */
const many = 8;
const withinMs = 100;
/** How long it waits for more, in ms. */
const usualIdleMs = 5000;

interface Waiting {
  readonly call: string;
  readonly path: string;
  readonly resolve: (value: never) => void;
  readonly reject: (fault: LayerError) => void;
}

type Result<Op extends keyof Operations> = ReturnType<Operations[Op]>;

export class CallThread {
  #worker: Worker | undefined;
  #ready = false;
  #broken = false;
  readonly #waiting = new Map<number, Waiting>();
  #requests: Request[] = [];
  #next = 0;
  #since = 0;
  #count = 0;
  #idle: NodeJS.Timeout | undefined;
  #starting: ((isReady: boolean) => void)[] = [];

  constructor(private readonly idleMs = usualIdleMs) {}

  /** Whether calls should go this way now. */
  get ready(): boolean {
    return this.#ready;
  }

  /** One more copy-up begins: enough of them start the thread, and until it is there they go the other way. */
  wanted(): boolean {
    if (this.#ready || this.#worker !== undefined || this.#broken) return this.#ready;
    const now = performance.now();
    if (now - this.#since > withinMs) {
      this.#since = now;
      this.#count = 0;
    }
    if (++this.#count >= many) this.#start();
    return false;
  }

  /** Starts it without being asked for often. Whether it is there then. */
  start(): Promise<boolean> {
    if (this.#ready || this.#broken) return Promise.resolve(this.#ready);
    if (this.#worker === undefined) this.#start();
    return this.#worker === undefined ? Promise.resolve(false) : new Promise((resolve) => { this.#starting.push(resolve); });
  }

  /** Ends it now. What it has not answered fails; what is asked from here on goes the other way. */
  async end(): Promise<void> {
    this.#ready = false;
    await this.#worker?.terminate();
  }

  /** @throws LayerError with `call` and `path`, as the pool's calls do. */
  do<Op extends keyof Operations>(operation: Op, call: string, path: string, ...args: Parameters<Operations[Op]>): Promise<Result<Op>> {
    return new Promise((resolve, reject) => {
      const id = this.#next++;
      this.#waiting.set(id, { call, path, resolve, reject });
      // After all that this turn of the loop still asks for.
      if (this.#requests.length === 0) setImmediate(() => { this.#send(); });
      this.#requests.push([id, operation, ...args]);
    });
  }

  #send(): void {
    const requests = this.#requests;
    this.#requests = [];
    this.#worker?.ref(); // nobody exits under a call
    this.#worker?.postMessage(requests);
    if (this.#worker === undefined) this.#fail(new Error("the thread has ended"));
  }

  #start(): void {
    try {
      const text = `(${callThreadMain.toString()})(require("node:fs"), require("node:worker_threads").parentPort)`;
      // Its descriptors are closed by whoever was given them.
      // Nor is it to be what the process is: `--input-type=module` would make a module of it, `--require` run things in it.
      const worker = new Worker(text, { eval: true, execArgv: [], name: "overlay calls", trackUnmanagedFds: false, stdout: false, stderr: false });
      worker.unref();
      // Its first message says that it listens; "online" comes before its text has run, and may be all that ever comes.
      worker.once("message", () => {
        this.#ready = true;
        this.#started();
      });
      worker.on("message", (answers: readonly Answer[]) => { this.#settle(answers); });
      worker.on("error", (error: Error) => {
        this.#broken = true; // never again: the pool does it all
        this.#fail(error);
      });
      worker.on("exit", () => { this.#fail(new Error("the thread has ended")); });
      this.#worker = worker;
    } catch {
      this.#broken = true;
    }
  }

  #started(): void {
    for (const tell of this.#starting.splice(0)) tell(this.#ready);
  }

  #settle(answers: readonly Answer[]): void {
    for (const [id, value, fault] of answers) {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (fault === undefined) waiting?.resolve(value as never);
      else waiting?.reject(nodeFault(Object.assign(new Error(fault.message), { code: fault.code }), waiting.call, waiting.path));
    }
    if (this.#waiting.size === 0) {
      this.#worker?.unref();
      this.#rest();
    }
  }

  /** Ends it when nothing is asked for a while. */
  #rest(): void {
    if (this.#idle !== undefined) {
      this.#idle.refresh();
      return;
    }
    this.#idle = setTimeout(() => {
      this.#idle = undefined;
      if (this.#waiting.size > 0) return;
      void this.end();
    }, this.idleMs).unref();
  }

  #fail(error: Error): void {
    this.#ready = false;
    this.#worker = undefined;
    this.#count = 0;
    clearTimeout(this.#idle);
    this.#idle = undefined;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#requests = [];
    for (const { call, path, reject } of waiting) reject(new LayerError("EIO", call, path, { cause: error }));
    this.#started();
  }
}

/** One for all overlays of the process. */
export const callThread = new CallThread();

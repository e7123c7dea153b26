/** A window's side of a keeper: started as a process that no window takes with it, and spoken to over its socket. */
import { spawn } from "node:child_process";
import { createConnection, type Socket } from "node:net";
import { OverlayError, type CancelSignal, type OverlayEvent, type Progress } from "../engine/index.js";
import type { KeeperOptions } from "./keeper.js";
import type { StartMessage } from "./keeperMain.js";
import { fromWire, receive, send, type EngineCall, type Ending, type Message, type Request } from "./protocol.js";

export type Log = (level: "debug" | "info" | "warn" | "error", text: string) => void;

export interface StartOptions extends KeeperOptions {
  /** The keeper's bundle. */
  readonly program: string;
  readonly log: Log;
  readonly signal?: CancelSignal;
  /** Bytes, while what renamed folders show is copied. */
  readonly onProgress?: Progress;
}

/** Returns when the overlay is mounted. @throws OverlayError, with nothing mounted. */
export function startKeeper({ program, log, signal, onProgress, ...options }: StartOptions): Promise<{ readonly point: string; readonly socket: string }> {
  // A window's own environment has no say in what outlives it; an extension host's Node is VS Code's own program.
  const env = { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "", ELECTRON_RUN_AS_NODE: "1" };
  const child = spawn(process.execPath, [program, JSON.stringify(options)], { cwd: "/", env, detached: true, stdio: ["ignore", "ignore", "pipe", "ipc"] });
  return new Promise((resolve, reject) => {
    let said = "";
    child.stderr?.on("data", (data: Buffer) => { said = (said + data.toString()).slice(-2000); });
    const cancel = (): void => { if (child.connected) child.disconnect(); };
    const done = (): void => {
      signal?.removeEventListener("abort", cancel);
      if (child.connected) child.disconnect();
      child.stderr?.destroy();
      child.unref();
    };
    if (signal?.aborted === true) cancel();
    signal?.addEventListener("abort", cancel);
    child.on("message", (message) => {
      const told = message as StartMessage;
      if ("progress" in told) onProgress?.(...told.progress);
      else if ("log" in told) log(...told.log);
      else if ("failed" in told) {
        done();
        reject(fromWire(told.failed));
      } else {
        done();
        resolve(told.ready);
      }
    });
    const ended = (why: string): void => {
      done();
      if (signal?.aborted === true) reject(new OverlayError("ECANCELED", "mount", "/"));
      else reject(new OverlayError("EIO", "mount", "/", { reason: `the process that looks after the mount ${why}${said.trim() === "" ? "" : `: ${said.trim()}`}` }));
    };
    child.once("error", (error) => { ended(`cannot be started: ${error.message}`); });
    child.once("exit", (code) => { ended(`ended with ${String(code)}`); });
  });
}

export interface LinkListener {
  changed(events: readonly OverlayEvent[]): void;
  layers(): void;
  stale(paths: readonly string[]): void;
  /** Resolves when nothing is under way; nothing begins until `resume`. */
  pause(): Promise<void>;
  resume(): void;
  /** The mount is no more, or its keeper is not. Once. */
  ended(ending: Ending): void;
}

export class KeeperLink {
  private readonly waiting = new Map<number, { readonly resolve: (value: unknown) => void; readonly reject: (error: unknown) => void }>();
  private count = 0;
  private ending: Ending | undefined;
  listener: LinkListener | undefined;

  private constructor(private readonly socket: Socket, private readonly log: Log) {
    receive(socket, (message) => { this.take(message); });
    socket.on("error", () => { socket.destroy(); });
    socket.on("close", () => { this.end({ how: "failed", reason: "the process that looks after the mount has ended" }); });
  }

  /** Undefined when nobody listens there. */
  static connect(path: string, log: Log): Promise<KeeperLink | undefined> {
    return new Promise((resolve) => {
      const socket = createConnection(path);
      socket.once("error", () => { resolve(undefined); });
      socket.once("connect", () => { resolve(new KeeperLink(socket, log)); });
    });
  }

  get isOver(): boolean {
    return this.ending !== undefined;
  }

  engine(call: EngineCall, args: readonly unknown[]): Promise<unknown> {
    return this.ask((id) => ({ id, ask: "engine", call, args }));
  }

  async unmount(): Promise<void> {
    try {
      await this.ask((id) => ({ id, ask: "unmount" }));
    } catch (error) {
      if (this.ending?.how !== "unmounted") throw error; // else that it has ended is the answer
    }
  }

  /** Every event of what happened so far has been told. */
  async settle(): Promise<void> {
    await this.ask((id) => ({ id, ask: "settle" }));
  }

  close(): void {
    this.ending ??= { how: "unmounted" };
    this.socket.end();
    this.socket.unref();
  }

  private ask(request: (id: number) => Request): Promise<unknown> {
    if (this.ending !== undefined) return Promise.reject(gone());
    const id = ++this.count;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      send(this.socket, request(id));
    });
  }

  private take(message: Message): void {
    if ("ask" in message) return;
    if (!("say" in message)) {
      const waiting = this.waiting.get(message.id);
      this.waiting.delete(message.id);
      if ("error" in message) waiting?.reject(fromWire(message.error));
      else waiting?.resolve(message.ok ?? undefined);
      return;
    }
    const { listener } = this;
    switch (message.say) {
      case "changed":
        listener?.changed(message.events);
        return;
      case "layers":
        listener?.layers();
        return;
      case "stale":
        listener?.stale(message.paths);
        return;
      case "pause":
        void (listener?.pause() ?? Promise.resolve()).then(() => { send(this.socket, { say: "paused", id: message.id }); });
        return;
      case "paused":
        return;
      case "resume":
        listener?.resume();
        return;
      case "log":
        this.log(message.level, message.text);
        return;
      case "ended":
        this.end(message.ending);
    }
  }

  private end(ending: Ending): void {
    if (this.ending !== undefined) return;
    this.ending = ending;
    for (const { reject } of this.waiting.values()) reject(gone());
    this.waiting.clear();
    this.listener?.ended(ending);
  }
}

function gone(): OverlayError {
  return new OverlayError("EBADF", "mount", "/", { reason: "the overlay is not mounted any more" });
}

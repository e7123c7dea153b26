/**
 * The keeper's process (dist/keeper.mjs): started by the window that mounts an overlay, told what to do in its one
 * argument, and answering over the channel of its start until the mount stands. From then on windows come and go by the
 * socket; a connection is what says that somebody uses the mount.
 */
import { chmod, unlink } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { OverlayError } from "../engine/index.js";
import { Keeper, type KeeperEvents, type KeeperOptions } from "./keeper.js";
import { receive, send, toWire, type Ending, type Message, type Request, type WireError } from "./protocol.js";

/** What the starting window hears. */
export type StartMessage =
  | { readonly progress: readonly [done: number, total: number] }
  | { readonly log: readonly [level: "debug" | "info" | "warn" | "error", text: string] }
  | { readonly failed: WireError }
  | { readonly ready: { readonly point: string; readonly socket: string } };

const pauseMs = 10_000;
/** The window that had it mounted is on its way. */
const firstMs = 10_000;
/** Progress is for people. */
const progressMs = 100;

class KeeperProcess implements KeeperEvents {
  private readonly windows = new Set<Socket>();
  private readonly paused = new Map<number, () => void>();
  private keeper: Keeper | undefined;
  private server: Server | undefined;
  private timer: NodeJS.Timeout | undefined;
  private questions = 0;
  private standing = false;

  constructor(private readonly options: KeeperOptions) {}

  async run(): Promise<void> {
    const cancel = new AbortController();
    // The window that wants it has gone, or thinks better of it.
    process.once("disconnect", () => { if (!this.standing) cancel.abort(); });
    let told = 0;
    const onProgress = (done: number, total: number): void => {
      if (Date.now() - told < progressMs) return;
      told = Date.now();
      tellStarter({ progress: [done, total] });
    };
    try {
      const keeper = await Keeper.start(this.options, this, { signal: cancel.signal, onProgress });
      this.keeper = keeper;
      await this.listen(keeper);
      keeper.onYieldRequested(() => { this.tryToEnd(); });
      for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => { this.tryToEnd(); });
      this.standing = true;
      tellStarter({ ready: { point: keeper.point, socket: keeper.socket } });
      if (!process.connected) this.tryToEnd();
    } catch (error) {
      tellStarter({ failed: toWire(error) });
      await this.keeper?.end().catch(() => undefined);
      this.finish();
    }
  }

  // What the keeper tells.

  changed(events: Parameters<KeeperEvents["changed"]>[0]): void {
    this.broadcast({ say: "changed", events });
  }

  layers(): void {
    this.broadcast({ say: "layers" });
  }

  stale(paths: readonly string[]): void {
    this.broadcast({ say: "stale", paths });
  }

  log(level: "debug" | "info" | "warn" | "error", text: string): void {
    if (this.standing) this.broadcast({ say: "log", level, text });
    else tellStarter({ log: [level, text] });
  }

  closing(): void {
    this.server?.close(); // this takes the socket's name away, too
    this.server = undefined;
  }

  ended(ending: Ending): void {
    this.broadcast({ say: "ended", ending });
    this.finish();
  }

  async pause(): Promise<void> {
    const answers = [...this.windows].map((window) => this.pauseOne(window));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new OverlayError("EBUSY", "unmount", this.keeper?.point ?? "/", { reason: "a window is still reading or writing in the mounted overlay; try again when it has ended" }));
      }, pauseMs);
    });
    try {
      await Promise.race([Promise.all(answers), late]);
    } catch (error) {
      this.resume();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  resume(): void {
    this.broadcast({ say: "resume" });
  }

  private pauseOne(window: Socket): Promise<void> {
    const id = ++this.questions;
    return new Promise<void>((resolve) => {
      const done = (): void => { this.paused.delete(id); resolve(); };
      this.paused.set(id, done);
      window.once("close", done);
      send(window, { say: "pause", id });
    });
  }

  // What windows ask.

  private async listen(keeper: Keeper): Promise<void> {
    const server = createServer((window) => { this.welcome(keeper, window); });
    this.server = server;
    // Whoever listened here before is dead: we have its lock.
    await unlink(keeper.socket).catch(() => undefined);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(keeper.socket, resolve);
    });
    await chmod(keeper.socket, 0o600);
    this.waitForLast(Math.max(this.options.graceMs, firstMs));
  }

  private welcome(keeper: Keeper, window: Socket): void {
    this.windows.add(window);
    clearTimeout(this.timer);
    window.on("error", () => { window.destroy(); });
    window.on("close", () => {
      this.windows.delete(window);
      this.waitForLast();
    });
    receive(window, (message) => {
      if ("ask" in message) void this.answer(keeper, window, message);
      else if ("say" in message && message.say === "paused") this.paused.get(message.id)?.();
    });
  }

  private async answer(keeper: Keeper, window: Socket, request: Request): Promise<void> {
    const { id } = request;
    try {
      switch (request.ask) {
        case "engine":
          send(window, { id, ok: (await keeper.call(request.call, request.args)) ?? null });
          return;
        case "settle":
          await keeper.settle();
          send(window, { id, ok: null });
          return;
        case "unmount":
          await keeper.end();
          send(window, { id, ok: null });
      }
    } catch (error) {
      send(window, { id, error: toWire(error) });
    }
  }

  private waitForLast(ms = this.options.graceMs): void {
    clearTimeout(this.timer);
    if (this.windows.size === 0) this.timer = setTimeout(() => { this.tryToEnd(); }, ms);
  }

  /** A terminal that stands in it keeps it; then it is tried again. */
  private tryToEnd(): void {
    this.keeper?.end().catch(() => { this.waitForLast(); });
  }

  private broadcast(message: Message): void {
    for (const window of this.windows) send(window, message);
  }

  private finish(): void {
    clearTimeout(this.timer);
    for (const window of this.windows) window.end();
    this.server?.close();
    if (process.connected) process.disconnect();
    // What was written has been handed to the system; nothing else is to keep this process.
    setTimeout(() => { process.exit(0); }, 1000).unref();
  }
}

function tellStarter(message: StartMessage): void {
  if (process.connected) process.send?.(message, () => undefined);
}

// Who started us does not listen any more, some time.
process.stderr.on("error", () => undefined);
await new KeeperProcess(JSON.parse(process.argv[2] ?? "{}") as KeeperOptions).run();

/**
 * What a window and a keeper say to each other over the socket: one JSON object a line. Connected is using: the mount
 * stays while anybody is. Bytes and files go through the mount itself, never here.
 */
import type { Socket } from "node:net";
import { OverlayError, toErrorCode, type OverlayEvent } from "../engine/index.js";

/** What the keeper's engine does for a window. Those that change the upper take a short unmount. */
export const aside = ["renameSnapshot", "forget", "keepDropped", "adoptOrigin", "keepAside"] as const;
export const unmounted = ["reset", "resetTo", "takeSnapshot", "squash", "thaw", "bringBack"] as const;
export type AsideCall = (typeof aside)[number];
export type UnmountedCall = (typeof unmounted)[number];
export type EngineCall = AsideCall | UnmountedCall;

export type Request =
  | { readonly id: number; readonly ask: "engine"; readonly call: EngineCall; readonly args: readonly unknown[] }
  | { readonly id: number; readonly ask: "unmount" }
  /** All that happened so far is told before the answer. */
  | { readonly id: number; readonly ask: "settle" };

/** Why a mount is no more: asked for, or by itself. */
export type Ending = { readonly how: "unmounted" } | { readonly how: "failed"; readonly reason: string };

export type Message =
  | Request
  | { readonly id: number; readonly ok: unknown }
  | { readonly id: number; readonly error: WireError }
  /** The keeper's own question: let nothing be under way; the answer has the same number. */
  | { readonly say: "pause"; readonly id: number }
  | { readonly say: "paused"; readonly id: number }
  | { readonly say: "resume" }
  | { readonly say: "changed"; readonly events: readonly OverlayEvent[] }
  | { readonly say: "layers" }
  | { readonly say: "stale"; readonly paths: readonly string[] }
  | { readonly say: "log"; readonly level: "warn" | "info" | "error" | "debug"; readonly text: string }
  | { readonly say: "ended"; readonly ending: Ending };

export interface WireError {
  readonly code: string;
  readonly operation: string;
  readonly path: string;
  readonly reason: string;
}

export function toWire(error: unknown): WireError {
  if (error instanceof OverlayError) return { code: error.code, operation: error.operation, path: error.path, reason: error.reason };
  return { code: "EIO", operation: "mount", path: "/", reason: error instanceof Error ? error.message : String(error) };
}

export function fromWire({ code, operation, path, reason }: WireError): OverlayError {
  return new OverlayError(toErrorCode(code), operation, path, { reason });
}

export function send(socket: Socket, message: Message): void {
  if (!socket.destroyed) socket.write(`${JSON.stringify(message)}\n`);
}

/** A line that is none is dropped: both ends are of one version, or know no better. */
export function receive(socket: Socket, take: (message: Message) => void): void {
  let rest = "";
  socket.setEncoding("utf8");
  socket.on("data", (data: string) => {
    const lines = (rest + data).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const message = parse(line);
      if (message !== undefined) take(message);
    }
  });
}

function parse(line: string): Message | undefined {
  try {
    const value = JSON.parse(line) as unknown;
    return typeof value === "object" && value !== null ? (value as Message) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * One process of ripgrep: what it writes is handed on in pieces as it comes, what it says went wrong becomes an
 * OverlayError in its own words. It is dead when the call ends, however it ends.
 */
import { spawn } from "node:child_process";
import { type CancelSignal, OverlayError } from "../engine/index.js";

export interface RunOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** False: enough. */
  readonly onData: (piece: Buffer) => boolean;
  readonly signal: CancelSignal;
}

export interface RunReport {
  /** What could not be read: ripgrep's lines, the first few kilobytes. */
  readonly complaints: readonly string[];
}

/** Of what it complains, so much is kept. */
const complaintBytes = 16_384;

/** @throws OverlayError EINVAL, ENOTSUP, EIO, ECANCELED; see Searcher. */
export function runRipgrep({ command, args, cwd, onData, signal }: RunOptions): Promise<RunReport> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(cancelled());
      return;
    }
    const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"], windowsHide: true });
    let errors = "";
    let ended: "no" | "enough" | "aborted" | "failed" = "no";
    let failure: unknown;
    const end = (why: "enough" | "aborted" | "failed"): void => {
      if (ended !== "no") return;
      ended = why;
      child.stdout.destroy();
      child.kill("SIGKILL");
    };
    const onAbort = (): void => { end("aborted"); };
    signal.addEventListener("abort", onAbort);
    child.stdout.on("data", (piece: Buffer) => {
      if (ended !== "no") return;
      try {
        if (!onData(piece)) end("enough");
      } catch (error) {
        failure = error;
        end("failed");
      }
    });
    child.stderr.on("data", (piece: Buffer) => { if (errors.length < complaintBytes) errors += piece.toString(); });
    child.on("error", (error) => {
      if (child.pid !== undefined) return; // it could not be killed: it has ended already
      signal.removeEventListener("abort", onAbort);
      reject(new OverlayError("ENOTSUP", "search", command, { reason: `ripgrep cannot be run ('${command}'): ${error.message}`, cause: error }));
    });
    child.on("close", (code, killedBy) => {
      signal.removeEventListener("abort", onAbort);
      if (ended === "failed") reject(failure instanceof Error ? failure : new Error(String(failure)));
      else if (ended === "aborted") reject(cancelled());
      else if (ended === "enough" || code === 0 || code === 1) resolve({ complaints: complaintsIn(errors) });
      else if (killedBy !== null) reject(new OverlayError("EIO", "search", "/", { reason: `ripgrep was ended from outside (${killedBy}) before it was done; search again` }));
      else {
        const complaints = complaintsIn(errors);
        const refused = refusal(errors);
        if (refused !== undefined) reject(new OverlayError("EINVAL", "search", "/", { reason: refused }));
        else if (code === 2 && complaints.length > 0) resolve({ complaints });
        else reject(new OverlayError("EIO", "search", "/", { reason: `ripgrep failed with code ${String(code)}${errors === "" ? "" : `: ${errors.trim()}`}` }));
      }
    });
  });
}

export function cancelled(): OverlayError {
  return new OverlayError("ECANCELED", "search", "/");
}

/** What it could not read; it goes on after each of these. */
function complaintsIn(errors: string): string[] {
  return errors.split("\n").filter((line) => line.includes("(os error") || line.includes("File system loop")).map((line) => line.replace(/^rg: (\.[/\\])?/, ""));
}

/** What it would not begin with, in its own words. Where two engines were tried, the one that knows more decides. */
function refusal(errors: string): string | undefined {
  const glob = /error parsing glob (.*)/.exec(errors)?.[1];
  if (glob !== undefined) return `the glob ${glob}`;
  const encoding = /unknown encoding: (.*)/.exec(errors)?.[1];
  if (encoding !== undefined) return `ripgrep knows no encoding '${encoding}'`;
  if (!/regex/i.test(errors)) return undefined;
  const first = /^error: (.*)/m.exec(errors)?.[1] ?? /^(compiled regex exceeds.*|the literal .*)/m.exec(errors)?.[1];
  const second = /PCRE2: .*?offset \d+: (.*)/.exec(errors)?.[1];
  const said = first === undefined || (/not supported/.test(first) && second !== undefined) ? second : first;
  return `the pattern is no regular expression: ${said ?? errors.trim().split("\n")[0] ?? ""}`;
}

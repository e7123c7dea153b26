/**
 * Reading a git repository, with the user's git: the contents that a file had. Nothing is written: no locks, no refresh of
 * the index, no fetch, and no program that the repository's configuration names. Still it is to be asked of trusted
 * folders only, as git itself reads that configuration.
 */
import { spawn } from "node:child_process";
import type { CancelSignal } from "../engine/index.js";

/** A repository that takes longer is not waited for, in ms. */
const patienceMs = 10_000;
/** How far back the branch, then everything else that is known, is looked through, in commits that touch the file. */
const [own, others] = [100, 300];
const mostBlobs = 500;

const always = ["--no-optional-locks", "--literal-pathspecs", "-c", "core.fsmonitor=false", "-c", "log.showSignature=false", "-c", "core.pager=cat"];

/** What git was, or is, told by variables is about another repository. */
function environment(): NodeJS.ProcessEnv {
  const plain = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_")));
  return { ...plain, GIT_OPTIONAL_LOCKS: "0", GIT_NO_LAZY_FETCH: "1", GIT_ALLOW_PROTOCOL: "none", GIT_TERMINAL_PROMPT: "0", LC_ALL: "C" };
}

export class GitHistory {
  private constructor(private readonly folder: string, private readonly signal: CancelSignal | undefined) {}

  /** Undefined when the folder is in no work tree, or there is no git. */
  static async of(folder: string, signal?: CancelSignal): Promise<GitHistory | undefined> {
    const history = new GitHistory(folder, signal);
    const answer = await history.run(["rev-parse", "--is-inside-work-tree"]);
    return answer?.toString().trim() === "true" ? history : undefined;
  }

  /**
   * The contents of this size that a file had: in the index, in the branch's history, then in that of other branches, the
   * stash and the reflog. Newest first, each once.
   * @param path relative to the folder
   */
  async *contents(path: string, size: number): AsyncGenerator<Uint8Array, void, undefined> {
    const seen = new Set<string>();
    const log = (...args: string[]): string[] => ["log", "-m", "--raw", "-z", "--no-abbrev", "--no-renames", "--format=", ...args, "--", path];
    for (const args of [["ls-files", "-s", "-z", "--", path], log("-n", String(own)), log("-n", String(others), "--all", "--reflog")]) {
      const listed = (await this.run(args))?.toString("latin1") ?? "";
      const fresh = blobsIn(listed).filter((id) => !seen.has(id)).slice(0, mostBlobs - seen.size);
      for (const id of fresh) seen.add(id);
      for (const id of await this.ofSize(fresh, size)) {
        const content = await this.run(["cat-file", "blob", id]);
        if (content !== undefined) yield content;
      }
    }
  }

  private async ofSize(ids: readonly string[], size: number): Promise<string[]> {
    if (ids.length === 0) return [];
    const sizes = await this.run(["cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)"], `${ids.join("\n")}\n`);
    const wanted = ` blob ${size}`;
    return (sizes?.toString() ?? "").split("\n").flatMap((line) => (line.endsWith(wanted) ? [line.slice(0, -wanted.length)] : []));
  }

  /** What it says; undefined when it fails, is not there, or takes too long. */
  private run(args: readonly string[], input = ""): Promise<Buffer | undefined> {
    return new Promise((resolve) => {
      if (this.signal?.aborted === true) {
        resolve(undefined);
        return;
      }
      const child = spawn("git", [...always, "-C", this.folder, ...args], { env: environment(), stdio: ["pipe", "pipe", "ignore"], windowsHide: true, timeout: patienceMs });
      const pieces: Buffer[] = [];
      const stop = (): void => { child.kill(); };
      this.signal?.addEventListener("abort", stop);
      const end = (answer: Buffer | undefined): void => {
        this.signal?.removeEventListener("abort", stop);
        resolve(answer);
      };
      child.stdout.on("data", (piece: Buffer) => pieces.push(piece));
      child.stdin.on("error", () => undefined); // it ended without reading all of it: its code says so
      child.once("error", () => { end(undefined); });
      child.once("close", (code) => { end(code === 0 ? Buffer.concat(pieces) : undefined); });
      child.stdin.end(input);
    });
  }
}

/** From `git ls-files -s` and `git log --raw`; links to other repositories and absent sides are left out by being no blob. */
function blobsIn(text: string): string[] {
  const raw = [...text.matchAll(/:\d{6} \d{6} ([0-9a-f]{40,64}) ([0-9a-f]{40,64}) [A-Z]/g)].flatMap(([, before, after]) => [after, before]);
  const staged = [...text.matchAll(/(?:^|\0)\d{6} ([0-9a-f]{40,64}) \d\t/g)].map(([, id]) => id);
  return [...new Set([...raw, ...staged])].flatMap((id) => (id === undefined || /^0+$/.test(id) ? [] : [id]));
}

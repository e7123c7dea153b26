/**
 * Asks of copied entries, in the background and a few at a time, whether they are what the base has again. A path that
 * is asked about once more while its answer is on the way gets a new answer, and the old one counts for nothing. Pure.
 */

export type CheckCopy = (path: string, signal: AbortSignal) => Promise<boolean>;

/** Few, for they are never urgent: what the user does meanwhile finds the disk free. */
const width = 4;
/** One answer for each entry would have ten thousand lists drawn anew. */
const answersAtOnce = 200;

export class CopyChecks {
  private readonly waiting = new Set<string>();
  private verdicts = new Map<string, boolean>();
  /** When each path was asked about last: an answer to an earlier question is not wanted any more. */
  private readonly asked = new Map<string, number>();
  private questions = 0;
  private running = false;
  private readonly ending = new AbortController();

  constructor(private readonly check: CheckCopy, private readonly answer: (verdicts: ReadonlyMap<string, boolean>) => void) {}

  add(path: string): void {
    this.waiting.add(path);
    this.asked.set(path, ++this.questions);
    this.verdicts.delete(path);
  }

  /** Begins with what waits, if nothing is under way; what comes meanwhile is taken along. */
  start(): void {
    if (!this.running && this.waiting.size > 0) void this.drain();
  }

  dispose(): void {
    this.waiting.clear();
    this.ending.abort();
  }

  private async drain(): Promise<void> {
    this.running = true;
    while (this.waiting.size > 0) {
      await Promise.all(Array.from({ length: width }, () => this.work()));
      this.hand();
    }
    this.running = false;
  }

  private async work(): Promise<void> {
    for (let path = this.next(); path !== undefined; path = this.next()) {
      const question = this.asked.get(path);
      const same = await this.ask(path);
      if (this.asked.get(path) !== question) continue;
      this.asked.delete(path);
      this.verdicts.set(path, same);
      if (this.verdicts.size >= answersAtOnce) this.hand();
    }
  }

  private next(): string | undefined {
    const [path] = this.waiting;
    if (path !== undefined) this.waiting.delete(path);
    return path;
  }

  /** What cannot be compared is shown as the change that it may be. */
  private async ask(path: string): Promise<boolean> {
    try {
      return await this.check(path, this.ending.signal);
    } catch {
      return false;
    }
  }

  private hand(): void {
    const ready = this.verdicts;
    this.verdicts = new Map();
    if (ready.size > 0 && !this.ending.signal.aborted) this.answer(ready);
  }
}

// The suite that runs inside VS Code: its host calls run(). Every *.test.ts beside this file is bundled with it.
// What happens is printed line by line, and counted into the file that OVERLAY_TEST_RESULTS names.
import { writeFileSync } from "node:fs";
import Mocha from "mocha";

const { EVENT_TEST_PASS, EVENT_TEST_FAIL, EVENT_TEST_PENDING } = Mocha.Runner.constants;

/** The shape is agreed with test/support/results.ts. */
interface Result {
  title: string;
  state: "passed" | "failed" | "skipped";
  error?: string;
}

export async function run(): Promise<void> {
  process.setSourceMapsEnabled(true);
  const mocha = new Mocha({ ui: "bdd", timeout: 20_000, reporter: "base" });
  mocha.suite.emit("pre-require", globalThis as unknown as Mocha.MochaGlobals, "", mocha);
  // Only now are describe() and it() there.
  await import("overlay-specs");

  const results: Result[] = [];
  const failures = await new Promise<number>((resolve) => {
    const runner = mocha.run(resolve);
    const note = (test: Mocha.Test, state: Result["state"], error?: Error): void => {
      const title = test.fullTitle();
      const text = error?.stack ?? error?.message;
      results.push({ title, state, ...(text === undefined ? {} : { error: text }) });
      const mark = { passed: "✓", failed: "✗", skipped: "-" }[state];
      // The bar tells these lines from all that VS Code logs.
      console.log(`│ ${mark} ${title}${test.duration !== undefined && test.duration > 200 ? ` (${test.duration} ms)` : ""}${text === undefined ? "" : `\n${text}`}`);
    };
    runner.on(EVENT_TEST_PASS, (test) => { note(test, "passed"); });
    runner.on(EVENT_TEST_FAIL, (test, error: Error) => { note(test, "failed", error); });
    runner.on(EVENT_TEST_PENDING, (test) => { note(test, "skipped"); });
  });

  const file = process.env["OVERLAY_TEST_RESULTS"];
  if (file === undefined) throw new Error("OVERLAY_TEST_RESULTS does not say where the results go");
  writeFileSync(file, JSON.stringify(results));
  if (failures > 0) throw new Error(`${failures} failed`);
}

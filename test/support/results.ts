// What tests report, counted from the reporters' own files: mocha's as test/vscode/index.ts writes it, and vitest's JSON.
import { existsSync, readFileSync } from "node:fs";

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

export const none: Counts = { passed: 0, failed: 0, skipped: 0 };

export function add(a: Counts, b: Counts): Counts {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

/** The closing line; continuous integration reads it. */
export function closingLine(counts: Counts): string {
  return `${counts.passed} passed, ${counts.failed} failed${counts.skipped > 0 ? `, ${counts.skipped} skipped` : ""}`;
}

/** Counts of the suite inside VS Code; undefined when it never came to its end. */
export function readSuiteResults(file: string): Counts | undefined {
  if (!existsSync(file)) return undefined;
  const results = JSON.parse(readFileSync(file, "utf8")) as ReadonlyArray<{ state: keyof Counts }>;
  return results.reduce((counts, { state }) => ({ ...counts, [state]: counts[state] + 1 }), none);
}

interface VitestTest {
  readonly status: string;
  readonly fullName: string;
  readonly failureMessages?: readonly string[];
}

interface VitestReport {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  success: boolean;
  testResults: ReadonlyArray<{ name: string; status: string; message?: string; assertionResults: readonly VitestTest[] }>;
}

/** Counts of a vitest run. A file that could not even be loaded counts as one failure: it has no test of its own to fail. */
export function readVitestResults(file: string): Counts | undefined {
  if (!existsSync(file)) return undefined;
  const report = JSON.parse(readFileSync(file, "utf8")) as VitestReport;
  const broken = report.testResults.filter((one) => one.status === "failed" && one.assertionResults.length === 0).length;
  return { passed: report.numPassedTests, failed: report.numFailedTests + broken, skipped: report.numPendingTests + report.numTodoTests };
}

/** A line for each test that failed, and for each file that could not be loaded: the end of a log is what is read first. */
export function readVitestFailures(file: string): string[] {
  if (!existsSync(file)) return [];
  const report = JSON.parse(readFileSync(file, "utf8")) as VitestReport;
  return report.testResults.flatMap(({ name, status, message, assertionResults }) => {
    if (status === "failed" && assertionResults.length === 0) return [`${name}: ${firstLine(message)}`];
    return assertionResults.filter((one) => one.status === "failed").map(({ fullName, failureMessages }) => `${fullName}: ${firstLine(failureMessages?.[0])}`);
  });
}

function firstLine(text = ""): string {
  return text.split("\n", 1)[0] ?? "";
}

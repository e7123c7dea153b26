// What a failed UI test leaves for whoever looks into it: the window as it was, and what the extension logged.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "vitest";
import type { Workbench } from "../workbench.ts";

/** For `afterEach`: saves a screenshot named after the test, and prints the log, when the test failed. */
export async function keepEvidence({ task }: TestContext, workbench: Workbench | undefined): Promise<void> {
  if (task.result?.state !== "fail" || workbench === undefined) return;
  const name = `failed-${task.name.replaceAll(/[^a-z0-9]+/gi, "-").slice(0, 80)}`;
  const file = await workbench.screenshot(name).catch((error: unknown) => String(error));
  process.stderr.write(`${file}\n${extensionLog(workbench)}\n`);
}

/** Everything that the extension has logged in this VS Code, windows one after the other. */
export function extensionLog(workbench: Workbench): string {
  const logs = join(workbench.userDataDir, "server", "data", "logs");
  if (!existsSync(logs)) return "";
  const files = readdirSync(logs, { recursive: true }).map(String).filter((name) => name.endsWith("Overlay.log"));
  return files.map((name) => readFileSync(join(logs, name), "utf8")).join("");
}

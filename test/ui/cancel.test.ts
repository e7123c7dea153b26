// Cancel, pressed while the work goes on. When it gets there is left open: what is said must be what happened, at any moment.
import { linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { withOverlay } from "../support/journey/script.ts";
import { makeTemp, removeTemp } from "../support/processes.ts";
import {
  acceptInput, answerDialog, choosePath, explorer, keepEvidence, plantFiles, quickPickRows, runCommand, startWorkbench, statusBar, until, waitForNotification, waitForOverlay,
  waitForStatus, type Workbench,
} from "../support/vscode/ui/index.ts";

/** So many that each of the works is under way for seconds where the machine is fast. */
const changed = 3000;
const copied = 20_000;
const deleted = 150;

describe("Cancel in the middle", () => {
  const folder = makeTemp("cancel");
  const base = join(folder, "base");
  const out = join(folder, "out");
  let workbench: Workbench;

  beforeAll(async () => {
    mkdirSync(out);
    plantFiles(base, { "a.txt": "a\n", "large/": "", ...several(changed, (n) => [`d/${n}.txt`, "old\n"]), ...several(copied, (n) => [`many/${n}.txt`, "one of many\n"]) });
    // What a patch has to hold of a deleted file that is no text: all of it, packed.
    writeFileSync(join(base, "large/0"), noise(4 * 1024 * 1024));
    for (let n = 1; n < deleted; n++) linkSync(join(base, "large/0"), join(base, `large/${n}`));
    await withOverlay(base, join(folder, "scratch", "work"), `
      await overlay.remove("/large", { recursive: true });
      for (let n = 0; n < ${changed}; n++) await overlay.writeFile(\`/d/\${n}.txt\`, "new\\n");
    `);
    workbench = await startWorkbench({ extension: "dev", workspace: "overlay://work/base", env: { OVERLAY_WORKSPACE_OPEN: base }, settings: { "overlay.scratchRoot": join(folder, "scratch") } });
    await waitForOverlay(workbench.page);
    await waitForStatus(workbench.page, `base: ${changed + 1} changes`, { timeout: 60_000 });
  });
  afterEach((context) => keepEvidence(context, workbench));
  afterAll(async () => {
    await workbench.close();
    removeTemp(folder);
  });

  /** How many files of `d` the base has as the overlay has them; each is one or the other. */
  function inBase(): number {
    const contents = readdirSync(join(base, "d")).map((name) => readFileSync(join(base, "d", name), "utf8"));
    expect(contents).toHaveLength(changed);
    expect([...new Set(contents)].every((content) => content === "new\n" || content === "old\n")).toBe(true);
    return contents.filter((content) => content === "new\n").length;
  }

  async function cancelExport(command: string, target: string): Promise<void> {
    const { page } = workbench;
    const sentence = "The export was cancelled; nothing was written.";
    await until("the last one's words to go", async () => !(await statusBar(page)).includes(sentence));
    await runCommand(page, command);
    const said = waitForStatus(page, sentence, { timeout: 120_000 }); // from now on, as it goes by itself
    await Promise.all([said, choosePath(page, target, () => pressCancel(page, "Exporting from 'base'"))]);
  }

  test("Export Patch…: it says so, and nothing is left where the patch would be", async () => {
    await cancelExport("Overlay: Export Patch…", join(out, "all.patch"));
    expect(readdirSync(out)).toEqual([]);
  });

  test("Export Folder…: it says so, and nothing is left where the folder would be", async () => {
    await cancelExport("Overlay: Export Folder…", `${out}/`);
    expect(readdirSync(out)).toEqual([]);
  });

  test("Apply to Base…: it says how many are written, which is what the base has; the rest stays in the overlay, and Undo takes it back", async () => {
    const { page } = workbench;
    await explorer(page).contextMenu("d", ["Export Overlay Changes", "Apply to Base…"]);
    await quickPickRows(page, { timeout: 60_000 });
    await acceptInput(page);
    await answerDialog(page, "Apply");
    await pressCancel(page, "Applying to");
    const { message, severity, buttons } = await waitForNotification(page, "Stopped.", { timeout: 120_000 });
    const [, applied, notDone] = /^Stopped\. (\d[\d,]*) changes? applied to '.*'\. (\d[\d,]*) w(?:as|ere) not\.$/.exec(message)?.map((part) => Number(part.replaceAll(",", ""))) ?? [];
    expect({ applied, notDone, severity, buttons }).toEqual({
      applied: inBase(), notDone: changed - inBase(), severity: "warning", buttons: [...(inBase() > 0 ? ["Undo"] : []), "Show What Was Not Done"],
    });
    expect(applied).toBeGreaterThan(0);
    expect(readdirSync(base).sort()).toEqual(["a.txt", "d", "large", "many"]); // nothing half written lies about
    await waitForStatus(page, `base: ${(notDone ?? 0) + 1} changes`, { timeout: 60_000 });
    // The notification with its own Undo may have gone to the others by now.
    await runCommand(page, "Overlay: Undo Apply…");
    expect((await quickPickRows(page)).map(({ description }) => description)).toEqual([`${applied} changes`]);
    await acceptInput(page);
    await waitForNotification(page, `is as it was before, in ${applied} entries.`, { timeout: 120_000 });
    expect(inBase()).toBe(0);
    await waitForStatus(page, `base: ${changed + 1} changes`, { timeout: 60_000 });
  });
});

/** As soon as there is a Cancel to press. */
async function pressCancel(page: Page, title: string): Promise<boolean> {
  const toast = page.locator(".notifications-toasts .notification-list-item", { hasText: title });
  await toast.locator(".monaco-button", { hasText: "Cancel" }).click({ timeout: 60_000 });
  await until("the progress to go", async () => (await toast.count()) === 0, { timeout: 60_000 });
  return true;
}

function several(count: number, entry: (n: number) => [string, string]): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, n) => entry(n)));
}

/** The same each time, and nothing that packs. */
function noise(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = 1;
  for (let n = 0; n < length; n++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[n] = state >>> 24;
  }
  return bytes;
}

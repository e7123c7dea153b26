// The command palette, quick picks and input boxes, used by keyboard as a person would.
import type { Page } from "playwright-core";
import { until, type UntilOptions } from "./until.ts";

export interface PickRow {
  label: string;
  description: string;
  detail: string;
  checked: boolean | undefined;
}

const widget = (page: Page) => page.locator(".quick-input-widget:visible");
const box = (page: Page) => widget(page).locator(".quick-input-box input");

/** Runs a command by its full title in the palette, such as "Overlay: Show Log". */
export async function runCommand(page: Page, title: string, options: UntilOptions = {}): Promise<void> {
  const row = await findCommand(page, title, options);
  if (!row) throw new Error(`The command palette does not offer "${title}"`);
  await page.keyboard.press("Enter");
  // The palette goes before what the command asks comes; the same box may serve both.
  await until("the palette to go", async () => !(await box(page).isVisible()) || !(await box(page).inputValue({ timeout: 300 })).startsWith(">"), options);
}

/** Whether the palette offers this title; closes the palette again. Waits for the palette, not for the command to come. */
export async function offersCommand(page: Page, title: string): Promise<boolean> {
  const found = await findCommand(page, title, { timeout: 1_500 });
  await page.keyboard.press("Escape");
  await widget(page).waitFor({ state: "hidden" });
  return found;
}

/** So many looks without the command, and the palette is opened anew: it lists what was offered when it was opened. */
const looksAtOne = 40;

async function findCommand(page: Page, title: string, options: UntilOptions): Promise<boolean> {
  let looks = 0;
  try {
    await until(`the command "${title}" in the palette`, async () => {
      if (++looks % looksAtOne === 0) {
        await page.keyboard.press("Escape");
        await widget(page).waitFor({ state: "hidden", timeout: 3_000 });
      }
      if (!(await box(page).isVisible())) {
        await page.keyboard.press("F1");
        await box(page).waitFor({ timeout: 3_000 });
      }
      const wanted = `>${title}`;
      if ((await box(page).inputValue({ timeout: 500 })) !== wanted) await box(page).fill(wanted, { timeout: 1_000 });
      const focused = widget(page).locator(".monaco-list-row.focused");
      // Filtering takes a moment; the row that Enter would run must be the one asked for.
      if ((await focused.count()) === 1 && isCommand(await focused.getAttribute("aria-label", { timeout: 500 }), title)) return true;
      // Another command may begin with the same words, and stand above.
      const labels = await widget(page).locator(".monaco-list-row").evaluateAll((rows) => rows.map((row) => row.getAttribute("aria-label")));
      if (labels.some((label) => isCommand(label, title))) await page.keyboard.press("ArrowDown");
      return false;
    }, options);
    return true;
  } catch {
    return false;
  }
}

/** A row's label may go on with its key binding or with "recently used". */
function isCommand(label: string | null, title: string): boolean {
  return label === title || (label?.startsWith(`${title}, `) ?? false);
}

/** The rows of the open quick pick, once it has some. */
export async function quickPickRows(page: Page, options: UntilOptions = {}): Promise<PickRow[]> {
  return until("rows in a quick pick", async () => {
    const rows = await readRows(page);
    return rows.length > 0 && rows;
  }, options);
}

async function readRows(page: Page): Promise<PickRow[]> {
  return widget(page).locator(".quick-input-list .monaco-list-row").evaluateAll((rows) =>
    rows.map((row) => {
      const text = (selector: string): string => row.querySelector(selector)?.textContent ?? "";
      const box = row.querySelector("[role=checkbox], input[type=checkbox]");
      const visible = box instanceof HTMLElement && box.offsetParent !== null;
      return {
        label: text(".quick-input-list-row:first-child .label-name"),
        description: text(".quick-input-list-row:first-child .label-description"),
        detail: text(".quick-input-list-label-meta .label-name"),
        checked: visible ? box.getAttribute("aria-checked") === "true" || (box instanceof HTMLInputElement && box.checked) : undefined,
      };
    }),
  );
}

/** The open quick pick's or input box's title, placeholder and message. */
export async function quickInputText(page: Page): Promise<{ title: string; placeholder: string; message: string }> {
  await widget(page).waitFor();
  return {
    title: await widget(page).locator(".quick-input-title").innerText(),
    placeholder: (await box(page).getAttribute("placeholder")) ?? "",
    message: await widget(page).locator(".quick-input-message").innerText(),
  };
}

/** Picks the row whose label is, or begins with, the text; for a pick of many it toggles it. */
export async function pick(page: Page, label: string | RegExp, options: UntilOptions = {}): Promise<void> {
  const fits = (text: string): boolean => (typeof label === "string" ? text === label || text.startsWith(label) : label.test(text));
  let pressed = false;
  await until(`"${String(label)}" in a quick pick`, async () => {
    // A click that took effect may be given up all the same, when the window goes with it or answers late.
    if (pressed && !(await widget(page).isVisible())) return true;
    const found = (await readRows(page)).findIndex((row) => fits(row.label));
    if (found < 0) return false;
    // Between the look and the click one pick may give way to the next: look again then.
    pressed = true;
    await widget(page).locator(".quick-input-list .monaco-list-row").nth(found).locator(".label-name", { hasText: label }).first().click({ timeout: 1_000 });
    return true;
  }, options);
}

/** Presses OK of a pick of many, or Enter in an input box. */
export async function acceptInput(page: Page): Promise<void> {
  await box(page).press("Enter");
}

/** Types into the open input box or quick pick, in place of what is there, and accepts. */
export async function typeInput(page: Page, text: string): Promise<void> {
  await box(page).waitFor();
  await box(page).fill(text);
  await box(page).press("Enter");
}

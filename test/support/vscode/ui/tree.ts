// The Explorer and other trees of the side bar: rows with their badges and colours, clicks, context menus.
import type { Locator, Page } from "playwright-core";
import { until, type UntilOptions } from "./until.ts";

export interface TreeRow {
  label: string;
  description: string;
  /** 1 is the top. */
  level: number;
  /** undefined for what has no children. */
  expanded: boolean | undefined;
  selected: boolean;
  /** The decoration's badge, "" without one, "•" for a folder that only holds something decorated. */
  badge: string;
  /** What hovering shows, the decoration's tooltip included. */
  tooltip: string;
  /** The label's computed colour, such as "rgb(1, 2, 3)". */
  color: string;
  /** Whether a decoration colours the label. */
  coloured: boolean;
  struck: boolean;
}

interface DrawnRow extends TreeRow {
  index: number;
}

/** A tree in the side bar: the Explorer's files, or a view by its title. */
export interface Tree {
  /** The rows that are drawn (a long tree draws only what fits). */
  rows(): Promise<TreeRow[]>;
  /** Waits until the drawn rows satisfy the test; returns them. */
  waitFor(what: string, test: (rows: TreeRow[]) => boolean, options?: UntilOptions): Promise<TreeRow[]>;
  /** Waits for the row at this path, such as "folder/file.txt", unfolding what is on the way; returns where it is. */
  row(path: string, options?: UntilOptions): Promise<Locator>;
  /** Like row(), but reads it. */
  read(path: string, options?: UntilOptions): Promise<TreeRow>;
  click(path: string, options?: { modifiers?: Array<"Control" | "Shift">; button?: "left" | "right"; clickCount?: number }): Promise<void>;
  /** Opens the context menu of a row, and chooses an entry by its text; `undefined` closes it. Returns all entries. */
  contextMenu(path: string, choose: string | readonly [submenu: string, entry: string] | undefined): Promise<string[]>;
  /** Clicks an inline action of a row by its title. */
  action(path: string, title: string): Promise<void>;
  collapse(path: string): Promise<void>;
}

/** The files in the Explorer. */
export function explorer(page: Page): Tree {
  return treeIn(page, page.locator(".explorer-folders-view"), async () => {
    if (await page.locator(".explorer-folders-view").isVisible()) return;
    await page.keyboard.press("Control+Shift+E");
  });
}

/** A view of the side bar by its title, unfolded when it is not. */
export function view(page: Page, title: string): Tree {
  const header = page.locator(`.pane-header[aria-label^="${title}"]`);
  const pane = page.locator(".pane", { has: header });
  return treeIn(page, pane, async () => {
    if ((await header.getAttribute("aria-expanded")) !== "true") await header.click();
  });
}

/** The Source Control view: its groups are the top, "Changes/a.txt" is a row in one. */
export function sourceControl(page: Page): Tree {
  const part = page.locator(".scm-view:not(.scm-history-view)"); // git brings a view of its commits
  return treeIn(page, part, async () => {
    if (await part.isVisible()) return;
    await page.keyboard.press("Control+Shift+G");
    await part.waitFor({ timeout: 3_000 });
  });
}

/** Makes a view of the side bar taller by pulling its upper edge, at the cost of what lies above. */
export async function growView(page: Page, title: string, pixels: number): Promise<void> {
  const header = page.locator(`.pane-header[aria-label^="${title}"]`);
  const box = await header.boundingBox();
  if (box === null) throw new Error(`There is no view "${title}"`);
  await page.mouse.move(box.x + box.width / 2, box.y);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width / 2, box.y - pixels, { steps: 4 });
  await page.mouse.up();
}

function treeIn(page: Page, part: Locator, show: () => Promise<void>): Tree {
  const rows = part.locator(".monaco-list-row");
  const readAll = (): Promise<DrawnRow[]> => rows.evaluateAll(readRows);
  const at = (row: DrawnRow): Locator => part.locator(`.monaco-list-row[data-index="${row.index}"]`);

  async function find(path: string, options: UntilOptions = {}): Promise<DrawnRow> {
    const names = path.split("/").filter((name) => name !== "");
    return until(`the row ${path}`, async () => {
      await show();
      const step = walk(await readAll(), names);
      if (step === undefined) return undefined;
      if (step.done) return step.row;
      await at(step.row).locator(".monaco-tl-twistie").click({ timeout: 2_000 });
      return undefined;
    }, options);
  }

  /** The row where it stays: one that is still to move, as others come or go, would leave its place to another under the mouse. */
  async function settled(path: string): Promise<Locator> {
    return at(await until(`the row ${path} to stay where it is`, async () => {
      const { index } = await find(path);
      await new Promise((resolve) => { setTimeout(resolve, 100); });
      const row = await find(path);
      return row.index === index && row;
    }));
  }

  return {
    async rows() {
      await show();
      return readAll();
    },
    async waitFor(what, test, options) {
      return until(what, async () => {
        await show();
        const now = await readAll();
        return test(now) && now;
      }, options);
    },
    async row(path, options) {
      return at(await find(path, options));
    },
    read: find,
    async click(path, options = {}) {
      await until(`${path} to be clicked`, async () => {
        await (await settled(path)).locator(".label-name").first().click({ timeout: 5_000, ...options });
        if (options.modifiers !== undefined || options.button === "right") return true; // which may select nothing
        return until(`${path} to be selected`, async () => (await find(path)).selected, { timeout: 2_000 });
      });
    },
    async contextMenu(path, choose) {
      const open = async (): Promise<string[]> => {
        await (await settled(path)).locator(".label-name").first().click({ button: "right" });
        if (choose === undefined || typeof choose === "string") return useMenu(page, choose);
        return useSubmenu(page, ...choose);
      };
      // An extension's entries come some time after the window: a menu that lacks one is opened again.
      return choose === undefined ? open() : until(`the entry "${String(choose)}" in the menu of ${path}`, open);
    },
    async action(path, title) {
      const row = await settled(path);
      await row.hover();
      await row.locator(`.actions .action-label[aria-label^="${title}"]`).click();
    },
    async collapse(path) {
      const row = await find(path);
      if (row.expanded === true) await at(row).locator(".monaco-tl-twistie").click();
    },
  };
}

/** Follows the names down the drawn rows: to the row itself, or to a folded one on the way. */
function walk(rows: readonly DrawnRow[], names: readonly string[]): { row: DrawnRow; done: boolean } | undefined {
  let rest = rows;
  for (const [depth, name] of names.entries()) {
    const level = depth + 1;
    const end = rest.findIndex((row) => row.level < level);
    const among = end < 0 ? rest : rest.slice(0, end);
    const at = among.findIndex((row) => row.level === level && row.label === name);
    const row = among[at];
    if (row === undefined) return undefined;
    if (level === names.length) return { row, done: true };
    if (row.expanded === false) return { row, done: false };
    rest = among.slice(at + 1);
  }
  return undefined;
}

/** Runs in the page. */
function readRows(elements: Element[]): DrawnRow[] {
  return elements
    .map((row) => {
      const label = row.querySelector(".monaco-icon-label");
      const name = row.querySelector(".label-name") ?? row.querySelector(".resource-group > .name");
      const after = label === null ? "none" : getComputedStyle(label, "::after").content;
      const style = name === null ? undefined : getComputedStyle(name);
      const isBadge = label?.classList.contains("monaco-decoration-badge") ?? false;
      const expanded = row.getAttribute("aria-expanded");
      return {
        index: Number(row.getAttribute("data-index")),
        label: name?.textContent ?? "",
        description: row.querySelector(".label-description")?.textContent ?? "",
        level: Number(row.getAttribute("aria-level")),
        expanded: expanded === null ? undefined : expanded === "true",
        selected: row.getAttribute("aria-selected") === "true",
        // The bubble of a folder that only holds something decorated is a letter of the icon font.
        badge: isBadge ? after.replace(/^"|"$/g, "").replace(/^(none|normal)$/, "").replace(/[\ue000-\uf8ff]/g, "•").trim() : "",
        tooltip: label?.getAttribute("aria-label") ?? "",
        color: style?.color ?? "",
        coloured: label?.classList.contains("monaco-decoration-itemColor") ?? false,
        struck: [label, name].some((part) => part !== null && getComputedStyle(part).textDecorationLine.includes("line-through")),
      };
    })
    // Drawn rows are used again for others, so their order in the page says nothing.
    .sort((a, b) => a.index - b.index);
}

/** Chooses in the menu that is open; `undefined` closes it. Returns all its entries. */
export async function useMenu(page: Page, choose: string | undefined): Promise<string[]> {
  const entries = page.locator(".monaco-menu .action-menu-item .action-label");
  await entries.first().waitFor();
  const titles = await entries.evaluateAll((all) => all.map((entry) => entry.getAttribute("aria-label") ?? entry.textContent));
  if (choose !== undefined && !titles.includes(choose)) {
    await page.keyboard.press("Escape");
    throw new Error(`The menu has no "${choose}"; it has: ${titles.join(", ")}`);
  }
  // A menu that has just come ignores the mouse for a moment, so that the click which opened it chooses nothing.
  await until("the menu to go", async () => {
    if ((await entries.count()) === 0) return true;
    if (choose === undefined) await page.keyboard.press("Escape");
    else await entries.nth(titles.indexOf(choose)).click({ timeout: 1_000 });
    await entries.first().waitFor({ state: "hidden", timeout: 300 });
    return true;
  });
  return titles;
}

/** Chooses in a menu within the menu that is open. Returns all entries of the inner one. */
export async function useSubmenu(page: Page, submenu: string, choose: string): Promise<string[]> {
  const outer = page.locator(".monaco-menu .action-menu-item", { has: page.locator(`.action-label[aria-label="${submenu}"]`) });
  await page.locator(".monaco-menu .action-menu-item .action-label").first().waitFor();
  if ((await outer.count()) === 0) {
    await page.keyboard.press("Escape");
    throw new Error(`The menu has no "${submenu}"`);
  }
  const inner = page.locator(".monaco-submenu .action-menu-item .action-label");
  const titles = await until(`the entries of ${submenu}`, async () => {
    await outer.first().hover({ timeout: 1_000 });
    await inner.first().waitFor({ timeout: 1_000 });
    return inner.evaluateAll((all) => all.map((entry) => entry.getAttribute("aria-label") ?? entry.textContent));
  });
  if (!titles.includes(choose)) {
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    throw new Error(`${submenu} has no "${choose}"; it has: ${titles.join(", ")}`);
  }
  await until("the menu to go", async () => {
    if ((await inner.count()) === 0) return true;
    await inner.nth(titles.indexOf(choose)).click({ timeout: 1_000 });
    await inner.first().waitFor({ state: "hidden", timeout: 300 });
    return true;
  });
  return titles;
}

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
  /** The decoration's badge, "" without one. */
  badge: string;
  /** What hovering shows, the decoration's tooltip included. */
  tooltip: string;
  /** The label's computed colour, such as "rgb(1, 2, 3)". */
  color: string;
  /** Whether a decoration colours the label. */
  coloured: boolean;
  struck: boolean;
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
  contextMenu(path: string, choose: string | undefined): Promise<string[]>;
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

function treeIn(page: Page, part: Locator, show: () => Promise<void>): Tree {
  const rows = part.locator(".monaco-list-row");
  const read = (at: Locator): Promise<TreeRow[]> => at.evaluateAll(readRows);

  async function find(path: string, options: UntilOptions = {}): Promise<number> {
    const names = path.split("/").filter((name) => name !== "");
    const found = await until(`the row ${path}`, async () => {
      await show();
      const now = await read(rows);
      let from = 0;
      for (const [depth, name] of names.entries()) {
        const index = now.findIndex((row, at) => at >= from && row.level === depth + 1 && row.label === name);
        const parentEnd = now.findIndex((row, at) => at >= from && row.level <= depth);
        if (index < 0 || (parentEnd >= 0 && index > parentEnd)) return undefined;
        if (depth === names.length - 1) return { index };
        if (now[index]?.expanded === false) {
          await rows.nth(index).locator(".monaco-tl-twistie").click({ timeout: 2_000 });
          return undefined;
        }
        from = index + 1;
      }
      return undefined;
    }, options);
    return found.index;
  }

  return {
    async rows() {
      await show();
      return read(rows);
    },
    async waitFor(what, test, options) {
      return until(what, async () => {
        await show();
        const now = await read(rows);
        return test(now) && now;
      }, options);
    },
    async row(path, options) {
      return rows.nth(await find(path, options));
    },
    async read(path, options) {
      return until(`the row ${path}`, async () => (await read(rows))[await find(path, options)], options);
    },
    async click(path, options = {}) {
      const label = rows.nth(await find(path)).locator(".label-name").first();
      await label.click({ timeout: 5_000, ...options });
    },
    async contextMenu(path, choose) {
      await rows.nth(await find(path)).locator(".label-name").first().click({ button: "right" });
      return useMenu(page, choose);
    },
    async action(path, title) {
      const row = rows.nth(await find(path));
      await row.hover();
      await row.locator(`.actions .action-label[aria-label^="${title}"]`).click();
    },
    async collapse(path) {
      const row = rows.nth(await find(path));
      if ((await row.getAttribute("aria-expanded")) === "true") await row.locator(".monaco-tl-twistie").click();
    },
  };
}

/** Runs in the page. */
function readRows(elements: Element[]): TreeRow[] {
  return elements
    .map((row) => ({ row, top: row instanceof HTMLElement ? row.offsetTop : 0 }))
    .map(({ row }) => {
      const label = row.querySelector(".monaco-icon-label");
      const name = row.querySelector(".label-name");
      const after = label === null ? "none" : getComputedStyle(label, "::after").content;
      const style = name === null ? undefined : getComputedStyle(name);
      const isBadge = label?.classList.contains("monaco-decoration-badge") ?? false;
      const expanded = row.getAttribute("aria-expanded");
      return {
        label: name?.textContent ?? "",
        description: row.querySelector(".label-description")?.textContent ?? "",
        level: Number(row.getAttribute("aria-level")),
        expanded: expanded === null ? undefined : expanded === "true",
        selected: row.getAttribute("aria-selected") === "true",
        badge: isBadge ? after.replace(/^"|"$/g, "").replace(/^(none|normal)$/, "") : "",
        tooltip: label?.getAttribute("aria-label") ?? "",
        color: style?.color ?? "",
        coloured: label?.classList.contains("monaco-decoration-itemColor") ?? false,
        struck: [label, name].some((part) => part !== null && getComputedStyle(part).textDecorationLine.includes("line-through")),
      };
    });
}

/** Chooses in the menu that is open; `undefined` closes it. Returns all its entries. */
export async function useMenu(page: Page, choose: string | undefined): Promise<string[]> {
  const entries = page.locator(".monaco-menu .action-menu-item .action-label");
  await entries.first().waitFor();
  const titles = await entries.evaluateAll((all) => all.map((entry) => entry.getAttribute("aria-label") ?? entry.textContent));
  if (choose === undefined) {
    await page.keyboard.press("Escape");
  } else {
    const index = titles.indexOf(choose);
    if (index < 0) throw new Error(`The menu has no "${choose}"; it has: ${titles.join(", ")}`);
    await entries.nth(index).click();
  }
  await entries.first().waitFor({ state: "hidden" });
  return titles;
}

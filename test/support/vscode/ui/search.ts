// Searching as a user does: VS Code's own view and pick, and ours that stand in for them. Both are read into one shape.
import type { FrameLocator, Locator, Page } from "playwright-core";
import { until, type UntilOptions } from "./until.ts";

export interface FoundFile {
  /** "folder/name", or the name alone at the top. */
  path: string;
  lines: string[];
}

export interface SearchView {
  /** Ctrl+Shift+F, and waits for the box. */
  open(): Promise<void>;
  search(pattern: string): Promise<void>;
  /** What is shown, once it is as wished. */
  waitFor(what: string, test: (files: FoundFile[]) => boolean, options?: UntilOptions): Promise<FoundFile[]>;
  /** The line between the boxes and the results. */
  message(): Promise<string>;
}

/** VS Code's own. */
export function builtInSearch(page: Page): SearchView {
  const view = page.locator(".search-view");
  const read = (): Promise<FoundFile[]> => view.locator(".results .monaco-list-row").evaluateAll((rows) => {
    const files: { path: string; lines: string[] }[] = [];
    const ordered = rows.sort((a, b) => Number(a.getAttribute("data-index")) - Number(b.getAttribute("data-index")));
    for (const row of ordered) {
      const name = row.querySelector(".filematch .label-name")?.textContent;
      const folder = row.querySelector(".filematch .label-description")?.textContent ?? "";
      if (name !== undefined) files.push({ path: folder === "" ? name : `${folder}/${name}`, lines: [] });
      else files.at(-1)?.lines.push(row.querySelector(".linematch .match")?.textContent ?? "");
    }
    return files;
  });
  return {
    async open() {
      await page.keyboard.press("Control+Shift+F");
      await view.locator(".search-container textarea").waitFor();
    },
    async search(pattern) {
      const box = view.locator(".search-container textarea");
      await box.fill(pattern);
      await box.press("Enter");
    },
    waitFor: (what, test, options) => waitFor(read, what, test, options),
    message: async () => (await view.locator(".messages").innerText()).trim(),
  };
}

export interface OwnSearch extends SearchView {
  /** The page inside the view. */
  readonly frame: FrameLocator;
  readonly box: (name: "pattern" | "replacement" | "includes" | "excludes") => Locator;
  /** A switch or a button by its id. */
  readonly button: (id: "case" | "word" | "regexp" | "useExcludes" | "toggleReplace" | "toggleDetails" | "replaceAll") => Locator;
  /** The row of a file, or of the n-th match in it. */
  row(path: string, match?: number): Promise<Locator>;
}

/** The view "Overlay Search". */
export function ownSearch(page: Page): OwnSearch {
  const frame = page.frameLocator("iframe.webview.ready").frameLocator("iframe");
  const rows = frame.locator("#results .row");
  const read = (): Promise<FoundFile[]> => rows.evaluateAll((all) => {
    const files: { path: string; lines: string[] }[] = [];
    for (const row of all) {
      const name = row.querySelector(".name")?.textContent;
      const folder = row.querySelector(".folder")?.textContent ?? "";
      if (name !== undefined) files.push({ path: folder === "" ? name : `${folder}/${name}`, lines: [] });
      else files.at(-1)?.lines.push(row.querySelector(".line")?.textContent ?? "");
    }
    return files;
  });
  const box: OwnSearch["box"] = (name) => frame.locator(`#${name}`);
  return {
    frame,
    box,
    button: (id) => frame.locator(`#${id}`),
    async open() {
      // The extension comes some time after the window, and its keys with it.
      await until("the view Overlay Search", async () => {
        await page.keyboard.press("Control+Shift+F");
        await box("pattern").waitFor({ timeout: 3_000 });
        return true;
      });
    },
    async search(pattern) {
      await box("pattern").fill(pattern);
      await box("pattern").press("Enter");
    },
    waitFor: (what, test, options) => waitFor(read, what, test, options),
    message: () => frame.locator("#status").innerText(),
    async row(path, match) {
      const at = await until(`the row of ${path}`, async () => {
        const files = await read();
        const before = files.findIndex((file) => file.path === path);
        if (before < 0) return undefined;
        return files.slice(0, before).reduce((sum, { lines }) => sum + 1 + lines.length, 0) + (match === undefined ? 0 : match + 1) + 1;
      });
      return rows.nth(at - 1);
    },
  };
}

async function waitFor(read: () => Promise<FoundFile[]>, what: string, test: (files: FoundFile[]) => boolean, options: UntilOptions = {}): Promise<FoundFile[]> {
  let last: FoundFile[] = [];
  try {
    return await until(what, async () => {
      last = await read();
      return test(last) && last;
    }, options);
  } catch (error) {
    throw new Error(`${what}; it shows ${JSON.stringify(last)}`, { cause: error });
  }
}

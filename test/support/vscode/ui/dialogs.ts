// Modal dialogs, notifications and the status bar.
import type { Page } from "playwright-core";
import { until, type UntilOptions } from "./until.ts";

export interface Dialog {
  message: string;
  detail: string;
  buttons: string[];
}

/** Waits for a modal dialog and reads it. */
export async function waitForDialog(page: Page, options: UntilOptions = {}): Promise<Dialog> {
  const dialog = page.locator(".monaco-dialog-box:visible");
  await dialog.waitFor({ timeout: options.timeout ?? 20_000 });
  const [messages, details] = [await dialog.locator(".dialog-message-text").allInnerTexts(), await dialog.locator(".dialog-message-detail").allInnerTexts()];
  // A dialog that says one thing alone has it where others have the details.
  const [message = "", ...detail] = [...messages, ...details];
  return {
    message,
    detail: detail.join("\n"),
    buttons: await dialog.locator(".dialog-buttons .monaco-button").allInnerTexts(),
  };
}

/** Waits for a modal dialog, presses a button of it by its text, and waits until it is gone. Returns what it said. */
export async function answerDialog(page: Page, button: string, options: UntilOptions = {}): Promise<Dialog> {
  const said = await waitForDialog(page, options);
  if (!said.buttons.includes(button)) throw new Error(`The dialog "${said.message}" has no "${button}"; it has: ${said.buttons.join(", ")}`);
  await page.locator(".monaco-dialog-box:visible .dialog-buttons .monaco-button").nth(said.buttons.indexOf(button)).click();
  await page.locator(".monaco-dialog-box", { hasText: said.message }).waitFor({ state: "hidden" });
  return said;
}

export interface Notification {
  message: string;
  severity: "info" | "warning" | "error" | "other";
  buttons: string[];
}

/** The notifications that show as toasts now. */
export async function notifications(page: Page): Promise<Notification[]> {
  return page.locator(".notifications-toasts .notification-list-item").evaluateAll((items) =>
    items.map((item) => {
      const icon = item.querySelector(".notification-list-item-icon")?.className ?? "";
      const severity = (["info", "warning", "error"] as const).find((kind) => icon.includes(`codicon-${kind}`)) ?? "other";
      return {
        message: item.querySelector(".notification-list-item-message")?.textContent ?? "",
        severity,
        buttons: [...item.querySelectorAll(".notification-list-item-buttons-container .monaco-button")].map((button) => button.textContent),
      };
    }),
  );
}

/** Waits for a toast whose message has the text. */
export async function waitForNotification(page: Page, text: string | RegExp, options: UntilOptions = {}): Promise<Notification> {
  return until(`a notification with ${String(text)}`, async () =>
    (await notifications(page)).find(({ message }) => (typeof text === "string" ? message.includes(text) : text.test(message))), options);
}

/** Presses a button of the toast whose message has the text. */
export async function answerNotification(page: Page, text: string, button: string): Promise<void> {
  await waitForNotification(page, text);
  const toast = page.locator(".notifications-toasts .notification-list-item", { hasText: text });
  await toast.hover();
  await toast.locator(".monaco-button", { hasText: button }).click();
}

/** The texts of the status bar's entries, icons left out. */
export async function statusBar(page: Page): Promise<string[]> {
  return page.locator(".part.statusbar .statusbar-item").evaluateAll((items) => items.map((item) => item.textContent.trim()).filter((text) => text !== ""));
}

/** Waits for an entry of the status bar with the text; returns all of its text. */
export async function waitForStatus(page: Page, text: string | RegExp, options: UntilOptions = {}): Promise<string> {
  return until(`${String(text)} in the status bar`, async () =>
    (await statusBar(page)).find((entry) => (typeof text === "string" ? entry.includes(text) : text.test(entry))), options);
}

export async function clickStatus(page: Page, text: string): Promise<void> {
  await page.locator(".part.statusbar .statusbar-item", { hasText: text }).locator("a").first().click();
}

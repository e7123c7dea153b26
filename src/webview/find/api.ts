/** What the page has of VS Code, and its texts, which the extension writes into the page in the user's language. */
import type { FromView } from "../../vscode/find/protocol.js";

interface VsCodeApi {
  postMessage(message: unknown): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

const api = acquireVsCodeApi();

export function send(message: FromView): void {
  api.postMessage(message);
}

const texts: Readonly<Record<string, string>> = readTexts();

function readTexts(): Record<string, string> {
  const found: unknown = JSON.parse(document.body.dataset["texts"] ?? "{}");
  return Object.fromEntries(Object.entries(typeof found === "object" && found !== null ? found : {}).map(([name, text]) => [name, String(text)]));
}

export function text(name: string, ...values: readonly (string | number)[]): string {
  return (texts[name] ?? name).replace(/\{(\d)\}/g, (_, at: string) => String(values[Number(at)] ?? ""));
}

export function byId<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`The page has no ${id}`);
  return found;
}

/** One row of the results as elements: a file with its number of matches, or a line with the match in it. */
import { replacementFor, type Replacement } from "../../vscode/find/replacePattern.js";
import type { Form } from "../../vscode/find/protocol.js";
import type { FileHits, Hit } from "../../vscode/find/results.js";
import { toRegExp } from "../../vscode/find/textQuery.js";
import { text } from "./api.js";
import { icon, type IconName } from "./icons.js";
import type { Row } from "./rows.js";

export interface RowLook {
  readonly selected: boolean;
  readonly folded: boolean;
  readonly canReplace: boolean;
  readonly form: Form;
  /** Undefined while nothing is to be replaced. */
  readonly replacement: Replacement | undefined;
}

export function drawRow(row: Row, look: RowLook): HTMLElement {
  const made = document.createElement("div");
  made.id = row.id;
  made.className = `row ${row.kind}${look.selected ? " selected" : ""}`;
  made.setAttribute("role", "treeitem");
  made.setAttribute("aria-selected", String(look.selected));
  if (row.kind === "file") drawFile(made, row, look);
  else drawHit(made, row.file, row.hit, row.index, look);
  return made;
}

function drawFile(made: HTMLElement, { file, index, count }: Extract<Row, { kind: "file" }>, look: RowLook): void {
  place(made, 1, count, index);
  made.setAttribute("aria-expanded", String(!look.folded));
  made.setAttribute("aria-label", text("fileRow", file.name, file.folder, file.hits.length));
  made.title = file.folder === "" ? file.name : `${file.folder}/${file.name}`;
  const twistie = span("twistie", "");
  twistie.append(icon("chevron"));
  made.append(twistie, span("name", file.name), span("folder", file.folder), actions(look, "replaceFile", "replaceAll", "dismissFile"), span("badge", String(file.hits.length)));
}

function drawHit(made: HTMLElement, file: FileHits, hit: Hit, index: number, look: RowLook): void {
  place(made, 2, file.hits.length, index);
  const inside = oneLine(hit.inside);
  const put = look.replacement === undefined ? undefined : oneLine(replacementFor(look.replacement, groupsOf(hit, look.form)));
  const line = `${hit.before}${put ?? inside}${hit.after}`;
  made.setAttribute("aria-label", put === undefined ? text("hitRow", line, hit.span.startLine + 1) : text("hitReplaceRow", inside, put, line, hit.span.startLine + 1));
  made.title = `${hit.before}${hit.inside}${hit.after}`;
  const shown = span("line", "");
  shown.append(hit.before, span(put === undefined ? "match" : "match replaced", inside), ...(put === undefined || put === "" ? [] : [span("match inserted", put)]), hit.after);
  made.append(shown, actions(look, "replaceHit", "replace", "dismissHit"));
}

function place(made: HTMLElement, level: number, size: number, index: number): void {
  made.setAttribute("aria-level", String(level));
  made.setAttribute("aria-setsize", String(size));
  made.setAttribute("aria-posinset", String(index + 1));
}

/** For the mouse; who uses keys has Delete and Ctrl+Shift+1. */
function actions(look: RowLook, replaceText: string, replaceIcon: IconName, dismissText: string): HTMLElement {
  const made = span("actions", "");
  if (look.canReplace && look.form.showReplace) made.append(button("replace", text(replaceText), replaceIcon));
  made.append(button("dismiss", text(dismissText), "close"));
  return made;
}

function button(action: string, title: string, name: IconName): HTMLButtonElement {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "action";
  made.dataset["action"] = action;
  made.title = title;
  made.tabIndex = -1;
  made.setAttribute("aria-hidden", "true");
  made.append(icon(name));
  return made;
}

function span(className: string, content: string): HTMLSpanElement {
  const made = document.createElement("span");
  made.className = className;
  made.textContent = content;
  return made;
}

function oneLine(content: string): string {
  return content.replace(/\r\n|\n|\r/g, "⏎");
}

/** From the row's own text; what looks at more than the line shows is seen in the comparison. */
function groupsOf({ before, inside, after }: Hit, form: Form): readonly (string | undefined)[] {
  if (!form.isRegExp) return [inside];
  const expression = toRegExp(form);
  if ("problem" in expression) return [inside];
  const sticky = new RegExp(expression.source, expression.flags.replace("g", "y"));
  for (const [content, at] of [[before + inside + after, before.length], [inside, 0]] as const) {
    sticky.lastIndex = at;
    const match = sticky.exec(content);
    if (match?.[0] === inside) return [...match];
  }
  return [inside];
}

/** The boxes and switches above the results: what is in them is sent at each change, and they show what they are told. */
import type { Box, Form } from "../../vscode/find/protocol.js";
import { byId } from "./api.js";
import { icon } from "./icons.js";

const boxes = { pattern: "pattern", replacement: "replacement", includes: "includes", excludes: "excludes" } as const;
const switches = { isCaseSensitive: "case", isWordMatch: "word", isRegExp: "regexp", useExcludes: "useExcludes", showReplace: "toggleReplace", showDetails: "toggleDetails" } as const;
type TextName = keyof typeof boxes;
type SwitchName = keyof typeof switches;
const textNames = Object.keys(boxes) as TextName[];
const switchNames = Object.keys(switches) as SwitchName[];
/** VS Code's own keys for them. */
const keys: Readonly<Record<string, SwitchName>> = { KeyC: "isCaseSensitive", KeyW: "isWordMatch", KeyR: "isRegExp" };

export interface FormListener {
  changed(form: Form, now: boolean): void;
  replaceAll(): void;
  cancel(): void;
  toResults(): void;
}

export class FormBoxes {
  private form: Form;

  constructor(first: Form, private readonly listener: FormListener) {
    this.form = first;
    byId("toggleReplace", HTMLButtonElement).append(icon("chevron"));
    byId("replaceAll", HTMLButtonElement).append(icon("replaceAll"));
    byId("useExcludes", HTMLButtonElement).append(icon("filter"));
    for (const name of textNames) this.listenToBox(name);
    for (const name of switchNames) byId(switches[name], HTMLButtonElement).addEventListener("click", () => { this.toggle(name); });
    byId("replaceAll", HTMLButtonElement).addEventListener("click", () => { listener.replaceAll(); });
    document.addEventListener("keydown", (event) => {
      const name = event.altKey && !event.ctrlKey && !event.metaKey ? keys[event.code] : undefined;
      if (name === undefined) return;
      event.preventDefault();
      this.toggle(name);
    });
    this.draw();
  }

  get shown(): Form {
    return this.form;
  }

  show(form: Form, canReplace: boolean): void {
    this.form = form;
    byId("replaceAll", HTMLButtonElement).disabled = !canReplace;
    this.draw();
  }

  focus(which: Box): void {
    const box = this.box(which);
    box.focus();
    box.select();
  }

  /** Under its box, and told to who cannot see it. */
  showProblem(problem: string | undefined): void {
    const line = byId("problem", HTMLElement);
    line.textContent = problem ?? "";
    line.hidden = problem === undefined;
    const box = this.box("pattern");
    box.setAttribute("aria-invalid", String(problem !== undefined));
    box.parentElement?.classList.toggle("invalid", problem !== undefined);
  }

  private listenToBox(name: TextName): void {
    const box = this.box(name);
    box.addEventListener("input", () => {
      fit(box);
      this.change({ [name]: box.value }, false);
    });
    box.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.altKey && name === "replacement") this.listener.replaceAll();
      else if (event.key === "Enter" && !event.shiftKey) this.change({}, true);
      else if (event.key === "Escape") this.listener.cancel();
      else if (event.key === "ArrowDown" && (event.ctrlKey || event.metaKey)) this.listener.toResults();
      else return;
      event.preventDefault();
    });
  }

  private toggle(name: SwitchName): void {
    this.change({ [name]: !this.form[name] }, name !== "showReplace" && name !== "showDetails");
    this.draw();
    if (name === "showReplace" && this.form.showReplace) this.focus("replacement");
    if (name === "showDetails" && this.form.showDetails) this.focus("includes");
  }

  private change(part: Partial<Form>, now: boolean): void {
    this.form = { ...this.form, ...part };
    this.listener.changed(this.form, now);
  }

  private draw(): void {
    for (const name of textNames) {
      const box = this.box(name);
      // Setting what is there already would move the caret of who is typing.
      if (box.value !== this.form[name]) box.value = this.form[name];
      fit(box);
    }
    for (const name of switchNames) {
      const state = String(this.form[name]);
      byId(switches[name], HTMLButtonElement).setAttribute(name === "showReplace" || name === "showDetails" ? "aria-expanded" : "aria-pressed", state);
    }
    byId("replaceRow", HTMLElement).hidden = !this.form.showReplace;
    byId("details", HTMLElement).hidden = !this.form.showDetails;
  }

  private box(name: TextName): HTMLTextAreaElement {
    return byId(boxes[name], HTMLTextAreaElement);
  }
}

/** As tall as its text, up to what the style allows. */
function fit(box: HTMLTextAreaElement): void {
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight + 2}px`;
}

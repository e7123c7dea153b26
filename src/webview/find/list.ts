/**
 * The results as a tree that a screen reader knows: one tab stop, arrows within. Of tens of thousands of rows only those in
 * sight are there, so that scrolling and typing stay quick.
 */
import type { OpenHow, Scope } from "../../vscode/find/protocol.js";
import { drawRow, type RowLook } from "./drawRow.js";
import { hitRowId, fileRowId, type Row, type Rows } from "./rows.js";

/** The style says the same. */
const rowHeight = 22;
const outOfSight = 10;
/** Rows that are merely passed over are not opened. */
const restMs = 120;

export interface ListListener {
  open(file: number, hit: number, how: OpenHow): void;
  replace(scope: Scope): void;
  dismiss(scope: Scope): void;
  toForm(): void;
}

export class ResultList {
  private readonly spacer = document.createElement("div");
  private selected: string | undefined;
  private frame: number | undefined;
  private rest: number | undefined;

  constructor(private readonly element: HTMLElement, readonly rows: Rows, private readonly look: () => Omit<RowLook, "selected" | "folded">, private readonly listener: ListListener) {
    this.spacer.className = "rows";
    this.spacer.setAttribute("role", "presentation");
    element.append(this.spacer);
    element.addEventListener("scroll", () => { this.draw(); });
    element.addEventListener("keydown", (event) => { if (this.onKey(event)) event.preventDefault(); });
    element.addEventListener("click", (event) => { this.onClick(event, "preview"); });
    element.addEventListener("dblclick", (event) => { this.onClick(event, "keep"); });
    new ResizeObserver(() => { this.draw(); }).observe(element);
  }

  /** Draws what is in sight, once for all changes of this moment. */
  draw(): void {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.drawNow();
    });
  }

  focus(): void {
    this.element.focus();
    if (this.selected === undefined) this.select(0);
  }

  reveal(file: number, hit: number): void {
    this.rows.fold(file, false);
    const at = this.rows.indexOf(hitRowId(file, hit));
    if (at >= 0) this.select(at);
  }

  private drawNow(): void {
    const all = this.rows.all();
    this.element.tabIndex = all.length === 0 ? -1 : 0;
    this.element.classList.toggle("empty", all.length === 0);
    this.spacer.style.height = `${all.length * rowHeight}px`;
    const first = Math.max(0, Math.floor(this.element.scrollTop / rowHeight) - outOfSight);
    const last = Math.min(all.length, Math.ceil((this.element.scrollTop + this.element.clientHeight) / rowHeight) + outOfSight);
    const look = this.look();
    this.spacer.replaceChildren(...all.slice(first, last).map((row, at) => {
      const made = drawRow(row, { ...look, selected: row.id === this.selected, folded: this.rows.isFolded(row.file) });
      made.style.top = `${(first + at) * rowHeight}px`;
      return made;
    }));
    if (this.selected === undefined || this.rows.indexOf(this.selected) < 0) this.element.removeAttribute("aria-activedescendant");
    else this.element.setAttribute("aria-activedescendant", this.selected);
  }

  private select(at: number): void {
    const all = this.rows.all();
    const row = all[Math.max(0, Math.min(at, all.length - 1))];
    if (row === undefined) return;
    this.selected = row.id;
    const top = this.rows.indexOf(row.id) * rowHeight;
    if (top < this.element.scrollTop) this.element.scrollTop = top;
    else if (top + rowHeight > this.element.scrollTop + this.element.clientHeight) this.element.scrollTop = top + rowHeight - this.element.clientHeight;
    this.draw();
  }

  private onKey(event: KeyboardEvent): boolean {
    const all = this.rows.all();
    const at = this.selected === undefined ? -1 : this.rows.indexOf(this.selected);
    const row = all[at];
    const page = Math.max(1, Math.floor(this.element.clientHeight / rowHeight) - 1);
    const moves: Readonly<Record<string, number>> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1, PageDown: at + page, PageUp: at - page };
    const to = moves[event.key];
    if (event.key === "ArrowUp" && (event.ctrlKey || event.metaKey)) this.listener.toForm();
    else if (to !== undefined) this.move(to);
    else if (event.key === "Escape") this.listener.toForm();
    else if (row === undefined) return false;
    else if (event.key === "ArrowRight") this.unfold(row, at);
    else if (event.key === "ArrowLeft") this.foldOrUp(row);
    else if (event.key === "Enter" || event.key === " ") this.enter(row, event.ctrlKey || event.metaKey ? "side" : event.key === " " ? "preview" : "keep");
    else if (event.key === "Delete" || (event.key === "Backspace" && event.metaKey)) this.dismiss(row, at);
    else if (event.code === "Digit1" && event.shiftKey && (event.ctrlKey || event.metaKey)) this.listener.replace(scopeOf(row));
    else return false;
    return true;
  }

  private move(to: number): void {
    this.select(to);
    clearTimeout(this.rest);
    this.rest = setTimeout(() => {
      const row = this.rows.all().find(({ id }) => id === this.selected);
      if (row?.kind === "hit") this.listener.open(row.file.id, row.hit.id, "preview");
    }, restMs);
  }

  private unfold(row: Row, at: number): void {
    if (row.kind === "hit") return;
    if (this.rows.isFolded(row.file)) this.setFolded(row, false);
    else this.move(at + 1);
  }

  private foldOrUp(row: Row): void {
    if (row.kind === "file") this.setFolded(row, true);
    else this.select(this.rows.indexOf(fileRowId(row.file.id)));
  }

  private setFolded(row: Row, folded: boolean): void {
    this.rows.fold(row.file.id, folded);
    this.draw();
  }

  private enter(row: Row, how: OpenHow): void {
    clearTimeout(this.rest);
    if (row.kind === "hit") this.listener.open(row.file.id, row.hit.id, how);
    else this.setFolded(row, !this.rows.isFolded(row.file));
  }

  /** What comes after it is selected then. */
  private dismiss(row: Row, at: number): void {
    const all = this.rows.all();
    const next = all.slice(at + 1).find((other) => row.kind === "hit" || other.kind === "file") ?? all[at - 1];
    this.listener.dismiss(scopeOf(row));
    if (next !== undefined) this.selected = next.id;
    this.draw();
  }

  private onClick(event: MouseEvent, how: OpenHow): void {
    const target = event.target instanceof Element ? event.target : undefined;
    const at = this.rows.indexOf(target?.closest(".row")?.id ?? "");
    const row = this.rows.all()[at];
    if (row === undefined) return;
    const action = target?.closest<HTMLElement>("[data-action]")?.dataset["action"];
    if (action !== undefined) {
      if (how === "keep") return; // The two clicks before it were two already.
      if (action === "replace") this.listener.replace(scopeOf(row));
      else this.dismiss(row, at);
      return;
    }
    this.select(at);
    if (row.kind === "hit") this.listener.open(row.file.id, row.hit.id, event.ctrlKey || event.metaKey || event.altKey ? "side" : how);
    else if (how === "preview") this.setFolded(row, !this.rows.isFolded(row.file));
  }
}

function scopeOf(row: Row): Scope {
  return row.kind === "file" ? { kind: "file", file: row.file.id } : { kind: "hit", file: row.file.id, hit: row.hit.id };
}

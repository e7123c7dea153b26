/** The results as one list of rows, folded files being one row each. Pure. */
import type { FileHits, Hit } from "../../vscode/find/results.js";
import { compareKeys } from "../../vscode/find/results.js";

export type Row =
  | { readonly kind: "file"; readonly id: string; readonly file: FileHits; readonly index: number; readonly count: number }
  | { readonly kind: "hit"; readonly id: string; readonly file: FileHits; readonly hit: Hit; readonly index: number };

export class Rows {
  private readonly files = new Map<number, FileHits>();
  private readonly folded = new Set<number>();
  private list: Row[] | undefined;

  /** In the order in which they are shown. */
  all(): readonly Row[] {
    this.list ??= this.build();
    return this.list;
  }

  put(files: readonly FileHits[], fresh: boolean): void {
    if (fresh) {
      this.files.clear();
      this.folded.clear();
    }
    for (const file of files) this.files.set(file.id, file);
    this.list = undefined;
  }

  remove(ids: readonly number[]): void {
    for (const id of ids) {
      this.files.delete(id);
      this.folded.delete(id);
    }
    this.list = undefined;
  }

  isFolded(file: FileHits): boolean {
    return this.folded.has(file.id);
  }

  fold(id: number, folded: boolean): void {
    if (folded) this.folded.add(id);
    else this.folded.delete(id);
    this.list = undefined;
  }

  foldAll(folded: boolean): void {
    for (const id of this.files.keys()) this.fold(id, folded);
  }

  indexOf(id: string): number {
    return this.all().findIndex((row) => row.id === id);
  }

  private build(): Row[] {
    const files = [...this.files.values()].sort((a, b) => compareKeys(a.key, b.key));
    const rows: Row[] = [];
    for (const [index, file] of files.entries()) {
      rows.push({ kind: "file", id: fileRowId(file.id), file, index, count: files.length });
      if (this.folded.has(file.id)) continue;
      for (const [at, hit] of file.hits.entries()) rows.push({ kind: "hit", id: hitRowId(file.id, hit.id), file, hit, index: at });
    }
    return rows;
  }
}

export function fileRowId(file: number): string {
  return `file-${file}`;
}

export function hitRowId(file: number, hit: number): string {
  return `hit-${file}-${hit}`;
}

/** Sizes and times as people read them, in the language of the editor. */
import * as vscode from "vscode";

export function counted(changes: number): string {
  return changes === 1 ? vscode.l10n.t("1 change") : vscode.l10n.t("{0} changes", changes);
}

const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const format = { style: "unit", unit: units[unit] ?? "byte", unitDisplay: "short", maximumFractionDigits: value < 10 && unit > 0 ? 1 : 0 } as const;
  return new Intl.NumberFormat(vscode.env.language, format).format(value);
}

const steps = [["year", 31_536_000], ["month", 2_592_000], ["week", 604_800], ["day", 86_400], ["hour", 3600], ["minute", 60]] as const;

export function ago(time: number, now = Date.now()): string {
  const format = new Intl.RelativeTimeFormat(vscode.env.language, { numeric: "auto" });
  const seconds = Math.max(0, Math.round((now - time) / 1000));
  for (const [unit, size] of steps) if (seconds >= size) return format.format(-Math.floor(seconds / size), unit);
  return vscode.l10n.t("just now");
}

/** The web page of Find in Files: boxes, switches and an empty list. Its script fills it; nothing comes from outside of the extension. */
import * as vscode from "vscode";

export function pageFor(webview: vscode.Webview, extension: vscode.Uri): string {
  const at = (...path: string[]): string => webview.asWebviewUri(vscode.Uri.joinPath(extension, ...path)).toString();
  const nonce = crypto.randomUUID();
  const { t } = vscode.l10n;
  return `<!DOCTYPE html>
<html lang="${vscode.env.language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src ${webview.cspSource}; script-src 'nonce-${nonce}'">
<link rel="stylesheet" href="${at("media", "find.css")}">
<title>${attribute(t("Find in Files"))}</title>
</head>
<body data-texts="${attribute(JSON.stringify(rowTexts()))}">
<div class="form" role="search">
${button("toggleReplace", "icon", "", t("Toggle Replace"), "aria-expanded")}
<div class="fields">
<div class="row-of-boxes"><div class="box">${box("pattern", t("Search"))}<div class="switches">
${button("case", "switch", "Aa", t("Match Case (Alt+C)"), "aria-pressed")}
${button("word", "switch", "<span>ab</span>", t("Match Whole Word (Alt+W)"), "aria-pressed")}
${button("regexp", "switch", ".*", t("Use Regular Expression (Alt+R)"), "aria-pressed")}
</div></div></div>
<div id="problem" role="alert" hidden></div>
<div class="row-of-boxes" id="replaceRow" hidden><div class="box">${box("replacement", t("Replace"))}</div>
${button("replaceAll", "icon", "", t("Replace All (Ctrl+Alt+Enter)"))}</div>
<div class="more">${button("toggleDetails", "icon", "…", t("Toggle Search Details"), "aria-expanded")}</div>
<div id="details" hidden>
<label for="includes">${attribute(t("files to include"))}</label>
<div class="row-of-boxes"><div class="box">${box("includes", t("e.g. *.ts, src/**/include"))}</div></div>
<label for="excludes">${attribute(t("files to exclude"))}</label>
<div class="row-of-boxes"><div class="box">${box("excludes", t("e.g. *.ts, src/**/exclude"))}<div class="switches">
${button("useExcludes", "switch", "", t("Use Exclude Settings and Ignore Files"), "aria-pressed")}
</div></div></div>
</div>
</div>
</div>
<div id="status" role="status" aria-live="polite"></div>
<div id="results" role="tree" aria-label="${attribute(t("Search Results"))}" tabindex="-1"></div>
<script nonce="${nonce}" src="${at("dist", "find.js")}"></script>
</body>
</html>`;
}

/** What the script says of what it draws. */
function rowTexts(): Readonly<Record<string, string>> {
  const { t } = vscode.l10n;
  return {
    fileRow: t("{0}, {1}, {2} matches"),
    hitRow: t("{0}, line {1}"),
    hitReplaceRow: t("'{0}' becomes '{1}' in {2}, line {3}"),
    replaceHit: t("Replace (Ctrl+Shift+1)"),
    replaceFile: t("Replace All in File (Ctrl+Shift+1)"),
    dismissHit: t("Dismiss (Delete)"),
    dismissFile: t("Dismiss File (Delete)"),
    searching: t("Searching…"),
    showLog: t("Show Log"),
  };
}

function box(id: string, label: string): string {
  const spoken = id === "includes" || id === "excludes" ? "" : ` aria-label="${attribute(label)}"`;
  return `<textarea id="${id}" rows="1" spellcheck="false" autocapitalize="off" placeholder="${attribute(label)}"${spoken}></textarea>`;
}

function button(id: string, className: string, content: string, title: string, state?: string): string {
  return `<button type="button" id="${id}" class="${className}" title="${attribute(title)}" aria-label="${attribute(title)}"${state === undefined ? "" : ` ${state}="false"`}>${content}</button>`;
}

function attribute(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

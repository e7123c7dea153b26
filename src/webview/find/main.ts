/** The page of Find in Files: puts the parts together. The extension has the state; this shows it. */
import { emptyForm, type Form, type Status, type ToView } from "../../vscode/find/protocol.js";
import { parseReplacement } from "../../vscode/find/replacePattern.js";
import { byId, send, text } from "./api.js";
import { FormBoxes } from "./form.js";
import { ResultList } from "./list.js";
import { Rows } from "./rows.js";

let canReplace = false;

const form: FormBoxes = new FormBoxes(emptyForm, {
  changed(changed, now) {
    send({ type: "form", form: changed, now });
    list.draw();
  },
  replaceAll: () => { send({ type: "replace", scope: { kind: "all" } }); },
  cancel: () => { send({ type: "cancel" }); },
  toResults: () => { list.focus(); },
});

const list: ResultList = new ResultList(byId("results", HTMLElement), new Rows(), () => ({ form: form.shown, canReplace, replacement: replacementIn(form.shown) }), {
  open: (file, hit, how) => { send({ type: "open", file, hit, how }); },
  replace: (scope) => { send({ type: "replace", scope }); },
  dismiss: (scope) => { send({ type: "dismiss", scope }); },
  toForm: () => { form.focus("pattern"); },
});

/** As in VS Code: an empty box is a replacement with nothing only once its row is unfolded. */
function replacementIn({ showReplace, replacement, isRegExp }: Form): ReturnType<typeof parseReplacement> | undefined {
  return showReplace && replacement !== "" ? parseReplacement(replacement, isRegExp) : undefined;
}

function showStatus(status: Status): void {
  form.showProblem(status.problem);
  const line = byId("status", HTMLElement);
  line.className = status.kind;
  const link = document.createElement("button");
  link.type = "button";
  link.className = "link";
  link.textContent = text("showLog");
  link.addEventListener("click", () => { send({ type: "showLog" }); });
  line.replaceChildren(status.running ? text("searching") : status.text, ...(status.offersLog ? [" ", link] : []));
}

window.addEventListener("message", ({ data }: MessageEvent<ToView>) => {
  switch (data.type) {
    case "form":
      ({ canReplace } = data);
      form.show(data.form, canReplace);
      list.draw();
      if (data.focus !== undefined) form.focus(data.focus);
      break;
    case "files":
      list.rows.put(data.files, data.fresh);
      list.draw();
      break;
    case "gone":
      list.rows.remove(data.files);
      list.draw();
      break;
    case "status":
      showStatus(data.status);
      break;
    case "reveal":
      list.reveal(data.file, data.hit);
      break;
    case "fold":
      list.rows.foldAll(data.folded);
      list.draw();
      break;
  }
});

send({ type: "ready" });

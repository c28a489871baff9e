/** Asks before something happens that others notice. */

import { el } from "./dom.js";
import { t } from "./i18n.js";

/** Whether the person agrees; Escape and "Cancel" say no. */
export function ask(title, text, agree) {
  return new Promise((resolve) => {
    const dialog = el("dialog.dialog", { "aria-labelledby": "ask-title", onclose: () => end() });
    dialog.append(
      el(
        "form",
        { method: "dialog" },
        el("h2", { id: "ask-title" }, title),
        el("p", {}, text),
        el("div.actions", {}, el("button", { value: "" }, t("cancel")), el("button.primary", { value: "yes", autofocus: true }, agree)),
      ),
    );
    function end() {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    }
    document.body.append(dialog);
    dialog.showModal();
  });
}

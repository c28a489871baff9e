/** Questions that a person answers before something goes on. */

import { el, fill } from "../dom.js";
import { when } from "../i18n.js";

/** Opens a dialog with a title and a body; the promise ends with the value of the button that was pressed. */
export function openDialog(title, body, buttons, { wide = false } = {}) {
  return new Promise((resolve) => {
    const id = `dialog-${++count}`;
    const dialog = el(`dialog.dialog${wide ? ".wide" : ""}`, { "aria-labelledby": id });
    const end = (value) => {
      dialog.close();
      dialog.remove();
      resolve(value);
    };
    const actions = buttons.map(({ label, value, primary }) =>
      el(`button${primary ? ".primary" : ""}`, { type: "button", onclick: () => end(value) }, label),
    );
    fill(dialog, el("div.stack", {}, el("h2", { id }, title), body, el("div.actions", {}, actions)));
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      end(null);
    });
    dialog.addEventListener("close", () => end(null)); // its page is left
    dialog.addEventListener("keydown", (event) => event.stopPropagation()); // the annotator's keys rest meanwhile
    document.body.append(dialog);
    dialog.showModal();
    (dialog.querySelector("[data-first]") ?? actions.at(-1))?.focus();
  });
}

let count = 0;

/**
 * A question with its details, one per line.
 *
 * @param {string[]} choices words of `choice.*`, the safest first; it is what Escape means too.
 */
export async function ask(bench, key, details, choices) {
  const lines = details.length ? el("ul.details", {}, details.map((line) => el("li", {}, line))) : null;
  const buttons = choices.map((value, index) => ({
    label: bench.t(`choice.${value}`), value, primary: index === choices.length - 1,
  }));
  return (await openDialog(bench.t(key), lines, buttons)) ?? choices[0];
}

/** Somebody else saved a label of the open image: whose counts? */
export function askConflict(bench, others, choices) {
  const details = others.map((other) => bench.t(`conflict.${other.tag}`, { ...other, time: when(other.updated) }));
  return ask(bench, "ask.conflict", [...details, bench.t("conflict.kept")], choices);
}

/** The annotator's name as the person gives it; empty where they give none. */
export async function askName(bench) {
  const field = el("input", { id: "annotator-name", autocomplete: "name", maxlength: 80, value: bench.annotator, "data-first": true });
  const body = el("div.field", {}, el("label", { for: "annotator-name" }, bench.t("name.label")), field, el("p.muted", {}, bench.t("name.help")));
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault(); // the button that opened the dialog has the focus again before the key comes up
    field.closest("dialog").querySelector(".primary").click();
  });
  const buttons = [
    { label: bench.t("choice.later"), value: "later" },
    { label: bench.t("choice.keep_name"), value: "keep", primary: true },
  ];
  const answer = await openDialog(bench.t("name.title"), body, buttons);
  return answer === "keep" ? field.value.trim() : "";
}

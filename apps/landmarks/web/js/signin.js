/** Asks for the server's token, and gives it to who asked: it is put nowhere else. */

import { el, fill } from "./dom.js";
import { t } from "./i18n.js";

/**
 * Shows the form until a token is entered.
 *
 * @param {HTMLDialogElement} dialog
 * @param {string} refusal - why the last token was refused; "" at first.
 * @returns {Promise<string>} the token.
 */
export function askToken(dialog, refusal) {
  return new Promise((resolve) => {
    let entered = false;
    const field = el("input", { type: "password", id: "token", autocomplete: "off", spellcheck: "false", required: true, "aria-describedby": "token-help" });
    const form = el(
      "form.signin",
      {
        onsubmit: (event) => {
          event.preventDefault();
          const token = field.value.trim();
          // Only printable ASCII can stand in a header.
          if (!/^[\x21-\x7e]+$/.test(token)) {
            problem.textContent = t("signin.unprintable");
            return;
          }
          field.value = "";
          entered = true;
          dialog.close();
          fill(dialog);
          resolve(token);
        },
      },
      el("h2", { id: "signin-title" }, t("signin.title")),
      el("p", { id: "token-help" }, t("signin.help")),
      el("label", { for: "token" }, t("signin.token")),
      field,
    );
    const problem = el("p.problem", { role: "alert" }, refusal);
    form.append(problem, el("div.actions", {}, el("button.primary", { type: "submit" }, t("signin.enter"))));
    fill(dialog, form);
    dialog.oncancel = (event) => event.preventDefault(); // without a token there is nothing to see
    dialog.onclose = () => {
      if (!entered && !dialog.open) dialog.showModal(); // a browser closes it all the same at the second Escape
    };
    if (!dialog.open) dialog.showModal();
    field.focus();
  });
}

/** How an image stands, as a tag: in words and with a sign, so that it does not hang on its colour. */

import { el } from "./dom.js";
import { t } from "./i18n.js";

export const STATES = ["unlabeled", "draft", "final"];
const SIGNS = { unlabeled: "○", draft: "◐", final: "●" };

export function sign(state) {
  return el("span", { "aria-hidden": "true" }, SIGNS[state]);
}

export function stateTag(state) {
  return el(`span.tag.${state}`, {}, sign(state), t(`state.${state}`));
}

export function flagTag(count) {
  return el("span.tag.flag", {}, el("span", { "aria-hidden": "true" }, "⚑"), t("flags", { count }));
}

/** The address of the annotator with an image. */
export function annotate(image) {
  return `#/annotate?${new URLSearchParams({ image })}`;
}

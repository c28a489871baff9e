/** All keys, made from the list of keys; and what mouse and fingers do. */

import { el } from "../dom.js";
import { openDialog } from "./dialogs.js";
import { KEYS, keyOf } from "./keys.js";

const HEADINGS = ["image", "landmark", "view"];
const GESTURES = ["arrows", "drag", "pan", "wheel", "window", "fingers"];

export function showHelp(bench) {
  const { t } = bench;
  const columns = HEADINGS.map((heading) =>
    el(
      "section",
      {},
      el("h3", {}, t(`help.${heading}`)),
      el(
        "dl.keys",
        {},
        KEYS.filter(({ help }) => help === heading).map(({ deed }) => [el("dt", {}, el("kbd", {}, keyOf(deed))), el("dd", {}, t(`tip.${deed}`))]),
      ),
    ),
  );
  const gestures = GESTURES.map((name) => [el("dt", {}, t(`gesture.${name}`)), el("dd", {}, t(`gesture.${name}.does`))]);
  const pointer = el("section", {}, el("h3", {}, t("help.pointer")), el("dl.keys", {}, gestures));
  const body = el("div.help", { tabindex: "0", "data-first": true }, el("div.help-columns", {}, columns, pointer));
  return openDialog(t("help.title"), body, [{ label: t("close"), value: null, primary: true }], { wide: true });
}

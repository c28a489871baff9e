/** What is known of an image's pixel size, told before it is changed. */

import { el } from "../dom.js";
import { number, when } from "../i18n.js";
import { openDialog } from "./dialogs.js";

/**
 * @param {object} calibration the answer of `GET /datastore/image/calibration`.
 * @returns {Promise<"draw"|"undo"|null>} what the person wants to do.
 */
export function askToReplace(bench, { unit, spacing, spacing_source: source, file_spacing: file, stated }) {
  const { t } = bench;
  const size = spacing.map((value) => number(value, 4)).join(" × ");
  const lines = [unit === "mm" ? t("scale.known", { spacing: size, source: source ?? "" }) : t("scale.none")];
  if (stated) {
    const { how, annotator, when: time } = stated;
    lines.push(t("calibration.stated", { how: t(how === "overrule" ? "calibration.overrule_how" : `calibration.${how}`), annotator: annotator || t("versions.nobody"), time: when(time) }));
  }
  if (file) lines.push(t("calibration.overrule"));
  const buttons = [
    { label: t("choice.cancel"), value: null },
    ...(stated ? [{ label: t("choice.undo_calibration"), value: "undo" }] : []),
    { label: t(file ? "choice.overrule" : "choice.draw"), value: "draw", primary: true },
  ];
  return openDialog(t("calibration.title"), el("div.stack", {}, lines.map((line) => el("p", {}, line))), buttons);
}

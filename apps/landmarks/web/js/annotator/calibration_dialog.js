/** Millimetres per pixel that a person states: a line of known length is drawn on the image. */

import { el } from "../dom.js";
import { number } from "../i18n.js";
import { askToReplace } from "./calibration_state.js";
import { openDialog } from "./dialogs.js";

/** How a length is known, with the length in mm that goes with it; null: it is typed in. */
const WAYS = { ruler: null, sticker: 19, iris: 11.7, line: null };

/** Shows what is known of the pixel size, and offers to draw a line or to take the last statement back. */
export async function calibrate(bench) {
  const { image, calibration, t } = bench;
  if (image === null) return;
  if (!calibration) return bench.say(t("calibration.not_offered"), "info");
  const answer = await askToReplace(bench, calibration);
  if (bench.image !== image) return; // another one came meanwhile
  if (answer === "draw") bench.setTool("line");
  if (answer === "undo") await change(bench, () => bench.study.undoCalibration(image.id), "calibration.undone");
}

/** A line is drawn: how long is it? */
export async function lineDrawn(bench) {
  const { line, image, calibration, t } = bench;
  const pixels = Math.hypot(line[1][0] - line[0][0], line[1][1] - line[0][1]);
  const how = el("select", { id: "calibration-how" }, Object.keys(WAYS).map((way) => el("option", { value: way }, t(`calibration.${way}`))));
  const length = el("input", { id: "calibration-length", type: "number", min: "0.001", step: "any", inputmode: "decimal", "data-first": true });
  const problem = el("p.problem", { role: "alert" });
  how.addEventListener("change", () => {
    length.value = WAYS[how.value] ?? "";
    length.focus();
  });
  const body = el(
    "div.stack",
    {},
    el("p", {}, t("calibration.drawn", { pixels: number(pixels, 1) })),
    el("div.field", {}, el("label", { for: "calibration-how" }, t("calibration.how")), how),
    el("div.field", {}, el("label", { for: "calibration-length" }, t("calibration.length")), length),
    el("p.muted", {}, t("calibration.iris_note")), problem,
  );
  length.addEventListener("keydown", (event) => {
    if (event.key === "Enter") length.closest("dialog").querySelector(".primary").click();
  });
  const buttons = [{ label: t("choice.cancel"), value: null }, { label: t("choice.calibrate"), value: "save", primary: true }];
  const answer = await openDialog(t("calibration.title"), body, buttons);
  if (bench.image !== image) return;
  bench.setTool(null);
  if (answer !== "save") return;
  const mm = Number(String(length.value).replace(",", "."));
  if (!(mm > 0)) return bench.say(t("calibration.no_length"), "warning");
  // An image whose file states a pixel size keeps it, unless the person overrules it in so many words.
  const statement = {
    how: calibration.file_spacing ? "overrule" : how.value, length_mm: mm, line, annotator: bench.annotator,
    image_revision: image.frame.revision,
  };
  await change(bench, () => bench.study.calibrate(image.id, statement), "calibration.done");
}

/** Changes what is stated, and measures anew. */
async function change(bench, act, key) {
  const { image } = bench;
  try {
    const answer = await bench.during("send", act);
    const frame = await bench.study.frame(image.id);
    if (bench.image !== image) return;
    bench.calibration = answer;
    bench.recalibrated(frame);
    const mm = frame.spacing.map((value) => number(value, 4)).join(" × ");
    bench.say(bench.t(frame.unit === "mm" ? key : "calibration.none_left", { spacing: mm }), "info");
  } catch (error) {
    bench.fail(error);
  }
}

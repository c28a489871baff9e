/** The protocol's measurements of the points as they are now, and where the pixel size comes from. */

import { el, fill } from "../dom.js";
import { number } from "../i18n.js";
import { lengthText } from "./landmark_list.js";
import { afterClick } from "./toolbar.js";

export class MeasurementBox {
  #task = null;
  #values = [];

  constructor(bench, deeds) {
    this.bench = bench;
    this.rows = el("dl.measurements");
    this.scale = el("p.muted");
    this.calibrate = el("button", { type: "button", hidden: true, onclick: afterClick(deeds.calibrate) }, bench.t("deed.calibrate"));
    this.element = el(
      "section.box",
      { "aria-labelledby": "measurements-title" },
      el("h2", { id: "measurements-title" }, bench.t("measurements")), this.rows,
      el("div.row", {}, this.scale, this.calibrate),
    );
    bench.listen(() => this.show());
  }

  show() {
    const { work, task, image, calibration, t } = this.bench;
    if (task !== this.#task) this.#build(task);
    const found = work?.measurements() ?? [];
    this.#values.forEach((value, index) => {
      value.textContent = found[index] ? measuredText(found[index]) : "–";
    });
    this.scale.textContent = image === null ? "" : scaleText(image.frame, t);
    this.calibrate.hidden = !calibration;
  }

  #build(task) {
    this.#task = task;
    this.#values = task.measurements.map(() => el("dd"));
    const point = (name) => {
      this.bench.shownMeasurement = name;
      this.bench.changed();
    };
    fill(
      this.rows,
      task.measurements.map((definition, index) =>
        el(
          "div",
          {
            tabindex: "0", title: definition.description,
            onpointerenter: () => point(definition.name), onpointerleave: () => point(null),
            onfocus: () => point(definition.name), onblur: () => point(null),
          },
          el("dt", {}, definition.title), this.#values[index],
        ),
      ),
    );
    this.rows.hidden = task.measurements.length === 0;
  }
}

/** `12.3 mm`, `45.0°`, `0.38` of a ratio, or a dash where there is no value. */
function measuredText({ value, unit }) {
  if (value === null) return "–";
  if (unit === "1") return number(value, 2);
  return unit === "deg" ? `${number(value, 1)}°` : lengthText(value, unit);
}

function scaleText({ unit, spacing, source }, t) {
  if (unit !== "mm") return t("scale.none");
  const [x, y] = spacing.map((value) => number(value, 4));
  return t("scale.known", { spacing: x === y ? x : `${x} × ${y}`, source: source ?? "" });
}

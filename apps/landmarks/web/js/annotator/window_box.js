/** Window and level: sliders, presets, and back. Dragging with the right button on the image does the same. */

import { el } from "../dom.js";
import { number } from "../i18n.js";
import { afterClick } from "./toolbar.js";
import { defaultWindow, fullRange, limited, presets, stepOf } from "./window.js";

const PRESETS = ["default", "full", "contrast", "dark", "bright"];

export class WindowBox {
  #pixels = null;

  constructor(bench, deeds) {
    this.bench = bench;
    this.deeds = deeds;
    const { t } = bench;
    const slider = (name) => el("input", { type: "range", id: `window-${name}`, oninput: () => this.#slid() });
    this.width = slider("width");
    this.level = slider("level");
    this.widthText = el("output", { for: "window-width" });
    this.levelText = el("output", { for: "window-level" });
    this.preset = el("select", { "aria-label": t("window.preset"), onchange: () => this.#chosen() });
    this.preset.append(
      el("option", { value: "", disabled: true }, t("window.preset")),
      ...PRESETS.map((name) => el("option", { value: name }, t(`window.${name}`))),
    );
    this.reset = el("button", { type: "button", onclick: afterClick(deeds.resetWindow), title: `${t("tip.resetWindow")} (W)` }, t("deed.resetWindow"));
    this.element = el(
      "details.box",
      {},
      el("summary", {}, t("window.title")),
      el("div.slider", {}, el("label", { for: "window-width" }, t("window.width")), this.width, this.widthText),
      el("div.slider", {}, el("label", { for: "window-level" }, t("window.level")), this.level, this.levelText),
      el("div.row", {}, this.preset, this.reset),
      el("p.muted", {}, t("window.help")),
    );
    bench.listen(() => this.show());
  }

  show() {
    const { image, window } = this.bench;
    const pixels = image?.pixels ?? null;
    for (const control of [this.width, this.level, this.preset, this.reset]) control.disabled = pixels === null;
    if (pixels === null) return;
    if (pixels !== this.#pixels) this.#measure(pixels);
    const [width, level] = window ?? defaultWindow(pixels);
    set(this.width, this.widthText, width);
    set(this.level, this.levelText, level);
    const names = Object.entries(presets(pixels));
    this.preset.value = names.find(([, value]) => String(value) === String(window))?.[0] ?? "";
    this.reset.disabled = window === null;
  }

  #measure(pixels) {
    this.#pixels = pixels;
    const [low, high] = fullRange(pixels);
    const step = stepOf(pixels);
    Object.assign(this.width, { min: step, max: 2 * (high - low), step });
    Object.assign(this.level, { min: low, max: high, step });
  }

  #slid() {
    this.deeds.setWindow(limited(this.#pixels, [Number(this.width.value), Number(this.level.value)]));
  }

  #chosen() {
    this.deeds.setWindow(presets(this.#pixels)[this.preset.value]);
  }
}

function set(slider, output, value) {
  slider.value = value;
  output.textContent = number(value, Math.abs(value) < 10 ? 2 : 0);
}

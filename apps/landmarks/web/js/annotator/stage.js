/** The place where the image is seen: the picture on a canvas, the marks above it, the magnifier, and what is read off. */

import { el } from "../dom.js";
import { Magnifier } from "./magnifier.js";
import { Marks } from "./marks.js";
import { Picture } from "./picture.js";

/** Milliseconds between two windows that are asked for while one is dragged. */
const WINDOW_EVERY = 120;

export class Stage {
  #drawing = false;
  #windowTimer = null;
  #pointer = null;

  /** @param {import("./bench.js").Bench} bench */
  constructor(bench) {
    this.bench = bench;
    this.picture = new Picture(
      (...tile) => bench.study.tile(...tile),
      () => this.redraw(),
      (error) => this.#failed(error),
    );
    this.marks = new Marks(bench);
    this.magnifier = new Magnifier(bench, this.picture);
    this.canvas = el("canvas.picture");
    this.hint = el("p.hint");
    this.readout = el("output.readout", { "aria-hidden": "true" });
    this.element = el(
      "div.stage",
      { tabindex: "0", role: "application", "aria-label": bench.t("stage"), "aria-describedby": "stage-hint" },
      this.canvas, this.marks.element, this.magnifier.element, this.hint, this.readout,
    );
    this.hint.id = "stage-hint";
    this.observer = new ResizeObserver(([{ contentRect }]) => {
      bench.view.resize([contentRect.width, contentRect.height]);
      bench.changed(); // the zoom is told elsewhere too
    });
    this.observer.observe(this.element);
    bench.listen(() => this.show());
  }

  /** The place of a pointer event, in CSS px from the stage's corner. */
  placeOf(event) {
    const { left, top } = this.element.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  /** Where the pointer is, for what is read off; null: nowhere. */
  point(place) {
    this.#pointer = place;
    this.#showReadout();
  }

  show() {
    const { bench } = this;
    this.element.dataset.tool = bench.tool ?? "";
    const hint = this.#hintText();
    if (this.hint.textContent !== hint) this.hint.textContent = hint;
    this.#showWindow();
    this.redraw();
  }

  /** Draws anew with the next frame. */
  redraw() {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      if (!this.bench.closed) this.#draw();
    });
  }

  close() {
    this.observer.disconnect();
    clearTimeout(this.#windowTimer);
    this.picture.close();
  }

  #draw() {
    const { bench, canvas } = this;
    const { view } = bench;
    const ratio = devicePixelRatio || 1;
    const size = view.stage.map((value) => Math.max(Math.round(value * ratio), 1));
    if (canvas.width !== size[0] || canvas.height !== size[1]) {
      [canvas.width, canvas.height] = size;
      [canvas.style.width, canvas.style.height] = size.map((value) => `${value / ratio}px`);
    }
    const target = canvas.getContext("2d");
    target.clearRect(0, 0, canvas.width, canvas.height);
    this.picture.paint(target, view.offset.map((value) => value * ratio), view.scale.map((value) => value * ratio));
    this.marks.show();
    this.magnifier.draw();
    this.#showReadout();
    const ready = bench.image !== null && this.picture.complete && !bench.busy.has("open");
    this.element.setAttribute("aria-busy", String(!ready));
  }

  #hintText() {
    const { bench } = this;
    if (bench.busy.has("open") || bench.busy.has("next")) return bench.t("hint.opening");
    if (bench.image === null) return bench.t("hint.none");
    if (bench.tool === "line") return bench.t("hint.line");
    if (bench.tool === "place") return bench.t("hint.place", { name: bench.task.landmarks[bench.current].title });
    return bench.busy.has("detect") ? bench.t("hint.detecting") : "";
  }

  #showReadout() {
    const { image, view } = this.bench;
    let text = "";
    if (image !== null) {
      text = `${Math.round(100 * view.zoom)} %`;
      const pixel = this.#pointer && view.toPixel(this.#pointer);
      if (pixel) text = `x ${pixel[0].toFixed(1)}  y ${pixel[1].toFixed(1)}  ·  ${text}`;
    }
    if (this.readout.textContent !== text) this.readout.textContent = text;
  }

  /** Another window is asked for at once, and while it is dragged not more often than the server draws it. */
  #showWindow() {
    if (this.#windowTimer !== null) return;
    const asked = this.bench.window;
    this.picture.setWindow(asked);
    this.#windowTimer = setTimeout(() => {
      this.#windowTimer = null;
      if (String(this.bench.window) !== String(asked)) this.#showWindow();
    }, WINDOW_EVERY);
  }

  #failed(error) {
    const { bench } = this;
    if (error.name === "AbortError") return;
    bench.say(error.message, "error", [{ label: bench.t("retry"), act: () => this.picture.retry() }]);
  }
}

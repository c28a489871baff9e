/** What mouse, pen and fingers do on the stage: drag and place points, draw a line, pan, zoom, window and level. */

import { changedWindow } from "./window.js";

/** How far from a mark it may be taken hold of, in CSS px. */
const REACH = { mouse: 13, pen: 18, touch: 28 };
const WHEEL = 0.0016;
const WHEEL_PINCH = 0.01;
const LINES_TO_PX = 20;

export class Gestures {
  #pointers = new Map();
  /** What the first pointer does: `{move(place), end(place), cancel()}`. */
  #action = null;
  #pinch = null;
  #space = false;
  #ends = [];

  /**
   * @param {import("./bench.js").Bench} bench
   * @param {import("./stage.js").Stage} stage
   * @param {() => void} lineDrawn called when a line for a calibration is drawn.
   */
  constructor(bench, stage, lineDrawn) {
    this.bench = bench;
    this.stage = stage;
    this.lineDrawn = lineDrawn;
    const { element } = stage;
    const on = (target, name, act, options) => {
      target.addEventListener(name, act, options);
      this.#ends.push(() => target.removeEventListener(name, act, options));
    };
    on(element, "pointerdown", (event) => this.#down(event));
    on(element, "pointermove", (event) => this.#move(event));
    on(element, "pointerup", (event) => this.#up(event));
    on(element, "pointercancel", (event) => this.#cancelled(event));
    on(element, "pointerleave", () => stage.point(null));
    on(element, "contextmenu", (event) => event.preventDefault());
    on(element, "wheel", (event) => this.#wheel(event), { passive: false });
    on(window, "keydown", (event) => this.#key(event));
    on(window, "keyup", (event) => this.#key(event));
    on(window, "blur", () => this.#holdSpace(false));
  }

  close() {
    for (const end of this.#ends) end();
  }

  #down(event) {
    const { bench, stage } = this;
    if (bench.image === null) return;
    event.preventDefault();
    stage.element.focus({ preventScroll: true });
    stage.element.setPointerCapture(event.pointerId);
    const place = stage.placeOf(event);
    this.#pointers.set(event.pointerId, place);
    if (this.#pointers.size === 2) return this.#beginPinch();
    if (this.#pointers.size > 2 || this.#action !== null) return;
    this.#action = this.#actionFor(event, place);
  }

  #actionFor(event, place) {
    const { bench } = this;
    if (event.button === 2) return bench.image.pixels && this.#windowDrag(place);
    if (event.button === 1 || this.#space) return this.#pan(place);
    if (event.button !== 0) return null;
    if (bench.tool === "line") return this.#line(place);
    if (bench.work === null) return this.#pan(place);
    if (bench.tool === "place") return this.#pointDrag(bench.current, place, [0, 0], true);
    const hit = this.stage.marks.hit(place, REACH[event.pointerType] ?? REACH.mouse);
    if (hit === null) return this.#pan(place);
    const mark = bench.view.toScreen(bench.work.frame.toPixel(bench.work.points[hit].position));
    return this.#pointDrag(hit, place, [mark[0] - place[0], mark[1] - place[1]], false);
  }

  #move(event) {
    const place = this.stage.placeOf(event);
    this.stage.point(place);
    if (!this.#pointers.has(event.pointerId)) return;
    this.#pointers.set(event.pointerId, place);
    if (this.#pinch !== null) this.#movePinch();
    else this.#action?.move(place);
  }

  #up(event) {
    if (!this.#pointers.delete(event.pointerId)) return;
    if (this.#pinch !== null) {
      if (this.#pointers.size < 2) this.#pinch = null;
      return;
    }
    const action = this.#action;
    this.#action = null;
    action?.end(this.stage.placeOf(event));
  }

  #cancelled(event) {
    this.#pointers.delete(event.pointerId);
    this.#pinch = null;
    this.#action?.cancel();
    this.#action = null;
  }

  // What one pointer does

  /** The point follows the pointer; what was between them when it was taken hold of stays. */
  #pointDrag(index, begin, [dx, dy], placing) {
    const { bench, stage } = this;
    const { work, view } = bench;
    bench.setCurrent(index);
    work.beginDrag(index);
    const pixelAt = ([x, y]) => work.frame.clamp(view.toPixel([x + dx, y + dy]));
    const follow = (place) => {
      if (bench.work !== work || !work.dragging) return this.stage.magnifier.hide();
      const pixel = pixelAt(place);
      work.movePoint(index, pixel);
      stage.magnifier.show(pixel, place);
      bench.changed();
    };
    let moved = placing;
    if (placing) follow(begin);
    const finish = () => {
      stage.magnifier.hide();
      bench.changed();
    };
    return {
      move: (place) => {
        moved ||= place[0] !== begin[0] || place[1] !== begin[1];
        if (moved) follow(place);
      },
      end: (place) => {
        if (moved) follow(place);
        finish();
        if (bench.work !== work || !work.dragging) return;
        const changed = work.endDrag();
        if (placing) this.#placed(index);
        if (changed) bench.workChanged();
      },
      cancel: () => {
        finish();
        if (!work.dragging) return;
        work.cancelDrag();
        if (bench.work === work) bench.workChanged();
      },
    };
  }

  /** A landmark was placed: the next one without an answer is to be placed, if there is one. */
  #placed(index) {
    const next = this.bench.work.nextUnlabelled(index);
    if (next === null) this.bench.setTool(null);
    else this.bench.setCurrent(next);
  }

  #pan(begin) {
    let last = begin;
    return {
      move: (place) => {
        this.bench.view.pan([place[0] - last[0], place[1] - last[1]]);
        last = place;
        this.bench.changed();
      },
      end: () => {},
      cancel: () => {},
    };
  }

  #windowDrag(begin) {
    const { bench } = this;
    const before = bench.window;
    return {
      move: (place) => {
        bench.window = changedWindow(bench.image.pixels, before, place[0] - begin[0], place[1] - begin[1]);
        bench.changed();
      },
      end: () => {},
      cancel: () => {},
    };
  }

  #line(begin) {
    const { bench, stage } = this;
    const from = bench.view.toPixel(begin);
    const follow = (place) => {
      if (bench.tool !== "line") return stage.magnifier.hide(); // it was broken off
      const to = bench.view.toPixel(place);
      bench.line = [from, to];
      stage.magnifier.show(to, place);
      bench.changed();
    };
    const finish = () => {
      stage.magnifier.hide();
      bench.changed();
    };
    return {
      move: follow,
      end: (place) => {
        finish();
        if (bench.tool !== "line" || bench.line === null) return;
        if (Math.hypot(place[0] - begin[0], place[1] - begin[1]) >= 4) this.lineDrawn();
      },
      cancel: finish,
    };
  }

  // Two fingers, wheel, keys

  #beginPinch() {
    this.#action?.cancel();
    this.#action = null;
    this.#pinch = this.#grip();
  }

  #movePinch() {
    const { view } = this.bench;
    const before = this.#pinch;
    const now = this.#grip();
    this.#pinch = now;
    view.pan([now.middle[0] - before.middle[0], now.middle[1] - before.middle[1]]);
    if (before.width > 0) view.setZoom((view.zoom * now.width) / before.width, now.middle);
    this.bench.changed();
  }

  #grip() {
    const [a, b] = [...this.#pointers.values()];
    return { middle: [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2], width: Math.hypot(a[0] - b[0], a[1] - b[1]) };
  }

  #wheel(event) {
    const { view, image } = this.bench;
    event.preventDefault();
    if (image === null) return;
    const px = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : event.deltaY * LINES_TO_PX;
    view.setZoom(view.zoom * Math.exp(-px * (event.ctrlKey ? WHEEL_PINCH : WHEEL)), this.stage.placeOf(event));
    this.bench.changed();
  }

  #key(event) {
    if (event.key !== " ") return;
    if (event.type === "keydown" && document.activeElement !== this.stage.element) return;
    if (event.type === "keydown") event.preventDefault();
    this.#holdSpace(event.type === "keydown");
  }

  #holdSpace(held) {
    this.#space = held;
    this.stage.element.classList.toggle("panning", held);
  }
}

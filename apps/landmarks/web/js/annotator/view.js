/**
 * Which part of the image the stage shows, and how large. Screen places are CSS px from the stage's top-left corner.
 * The centre of pixel (x, y) lies at (x + 0.5) * zoom, (y + 0.5) * zoom from the image's edge; with true proportions
 * one of the two axes is stretched by the pixel's shape.
 */

export const MAX_ZOOM = 64;
const STEPS = [1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 6, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64];
const FIT_MARGIN = 12;
/** So much of the image stays on the stage, however it is moved. */
const KEPT = 48;

export class View {
  #fitted = true;
  #raw = [0, 0];

  constructor() {
    this.stage = [1, 1];
    this.image = [1, 1];
    this.shape = [1, 1];
    this.zoom = 1;
  }

  /** CSS px of one pixel along x and y. */
  get scale() {
    return [this.zoom * this.shape[0], this.zoom * this.shape[1]];
  }

  /** Where the image's top-left corner lies; on a whole device pixel, so that nothing is blurred. */
  get offset() {
    const ratio = globalThis.devicePixelRatio || 1;
    return this.#raw.map((value) => Math.round(value * ratio) / ratio);
  }

  /** The stage in device pixels. */
  get room() {
    return this.stage.map((value) => value * (globalThis.devicePixelRatio || 1));
  }

  toScreen([x, y]) {
    const [sx, sy] = this.scale;
    const [left, top] = this.offset;
    return [left + (x + 0.5) * sx, top + (y + 0.5) * sy];
  }

  toPixel([x, y]) {
    const [sx, sy] = this.scale;
    const [left, top] = this.offset;
    return [(x - left) / sx - 0.5, (y - top) / sy - 0.5];
  }

  /** The stage has another size; what was fitted is fitted again. */
  resize(stage) {
    const change = stage.map((value, axis) => (value - this.stage[axis]) / 2);
    this.stage = stage;
    if (this.#fitted) this.fit();
    else this.pan(change);
  }

  /** Another image, or other proportions, shown whole. */
  show(image, shape = [1, 1]) {
    this.image = image;
    this.shape = shape;
    this.fit();
  }

  fit() {
    const room = this.stage.map((value) => Math.max(value - 2 * FIT_MARGIN, 16));
    const zooms = room.map((value, axis) => value / (this.image[axis] * this.shape[axis]));
    this.zoom = Math.min(...zooms, MAX_ZOOM);
    this.#raw = this.stage.map((value, axis) => (value - this.image[axis] * this.scale[axis]) / 2);
    this.#fitted = true;
  }

  get #smallest() {
    const zooms = this.stage.map((value, axis) => value / (this.image[axis] * this.shape[axis]));
    return Math.min(...zooms, 1) / 4;
  }

  /** Another zoom; the place of the image under a screen place, by default the stage's middle, stays there. */
  setZoom(zoom, about = this.stage.map((value) => value / 2)) {
    const pixel = this.toPixel(about);
    this.zoom = Math.min(Math.max(zoom, this.#smallest), MAX_ZOOM);
    this.#raw = about.map((value, axis) => value - (pixel[axis] + 0.5) * this.scale[axis]);
    this.#keep();
  }

  /** The next larger (1) or smaller (-1) of the usual zooms. */
  step(direction) {
    const found =
      direction > 0
        ? STEPS.find((zoom) => zoom > this.zoom * 1.001)
        : STEPS.findLast((zoom) => zoom < this.zoom * 0.999);
    if (found !== undefined) this.setZoom(found);
  }

  pan([dx, dy]) {
    this.#raw = [this.#raw[0] + dx, this.#raw[1] + dy];
    this.#keep();
  }

  centreOn([x, y]) {
    this.#raw = this.stage.map((value, axis) => value / 2 - ([x, y][axis] + 0.5) * this.scale[axis]);
    this.#keep();
  }

  /** Moves a pixel into the stage where it lies outside or close to its border. */
  reveal(pixel) {
    const place = this.toScreen(pixel);
    const hidden = place.some((value, axis) => value < KEPT || value > this.stage[axis] - KEPT);
    const all = this.image.every((value, axis) => value * this.scale[axis] <= this.stage[axis]);
    if (hidden && !all) this.centreOn(pixel);
    return hidden && !all;
  }

  #keep() {
    this.#fitted = false;
    this.#raw = this.#raw.map((value, axis) => {
      const length = this.image[axis] * this.scale[axis];
      const kept = Math.min(KEPT, length);
      return Math.min(Math.max(value, kept - length), this.stage[axis] - kept);
    });
  }
}

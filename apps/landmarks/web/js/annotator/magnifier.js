/** Shows the surroundings of a point larger, beside the pointer, while the point is dragged. */

import { el } from "../dom.js";

const SIZE = 148;
/** CSS px between the pointer and the magnifier's middle. */
const BESIDE = 118;
const TIMES = 4;
const SMALLEST_ZOOM = 4;
const LARGEST_ZOOM = 48;

export class Magnifier {
  #pixel = null;

  constructor(bench, picture) {
    this.bench = bench;
    this.picture = picture;
    this.element = el("canvas.magnifier", { hidden: true, "aria-hidden": "true" });
  }

  /**
   * @param {number[]} pixel what lies in its middle.
   * @param {number[]} place of the pointer on the stage.
   */
  show(pixel, place) {
    this.#pixel = pixel;
    const [width, height] = this.bench.view.stage;
    const fits = (value, length) => value > SIZE / 2 + 4 && value < length - SIZE / 2 - 4;
    const places = [[-1, -1], [1, -1], [-1, 1], [1, 1]].map(([x, y]) => [place[0] + x * BESIDE, place[1] + y * BESIDE]);
    const [x, y] = places.find(([left, top]) => fits(left, width) && fits(top, height)) ?? places[0];
    this.element.style.transform = `translate(${x - SIZE / 2}px, ${y - SIZE / 2}px)`;
    this.element.hidden = false;
  }

  hide() {
    this.#pixel = null;
    this.element.hidden = true;
  }

  draw() {
    if (this.#pixel === null) return;
    const { view } = this.bench;
    const ratio = devicePixelRatio || 1;
    const length = Math.round(SIZE * ratio);
    if (this.element.width !== length) this.element.width = this.element.height = length;
    const zoom = Math.min(Math.max(view.zoom * TIMES, SMALLEST_ZOOM), LARGEST_ZOOM) * ratio;
    const scale = view.shape.map((value) => value * zoom);
    const offset = this.#pixel.map((value, axis) => length / 2 - (value + 0.5) * scale[axis]);
    const target = this.element.getContext("2d");
    target.clearRect(0, 0, length, length);
    this.picture.paint(target, offset, scale);
    cross(target, length / 2, ratio, Math.max(5, zoom / ratio / 2 + 2));
  }
}

function cross(target, middle, ratio, free) {
  for (const [color, width] of [["#000a", 3], ["#fff", 1.25]]) {
    target.strokeStyle = color;
    target.lineWidth = width * ratio;
    target.beginPath();
    for (const [x, y] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      target.moveTo(middle + x * free * ratio, middle + y * free * ratio);
      target.lineTo(middle + x * (free + 18) * ratio, middle + y * (free + 18) * ratio);
    }
    target.stroke();
  }
}

/**
 * The landmarks above the picture, in SVG: an open cross and ring that leave the pixel itself free, an ellipse for how
 * far a prediction may be off, the name with a line that leads to it. Who put a point is told by its form, not by its
 * colour alone: a prediction has a dashed ring, a person's point a closed one, the current one corners around it.
 */

import { fill, svg } from "../dom.js";
import { placeNames } from "./name_places.js";
import { PREDICTED, reachOf } from "./point_state.js";

/** Half the free middle of a mark in CSS px, at least; it grows with the pixel that it leaves free. */
const FREE = 4;
const ARM = 9;
/** The ring lies this far outside of the free middle. */
const RING = 4;
const LETTER = 6.6;
const LINE = 16;

export class Marks {
  #groups = [];
  #work = null;

  constructor(bench) {
    this.bench = bench;
    this.lines = svg("g.lines");
    this.reaches = svg("g.extents");
    this.points = svg("g.points");
    this.names = svg("g.names");
    this.drawn = svg("g.drawn");
    this.element = svg("svg.marks", { "aria-hidden": "true" }, this.lines, this.reaches, this.points, this.names, this.drawn);
  }

  show() {
    const { work, current, view } = this.bench;
    if (work?.task !== this.#work?.task || work === null) this.#build(work);
    this.#work = work;
    this.#showLine();
    if (work === null) return;
    const [sx, sy] = view.scale;
    const free = Math.max(FREE, 0.5 * Math.max(sx, sy) + 2);
    const shown = [];
    work.points.forEach((point, index) => {
      const { mark, reach } = this.#groups[index];
      const place = point.position === null ? null : view.toScreen(work.frame.toPixel(point.position));
      visible(mark, place !== null);
      const radius = place === null ? null : reachOf(point);
      visible(reach, radius !== null);
      if (place === null) return;
      mark.setAttribute("transform", `translate(${place[0]} ${place[1]})`);
      mark.classList.toggle("predicted", point.status === PREDICTED);
      mark.classList.toggle("current", index === current);
      drawMark(mark, free);
      if (radius !== null) {
        const [mx, my] = work.frame.spacing;
        set(reach, { cx: place[0], cy: place[1], rx: (radius / mx) * sx, ry: (radius / my) * sy });
      }
      shown.push({ index, place, reach: free + RING + 3 });
    });
    this.#showNames(shown);
    this.#showMeasurement();
  }

  /** The landmark whose mark lies within so many CSS px of a place, the nearest first; null where there is none. */
  hit(place, within) {
    const { work, view, current } = this.bench;
    let best = null;
    work?.points.forEach((point, index) => {
      if (point.position === null) return;
      const [x, y] = view.toScreen(work.frame.toPixel(point.position));
      const distance = Math.hypot(x - place[0], y - place[1]) - (index === current ? 3 : 0);
      if (distance <= within && (best === null || distance < best.distance)) best = { index, distance };
    });
    return best?.index ?? null;
  }

  #build(work) {
    this.#groups = (work?.task.landmarks ?? []).map(({ color, name }) => {
      const mark = svg("g.mark", { "data-name": name }, svg("path.shade"), svg("path.cross", { stroke: color }), svg("path.corners"));
      return { mark, reach: svg("ellipse.extent", { stroke: color }) };
    });
    fill(this.points, this.#groups.map(({ mark }) => mark));
    fill(this.reaches, this.#groups.map(({ reach }) => reach));
    fill(this.names);
  }

  #showNames(shown) {
    const { bench } = this;
    const wanted = bench.settings.get("names", "all");
    const named = shown.filter(({ index }) => wanted === "all" || (wanted === "current" && index === bench.current));
    const texts = named.map(({ index }) => this.#textOf(index));
    const sizes = texts.map((text) => [text.length * LETTER + 8, LINE]);
    const places = placeNames(named, sizes, shown, bench.view.stage);
    fill(
      this.names,
      places.map(({ from, to }) => svg("line.leader", { x1: from[0], y1: from[1], x2: to[0], y2: to[1] })),
      places.map(({ box, to }, at) => {
        const [left, top, width] = box;
        const ends = to[0] > left + width / 2; // the mark lies to the right: the name ends there
        const place = { x: ends ? left + width - 4 : left + 4, y: top + LINE - 4, "text-anchor": ends ? "end" : null };
        return svg("text", { ...place, class: named[at].index === bench.current ? "current" : null }, texts[at]);
      }),
    );
  }

  #textOf(index) {
    const { task, work } = this.bench;
    const point = work.points[index];
    const sure = point.status === PREDICTED && point.confidence !== null;
    return sure ? `${task.landmarks[index].title} · ${Math.round(100 * point.confidence)} %` : task.landmarks[index].title;
  }

  /** The measurement that is pointed at: lines between its landmarks. */
  #showMeasurement() {
    const { work, task, view, shownMeasurement } = this.bench;
    const definition = task.measurements.find((item) => item.name === shownMeasurement);
    const ends = (definition?.between ?? []).map((name) => work.points[task.names.indexOf(name)].position);
    if (definition === undefined || ends.includes(null)) return void fill(this.lines);
    const places = ends.map((end) => view.toScreen(work.frame.toPixel(end)));
    const path = definition.kind === "height" ? heightPath(places, view.scale, work.frame.spacing) : places;
    const starts = definition.kind === "ratio" ? [0, 2] : [0]; // a ratio is of two lines
    const d = path.map(([x, y], at) => `${starts.includes(at) ? "M" : "L"}${x} ${y}`).join("");
    fill(this.lines, svg("path.measure-halo", { d }), svg("path.measure", { d }));
  }

  /** The line that is drawn for a calibration. */
  #showLine() {
    const { line, view } = this.bench;
    if (line === null) return void fill(this.drawn);
    const [[x1, y1], [x2, y2]] = line.map((pixel) => view.toScreen(pixel));
    const ends = [[x1, y1], [x2, y2]].map(([x, y]) => svg("circle.line-end", { cx: x, cy: y, r: 5 }));
    fill(this.drawn, svg("line.measure-halo", { x1, y1, x2, y2 }), svg("line.measure", { x1, y1, x2, y2 }), ends);
  }
}

/** From the first point at right angles down to the line through the other two, and that line. */
function heightPath([top, a, b], [sx, sy], [mx, my]) {
  const scale = [mx / sx, my / sy]; // right angles are those of the calibrated plane
  const [u, v] = [[b[0] - a[0], b[1] - a[1]], [top[0] - a[0], top[1] - a[1]]].map(([x, y]) => [x * scale[0], y * scale[1]]);
  const along = (u[0] * v[0] + u[1] * v[1]) / (u[0] ** 2 + u[1] ** 2 || 1);
  const foot = [a[0] + along * (b[0] - a[0]), a[1] + along * (b[1] - a[1])];
  return [top, foot, a, b];
}

function drawMark(mark, free) {
  if (mark.free === free) return;
  mark.free = free;
  const end = free + ARM;
  const ring = free + RING;
  const arms = `M${-end} 0H${-free}M${free} 0H${end}M0 ${-end}V${-free}M0 ${free}V${end}`;
  const circle = `M${ring} 0A${ring} ${ring} 0 1 1 ${-ring} 0A${ring} ${ring} 0 1 1 ${ring} 0`;
  const far = end + 3;
  const near = far - 6;
  const corners = [[1, 1], [1, -1], [-1, 1], [-1, -1]]
    .map(([x, y]) => `M${x * far} ${y * near}V${y * far}H${x * near}`)
    .join("");
  const [halo, cross, frame] = mark.children;
  halo.setAttribute("d", arms + circle);
  cross.setAttribute("d", arms + circle);
  frame.setAttribute("d", corners);
}

function visible(node, shown) {
  node.toggleAttribute("hidden", !shown);
}

function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
}

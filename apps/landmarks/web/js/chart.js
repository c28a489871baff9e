/** A curve over the epochs, drawn as SVG. */

import { el, svg } from "./dom.js";
import { number, t } from "./i18n.js";

const WIDTH = 420;
const HEIGHT = 210;
const LEFT = 50;
const BOTTOM = 26;
const TOP = 12;
const RIGHT = 12;
/** A curve that falls to less than this part of its beginning is drawn on a logarithmic axis. */
const LOG_FROM = 20;
/** A loss whose lowest value is above this part of its highest has an axis that does not begin at zero. */
const FIT_FROM = 0.4;
const DOTS = 60;

/**
 * @param {object} options
 * @param {string} options.title
 * @param {"loss"|"error"} options.kind - chooses the colour.
 * @param {Array<{x: number, y: number}>} options.points - by epoch, in order.
 * @param {{x: number, y: number}|null} [options.live] - the value at this moment.
 * @param {string} [options.unit]
 * @param {number} [options.epochs] - the last epoch that is planned.
 */
export function chart({ title, kind, points, live = null, unit = "", epochs = 0 }) {
  const all = live ? [...points, live] : points;
  if (!all.length) return el(`figure.chart.${kind}`, {}, el("figcaption", {}, title), el("p.muted", {}, t("chart.none")));
  const last = Math.max(epochs, ...all.map((point) => point.x), 1);
  const scale = axis(all.map((point) => point.y), kind === "loss");
  const x = (value) => LEFT + (value / last) * (WIDTH - LEFT - RIGHT);
  const y = (value) => HEIGHT - BOTTOM - scale.place(value) * (HEIGHT - BOTTOM - TOP);
  const best = points.length ? points.reduce((low, point) => (point.y < low.y ? point : low)) : null;
  const picture = svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": describe(title, points, best, live, unit) },
    scale.ticks.map((value) => [
      svg("line.axis", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) }),
      svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, scale.text(value)),
    ]),
    wholeTicks(last).map((value) => svg("text", { x: x(value), y: HEIGHT - 8, "text-anchor": "middle" }, value)),
    points.length > 1 ? svg("polyline.curve", { points: points.map((point) => `${x(point.x)},${y(point.y)}`).join(" ") }) : null,
    points.length <= DOTS
      ? points.map((point) => svg("circle.dot", { cx: x(point.x), cy: y(point.y), r: 3 }, svg("title", {}, `${t("epoch")} ${point.x}: ${short(point.y)} ${unit}`)))
      : null,
    best ? [svg("circle.dot", { cx: x(best.x), cy: y(best.y), r: 5 }), label(x(best.x), y(best.y), `${short(best.y)} ${unit}`)] : null,
    live ? svg("circle.dot", { cx: x(live.x), cy: y(live.y), r: 4 }) : null,
  );
  return el(`figure.chart.${kind}`, {}, el("figcaption", {}, unit ? `${title} (${unit})` : title), picture);
}

function label(x, y, text) {
  const right = x > WIDTH - 90;
  return svg("text.value", { x: right ? x - 8 : x + 8, y: y - 8 < TOP ? y + 16 : y - 8, "text-anchor": right ? "end" : "start" }, text);
}

/**
 * The axis of the values: from zero, or from just below the lowest where a fitted one shows the curve better, as for a
 * loss whose last values stay far from zero. Logarithmic where the values span more than LOG_FROM.
 */
export function axis(values, fitted) {
  const low = Math.min(...values);
  const high = Math.max(...values);
  if (low > 0 && high / low > LOG_FROM) {
    const from = Math.floor(Math.log10(low));
    const to = Math.ceil(Math.log10(high));
    const ticks = Array.from({ length: to - from + 1 }, (_, index) => 10 ** (from + index));
    return { ticks, text: short, place: (value) => (Math.log10(value) - from) / (to - from) };
  }
  const least = fitted && low > high * FIT_FROM ? low : Math.min(0, low);
  const span = high - least || Math.abs(high) / 10 || 1;
  const step = niceStep(span / 4);
  const first = Math.floor(least / step + 1e-9);
  const last = Math.max(Math.ceil(high / step - 1e-9), first + 1);
  const ticks = Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return { ticks, text: (value) => number(value, digits), place: (value) => (value / step - first) / (last - first) };
}

function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough * 0.999);
}

function wholeTicks(last) {
  const step = Math.max(1, niceStep(last / 6));
  return Array.from({ length: Math.floor(last / step) + 1 }, (_, index) => index * step);
}

/** Three digits that count. */
function short(value) {
  if (value === 0) return "0";
  const digits = Math.max(0, Math.min(6, 2 - Math.floor(Math.log10(Math.abs(value)))));
  return number(Number(value.toPrecision(3)), value >= 100 ? 0 : digits).replace(/([.,]\d*?)0+$/, "$1").replace(/[.,]$/, "");
}

function describe(title, points, best, live, unit) {
  if (!points.length) return `${title}: ${short(live.y)} ${unit}`;
  const [first, last] = [points[0], points.at(-1)];
  return t("chart.text", { title, first: short(first.y), last: short(last.y), unit, best: short(best.y), epoch: best.x, from: first.x, to: last.x });
}

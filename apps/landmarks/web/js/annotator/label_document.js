/** Labels as Slicer markups files (.mrk.json): written for the server, read when a labelled image is opened again. */

import { PREDICTED, wordOf } from "./point_state.js";

const SCHEMA =
  "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/" +
  "markups-schema-v1.0.3.json#";
// Slicer's own orientation of a new point: the RAS axes, written in LPS.
const ORIENTATION = [-1, 0, 0, 0, -1, 0, 0, 0, 1];
// Older modules of Slicer write their results as previews; where Slicer has not placed one yet, it has no position.
const WORDS = { defined: "defined", missing: "missing", undefined: "undefined", preview: "defined" };

/** A label that cannot be opened; `key` and `values` are the sentence for the person. */
export class LabelError extends Error {
  constructor(key, values = {}) {
    super(key);
    this.key = key;
    this.values = values;
  }
}

/** The text of the file: every landmark in the given order, in LPS, with its positionStatus. */
export function labelText(points, frame) {
  const markup = {
    type: "Fiducial",
    coordinateSystem: "LPS",
    coordinateUnits: "mm",
    locked: false,
    fixedNumberOfControlPoints: true,
    labelFormat: "%N-%d",
    controlPoints: points.map((point, index) => controlPoint(index + 1, point)),
  };
  return JSON.stringify({ "@schema": SCHEMA, imageFrame: frame.placement, markups: [markup] }, null, 2);
}

/**
 * The points of a markups file in the order of the task; landmarks that the file lacks are undefined.
 *
 * @returns {{name: string, word: string, position: number[]|null}[]}
 * @throws {LabelError} it was made on another placement of the image, names landmarks that the task lacks, or is no
 *   point list in LPS or RAS millimetres.
 */
export function readLabel(document, task, frame) {
  const lists = (document?.markups ?? []).filter((markup) => markup?.type === "Fiducial");
  if (lists.length !== 1) throw new LabelError("label.no_list", { count: lists.length });
  if (document.imageFrame && !frame.agreesWith(document.imageFrame)) throw new LabelError("label.other_frame");
  const system = String(lists[0].coordinateSystem ?? "LPS");
  if (!["LPS", "RAS", "0", "1"].includes(system)) throw new LabelError("label.system", { system });
  const flip = system === "RAS" || system === "0" ? -1 : 1;
  const found = new Map();
  for (const item of lists[0].controlPoints ?? []) {
    if (found.has(item.label)) throw new LabelError("label.twice", { name: item.label });
    found.set(item.label, readPoint(item, flip));
  }
  const unknown = [...found.keys()].filter((name) => !task.names.includes(name));
  if (unknown.length) throw new LabelError("label.unknown", { names: unknown.join(", "), protocol: task.name });
  return task.names.map((name) => found.get(name) ?? { name, word: "undefined", position: null });
}

/** Whether two markups files say the same of each landmark. */
export function sameLabel(...documents) {
  const [one, other] = documents.map(({ markups }) =>
    JSON.stringify(markups?.map(({ controlPoints }) => controlPoints?.map((item) => [item.label, item.positionStatus, item.position]))),
  );
  return one === other;
}

function controlPoint(number, point) {
  const stated = point.status === PREDICTED ? point.confidence : null;
  return {
    id: String(number),
    label: point.name,
    description: stated === null ? "" : `confidence ${Math.min(Math.max(stated, 0), 1).toFixed(3)}`,
    associatedNodeID: "",
    position: point.position ?? [0, 0, 0],
    orientation: ORIENTATION,
    selected: true,
    locked: false,
    visibility: true,
    positionStatus: wordOf(point),
  };
}

function readPoint(item, flip) {
  const word = WORDS[item.positionStatus ?? "defined"];
  if (word === undefined) throw new LabelError("label.status", { name: item.label, word: item.positionStatus });
  const point = { name: item.label, word, position: null };
  if (word !== "defined") return point;
  const whole = Array.isArray(item.position) && item.position.length === 3 && item.position.every(Number.isFinite);
  if (!whole && item.positionStatus === "preview") return { ...point, word: "undefined" };
  if (!whole) throw new LabelError("label.position", { name: item.label });
  const [x, y, z] = item.position;
  return { ...point, position: [flip * x, flip * y, z] };
}

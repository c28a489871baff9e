/** A label as it goes to the server. It stays valid whatever is done to the work afterwards. */

import { labelText } from "./label_document.js";
import { originOf } from "./point_state.js";

/**
 * @param {object} record of a work, see {@link Work#record}.
 * @param {string} tag `final` or `draft`.
 * @param {string} annotator who did it; the label's info records it.
 * @returns {{image: string, tag: string, points: object[], params: object, markups: string}} `params` hold what the
 *   work is taken up from when the label is opened again, as the Slicer module writes them too.
 */
export function submissionOf(record, tag, annotator) {
  const { task, image, frame, points, modelVersion, seconds } = record;
  const params = {
    protocol: task.name,
    image_revision: frame.revision,
    model_version: modelVersion,
    displacement: Object.fromEntries(points.map((point) => [point.name, displacement(point, frame)])),
    unit: frame.unit,
    seconds: Math.round(seconds * 10) / 10,
    client: "browser",
    landmarks: Object.fromEntries(points.map((point) => [point.name, originOf(point)])),
  };
  if (annotator) params.annotator = annotator;
  return { image, tag, points, params, markups: labelText(points, frame) };
}

/** How far a point lies from its prediction in the image's unit, to four digits; null without both. */
function displacement({ position, predicted }, frame) {
  if (position === null || predicted === null) return null;
  return Math.round(frame.distance(position, predicted) * 1e4) / 1e4;
}

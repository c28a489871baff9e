/**
 * The state of one landmark while a person works on an image. States are plain objects that never change:
 *
 * - `status`: `predicted` (as the network put it), `corrected` (a person moved the prediction, or confirmed it where it
 *   is), `placed` (by hand, with no prediction), `missing` or `unlabelled`;
 * - `position`: LPS millimetres; null for `missing` and `unlabelled`;
 * - `proposal`: what the network said: `defined`, `missing` or `undefined`; null without a prediction;
 * - `predicted`: LPS millimetres of the prediction; null unless the proposal is `defined`;
 * - `confidence` in [0, 1], `radius` in the image's unit and its `coverage`; null where unknown;
 * - `touched`: whether the state is a person's doing; `confirmed`: whether a person accepted the network's word.
 */

export const PREDICTED = "predicted";
export const CORRECTED = "corrected";
export const PLACED = "placed";
export const MISSING = "missing";
export const UNLABELLED = "unlabelled";

const STATUS_OF_WORD = { defined: PREDICTED, missing: MISSING, undefined: UNLABELLED };

export function samePosition(a, b) {
  return a === b || (a !== null && b !== null && a.every((value, axis) => value === b[axis]));
}

export function emptyPoint(name) {
  return Object.freeze({
    name,
    status: UNLABELLED,
    position: null,
    proposal: null,
    predicted: null,
    confidence: null,
    radius: null,
    coverage: null,
    touched: false,
    confirmed: false,
  });
}

const changed = (point, fields) => Object.freeze({ ...point, ...fields });

/** The network's word, which replaces whatever was there. `said` has status, position, confidence, radius, coverage. */
export function withPrediction(point, said) {
  return changed(emptyPoint(point.name), {
    status: STATUS_OF_WORD[said.status],
    position: said.position,
    proposal: said.status,
    predicted: said.position,
    confidence: said.confidence,
    radius: said.radius,
    coverage: said.coverage,
  });
}

/** A person's point keeps its place; only what it is compared with is new. */
export function withProposal(point, said) {
  const renewed = changed(point, {
    proposal: said.status,
    predicted: said.position,
    confidence: said.confidence,
    radius: said.radius,
    coverage: said.coverage,
    confirmed: false,
  });
  return renewed.position === null ? renewed : at(renewed, renewed.position);
}

/** A person put it there. */
export function at(point, position) {
  const status = point.proposal === "defined" ? CORRECTED : PLACED;
  return changed(point, { status, position, touched: true, confirmed: samePosition(position, point.predicted) });
}

/** Back to the network's word; without one, nothing changes. */
export function asPredicted(point) {
  if (point.proposal === null) return point;
  return withPrediction(point, { ...point, status: point.proposal, position: point.predicted });
}

/** A person says that it is not in the image. */
export function asMissing(point) {
  return changed(point, {
    status: MISSING,
    position: null,
    touched: true,
    confirmed: point.proposal === "missing",
  });
}

/** A person takes it away. */
export function asUnlabelled(point) {
  return changed(point, { status: UNLABELLED, position: null, touched: true, confirmed: false });
}

/** A person agrees with the network: the prediction counts as corrected; anything else stays as it is. */
export function accepted(point) {
  if (point.touched || (point.proposal !== "defined" && point.proposal !== "missing")) return point;
  const status = point.proposal === "defined" ? CORRECTED : MISSING;
  return changed(point, { status, touched: true, confirmed: true });
}

/** The same point where lengths are told in another unit. */
export function rescaled(point, factor) {
  return point.radius === null ? point : changed(point, { radius: point.radius * factor });
}

/** The positionStatus of markups files: `defined`, `missing` or `undefined`. */
export function wordOf(point) {
  if (point.position !== null) return "defined";
  return point.status === MISSING ? "missing" : "undefined";
}

/** The radius, while the point is where the network put it: it says nothing of a point that a person moved. */
export function reachOf(point) {
  return point.position !== null && samePosition(point.position, point.predicted) ? point.radius : null;
}

/** What a label's info records of a point, beside its name and place. */
export function originOf(point) {
  const { name, position, ...origin } = point;
  return origin;
}

/**
 * A label's point with what its info tells of it; without that, or where the two disagree, placed by hand.
 *
 * @param {{name: string, word: string, position: number[]|null}} labelled a point of the label.
 * @param {object|undefined} origin what {@link originOf} gave when the label was saved.
 */
export function openedPoint(labelled, origin) {
  const byHand = changed(emptyPoint(labelled.name), {
    status: { defined: PLACED, missing: MISSING, undefined: UNLABELLED }[labelled.word],
    position: labelled.position,
    touched: labelled.word !== "undefined",
  });
  if (origin === null || typeof origin !== "object") return byHand;
  const told = changed({ ...emptyPoint(labelled.name), ...origin }, { name: labelled.name, position: labelled.position });
  const known = [PREDICTED, CORRECTED, PLACED, MISSING, UNLABELLED].includes(told.status);
  const placed = [PREDICTED, CORRECTED, PLACED].includes(told.status);
  const whole = placed === (told.position !== null) && (told.proposal === "defined") === Array.isArray(told.predicted);
  if (!known || !whole || wordOf(told) !== labelled.word) return byHand;
  if (told.status === PREDICTED && !samePosition(told.position, told.predicted)) {
    return changed(told, { status: CORRECTED, touched: true });
  }
  return told;
}

/** Whether two states are the same in all that they tell. */
export function samePoint(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** What a label says of each landmark; it tells a saved state from a changed one. */
export function contentOf(points) {
  return points.map((point) => [point.status, point.position]);
}

export function sameContent(a, b) {
  return a.length === b.length && a.every(([status, place], i) => status === b[i][0] && samePosition(place, b[i][1]));
}

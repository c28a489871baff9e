/** The work on one image: what the network said, what a person did, and what is sent. It knows nothing of the page. */

import { History } from "./history.js";
import { measure } from "./measure.js";
import { swappedPairs } from "./pair_check.js";
import {
  accepted, asMissing, asPredicted, asUnlabelled, at, contentOf, emptyPoint, rescaled, sameContent, samePoint,
  UNLABELLED, withPrediction, withProposal,
} from "./point_state.js";
import { Stopwatch } from "./stopwatch.js";

/** A point that lies within this many pixels of its earlier place has not been moved. */
const MOVED_PIXELS = 1e-3;

/**
 * The state of all landmarks of one image, with history. A method that changes something returns true, adds one step to
 * the history and raises `revision`; a call that would change nothing returns false and leaves no trace.
 */
export class Work {
  #history = new History();
  #drag = null;
  #saved;
  #watch;

  /**
   * @param {object} record what {@link Work#record} gave, or `{task, image, frame}` of an image that nobody worked on.
   *   `saved` is the content that the server has under `savedTag`, null where it has none.
   */
  constructor({ task, image, frame, points, modelVersion = null, savedTag = null, saved = null, seconds = 0 }) {
    /** Tells this work from other work on the image, as in a second tab; a whole number. */
    this.id = Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
    this.task = task;
    this.image = image;
    this.frame = frame;
    this.points = (points ?? task.names.map(emptyPoint)).map(Object.freeze);
    this.modelVersion = modelVersion;
    this.savedTag = savedTag;
    this.revision = 0;
    this.#saved = saved;
    this.#watch = new Stopwatch(seconds);
  }

  // What there is

  /** How far a point lies from its prediction, in the image's unit; null where one of the two is not there. */
  moved(index) {
    const { position, predicted } = this.points[index];
    return position === null || predicted === null ? null : this.frame.distance(position, predicted);
  }

  /** The landmarks that a finished label should have, but that nobody placed or called missing. */
  get unanswered() {
    const open = (index) => this.points[index].status === UNLABELLED && !this.task.landmarks[index].optional;
    return [...this.points.keys()].filter(open);
  }

  /** Whether no landmark has a point or is missing: nothing that a finished label could say. */
  get empty() {
    return this.points.every((point) => point.status === UNLABELLED);
  }

  /** Whether a person did anything to any landmark. */
  get touched() {
    return this.points.some((point) => point.touched);
  }

  /** Whether something would be lost by leaving; a prediction that nobody touched can be made again. */
  get dirty() {
    return this.#saved === null ? this.touched : !sameContent(contentOf(this.points), this.#saved);
  }

  /** Whether a label with these points under a tag is this very work, or what the server was known to have of it. */
  isAuthorOf(points, tag) {
    const content = contentOf(points);
    const saved = this.savedTag === tag ? this.#saved : null;
    return [contentOf(this.points), saved].some((own) => own !== null && sameContent(own, content));
  }

  get dragging() {
    return this.#drag !== null;
  }

  swappedPairs() {
    return swappedPairs(this.task, this.points, this.frame);
  }

  measurements() {
    return measure(this.task, this.points, this.frame);
  }

  /** The next landmark without an answer behind one, going round; null where all have one. */
  nextUnlabelled(after = -1) {
    return this.#nextWhere((point) => point.status === UNLABELLED, after);
  }

  /** The next landmark that a person has not looked at: untouched predictions, going round; null where there is none. */
  nextUnsure(after = -1) {
    return this.#nextWhere((point) => !point.touched && point.proposal !== null, after);
  }

  // What happens

  /** A network's answer. Points that a person moved, placed or set missing stay; they are compared with it anew. */
  applyPrediction(prediction) {
    const told = (old, index) => {
      const said = prediction.points[index];
      return old.touched && old.status !== UNLABELLED ? withProposal(old, said) : withPrediction(old, said);
    };
    return this.#change(told, { deed: "detect" }, prediction.modelVersion);
  }

  /** A person takes hold of a point: until {@link Work#endDrag} all its moves are one step of history. */
  beginDrag(index) {
    this.#finishDrag();
    this.#drag = { index, before: this.#moment };
  }

  /** A point is at a new pixel: a step of its own, or part of the drag that goes on. */
  movePoint(index, pixel) {
    const old = this.points[index];
    const position = this.frame.toLps(this.frame.clamp(pixel));
    if (old.position !== null && this.frame.pixelDistance(position, old.position) <= MOVED_PIXELS) return false;
    const back = old.predicted !== null && this.frame.pixelDistance(position, old.predicted) <= MOVED_PIXELS;
    return this.#changeOne(index, (point) => (back ? asPredicted(point) : at(point, position)), "move");
  }

  /** The person lets go. A drag that ends where it began leaves no trace; returns whether the point has moved. */
  endDrag() {
    return this.#finishDrag();
  }

  /** The drag was broken off: the point is where it was. */
  cancelDrag() {
    if (this.#drag === null) return;
    this.#goTo(this.#drag.before);
    this.#drag = null;
  }

  /** A person put a landmark on a pixel, also over an earlier point. Returns the landmark to place next, or null. */
  placePoint(index, pixel) {
    const position = this.frame.toLps(this.frame.clamp(pixel));
    this.#changeOne(index, (point) => at(point, position), "place");
    return this.nextUnlabelled(index);
  }

  markMissing(index) {
    return this.#changeOne(index, asMissing, "missing");
  }

  /** A person takes a point, or the word "missing", away: the landmark is not labelled. */
  clear(index) {
    if (this.points[index].status === UNLABELLED) return false;
    return this.#changeOne(index, asUnlabelled, "clear");
  }

  /** A person confirms what the network said: the point counts as corrected, with no distance moved. */
  accept(index) {
    return this.#changeOne(index, accepted, "accept");
  }

  /** Confirms everything that the network said and nobody touched. */
  acceptAll() {
    return this.#change(accepted, { deed: "accept_all" });
  }

  /** All landmarks as the network said. */
  resetToPrediction() {
    return this.#change(asPredicted, { deed: "reset" });
  }

  // History

  /** What {@link Work#undo} takes back, `{deed, index}`; null where there is nothing. */
  get undoStep() {
    return this.#history.undoStep;
  }

  get redoStep() {
    return this.#history.redoStep;
  }

  undo() {
    this.#finishDrag();
    return this.#goTo(this.#history.undo(this.#moment));
  }

  redo() {
    this.#finishDrag();
    return this.#goTo(this.#history.redo(this.#moment));
  }

  /** The pixels have another real size by now: what is known in lengths is told in the new unit. */
  recalibrate(frame) {
    const factor = frame.lengthFactor(this.frame);
    const told = (points) => points.map((point) => rescaled(point, factor));
    this.frame = frame;
    this.points = told(this.points);
    const renewed = (moment) => ({ ...moment, points: told(moment.points) });
    this.#history.map(renewed);
    if (this.#drag !== null) this.#drag.before = renewed(this.#drag.before);
    this.revision += 1;
  }

  // Time, going out and coming back

  resume() {
    this.#watch.resume();
  }

  pause() {
    this.#watch.pause();
  }

  /** The server has these points under a tag. What was done since stays unsent. */
  markSaved(points, tag) {
    this.#saved = contentOf(points);
    this.savedTag = tag;
    this.revision += 1;
  }

  /** The work as plain values, without its history. A drag that goes on is part of it. */
  record() {
    return {
      id: this.id,
      task: this.task,
      image: this.image,
      frame: this.frame,
      points: this.points,
      modelVersion: this.modelVersion,
      savedTag: this.savedTag,
      saved: this.#saved,
      seconds: this.#watch.seconds,
    };
  }

  // Inside

  get #moment() {
    return { points: this.points, modelVersion: this.modelVersion };
  }

  #nextWhere(holds, after) {
    const count = this.points.length;
    const order = this.points.map((_, step) => (after + step + 1) % count);
    return order.find((index) => holds(this.points[index])) ?? null;
  }

  #changeOne(index, renew, deed) {
    return this.#change((point, each) => (each === index ? renew(point) : point), { deed, index });
  }

  /** What changes while a point is dragged, but the point's own move, is a step before the drag. */
  #change(renew, step, modelVersion = this.modelVersion) {
    const points = this.points.map((point, index) => renew(point, index));
    const same = points.every((point, index) => samePoint(point, this.points[index]));
    if (same && modelVersion === this.modelVersion) return false;
    const drag = this.#drag;
    if (drag === null) this.#history.record(this.#moment, step);
    else if (step.deed !== "move" || step.index !== drag.index) {
      this.#history.record(drag.before, step);
      const held = renew(drag.before.points[drag.index], drag.index);
      drag.before = { points: points.with(drag.index, held), modelVersion };
    }
    this.points = points;
    this.modelVersion = modelVersion;
    this.revision += 1;
    return true;
  }

  #finishDrag() {
    const drag = this.#drag;
    this.#drag = null;
    if (drag === null || samePoint(drag.before.points[drag.index], this.points[drag.index])) return false;
    const [start, end] = [drag.before.points[drag.index].position, this.points[drag.index].position];
    if (start !== null && end !== null && this.frame.pixelDistance(start, end) <= MOVED_PIXELS) {
      this.#goTo(drag.before);
      return false;
    }
    this.#history.record(drag.before, { deed: start === null ? "place" : "move", index: drag.index });
    return true;
  }

  #goTo(moment) {
    if (moment === null) return false;
    this.points = moment.points;
    this.modelVersion = moment.modelVersion;
    this.revision += 1;
    return true;
  }
}

/** What all parts of the annotator share: the task, the open image, the work on it, and who wants to know of changes. */

import { Settings, UnsentStore } from "./browser_store.js";
import { Study } from "./study.js";
import { View } from "./view.js";

const INFO_SECONDS = 8;

export class Bench {
  #listeners = [];
  #told = false;
  #closed = false;

  /** @param {object} context what the router gives each page. */
  constructor(context) {
    this.context = context;
    this.study = new Study(context.client, () => (this.hasReaders ? this.annotator : ""));
    this.settings = new Settings();
    /** Who works on this page, whatever name is given in another window meanwhile. */
    this.annotator = this.settings.get("annotator", "");
    this.unsent = new UnsentStore(() => ({ annotator: this.annotator, apart: this.hasReaders }));
    this.view = new View();
    /** What the server offers: the answer of `/info/`. */
    this.info = null;
    this.task = null;
    /** The open image: `{id, frame, pixels, entry}`. */
    this.image = null;
    this.work = null;
    /** What is known of the image's pixel size; null where the server keeps no stated ones. */
    this.calibration = null;
    /** The landmark that keys and buttons act on. */
    this.current = 0;
    /** What a press on the image does: null, `place` or `line`. */
    this.tool = null;
    /** The line that is drawn for a calibration, two pixels; null where there is none. */
    this.line = null;
    /** The landmarks of a measurement that is pointed at. */
    this.shownMeasurement = null;
    /** [width, level] of the shown grey values; null: as they are. */
    this.window = null;
    /** What goes on: `open`, `detect`, `send`. */
    this.busy = new Set();
    /** The sentence that is shown, `{text, kind, actions}`. */
    this.notice = null;
    /** Called at once after each change of the work. */
    this.onWork = () => {};
  }

  /** The annotator's text of a key. */
  t = (key, values) => this.context.t(`annotator.${key}`, values);

  /** Whether each image is labelled by two people, each of whom sees the own points alone. */
  get hasReaders() {
    return this.info?.readers > 1;
  }

  /** Calls a function after changes: at once after each, or once for all of one turn. */
  listen(show) {
    this.#listeners.push(show);
  }

  /** Something is different: every part shows itself anew, once for all changes of one turn. */
  changed() {
    if (this.#told || this.#closed) return;
    this.#told = true;
    queueMicrotask(() => {
      this.#told = false;
      if (!this.#closed) for (const show of this.#listeners) show();
    });
  }

  /** A person or the network changed the work. */
  workChanged() {
    this.onWork();
    this.changed();
  }

  /**
   * Tells the person one sentence; it stays until the next one, what is good news for a few seconds.
   *
   * @param {"info"|"warning"|"error"} kind
   * @param {{label: string, act: () => void}[]} actions buttons beside it.
   */
  say(text, kind = "info", actions = []) {
    const notice = text ? { text, kind, actions } : null;
    this.notice = notice;
    this.changed();
    if (kind !== "info" || notice === null) return;
    setTimeout(() => {
      if (this.notice === notice) this.say("");
    }, INFO_SECONDS * 1000);
  }

  /** Tells one sentence more: a warning or an error that stands, which may offer something, stays before it. */
  add(text, kind = "info", actions = []) {
    const { notice } = this;
    if (notice === null || notice.kind === "info") return this.say(text, kind, actions);
    const told = notice.text.includes(text) ? notice.text : `${notice.text} ${text}`;
    this.say(told, notice.kind, [...notice.actions, ...actions]);
  }

  /** Tells of an error in its own words. */
  fail(error) {
    if (error.name === "AbortError") return;
    this.say(error.key ? this.t(error.key, error.values) : error.message, "error");
    if (!error.key && error.status === undefined) console.error(error);
  }

  /** Shows the whole image, its pixels as squares, or in their true shape where the person wants that. */
  showProportions() {
    const [x, y] = this.image.frame.spacing;
    const shape = this.settings.get("trueProportions", false) ? [x / Math.min(x, y), y / Math.min(x, y)] : [1, 1];
    this.view.show(this.image.frame.size, shape);
    this.changed();
  }

  /** The image's pixels have another real size by now; which image it is that is open does not change by that. */
  recalibrated(frame) {
    frame.revision = this.image.frame.revision;
    this.image.frame = frame;
    this.work?.recalibrate(frame);
    if (this.settings.get("trueProportions", false)) this.showProportions();
    this.changed();
  }

  /** Runs something that takes time, shown as busy. */
  async during(what, job) {
    this.busy.add(what);
    this.changed();
    try {
      return await job();
    } finally {
      this.busy.delete(what);
      this.changed();
    }
  }

  setCurrent(index) {
    this.current = index;
    this.changed();
  }

  setTool(tool) {
    this.tool = tool;
    if (tool !== "line") this.line = null;
    this.changed();
  }

  close() {
    this.#closed = true;
  }

  get closed() {
    return this.#closed;
  }
}

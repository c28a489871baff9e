/** What a person can do, by name: buttons and keys call the same functions. */

import { calibrate, lineDrawn } from "./calibration_dialog.js";
import { showVersions } from "./versions_dialog.js";

const NAMES = ["all", "current", "off"];

export class Deeds {
  /**
   * @param {import("./bench.js").Bench} bench
   * @param {import("./session.js").Session} session
   * @param {() => void} showHelp
   */
  constructor(bench, session, showHelp) {
    this.bench = bench;
    this.session = session;
    this.help = showHelp;
  }

  // Landmarks

  next = () => this.#go(1);
  previous = () => this.#go(-1);

  /** Puts the next press on the image there; again: not after all. */
  place = () => {
    const { bench } = this;
    if (bench.work !== null) bench.setTool(bench.tool === "place" ? null : "place");
  };

  missing = () => this.#answered((work, index) => work.markMissing(index));
  accept = () => this.#answered((work, index) => work.accept(index));
  clear = () => this.#change((work, index) => work.clear(index));
  acceptAll = () => this.#change((work) => work.acceptAll());
  reset = () => this.#change((work) => work.resetToPrediction());
  undo = () => this.#change((work) => work.undo());
  redo = () => this.#change((work) => work.redo());

  /** Moves the current point by pixels; in place mode without a point it begins in the middle of what is shown. */
  nudge(dx, dy) {
    const { bench } = this;
    if (bench.work === null) return;
    const { position } = bench.work.points[bench.current];
    if (position === null) {
      if (bench.tool !== "place") return;
      bench.work.placePoint(bench.current, bench.view.toPixel(bench.view.stage.map((value) => value / 2)));
    } else {
      const [x, y] = bench.work.frame.toPixel(position);
      bench.work.movePoint(bench.current, [x + dx, y + dy]);
    }
    this.#reveal();
    bench.workChanged();
  }

  // The image

  nextImage = () => this.session.next();
  detect = () => this.session.detect();
  finish = () => this.session.acceptAndSubmit();
  submit = () => this.session.submit();
  saveDraft = () => this.session.sender.saveDraft();
  rename = () => this.session.rename();
  versions = () => showVersions(this.bench, this.session);
  calibrate = () => calibrate(this.bench);
  lineDrawn = () => lineDrawn(this.bench);

  // What is shown

  fit = () => this.#look((view) => view.fit());
  actualSize = () => this.#look((view) => view.setZoom(1));
  zoomIn = () => this.#look((view) => view.step(1));
  zoomOut = () => this.#look((view) => view.step(-1));

  /** The grey values as the server shows them. */
  resetWindow = () => this.setWindow(null);

  setWindow(window) {
    this.bench.window = window;
    this.bench.changed();
  }

  /** The current point in the middle. */
  centre = () => {
    const { bench } = this;
    const position = bench.work?.points[bench.current].position;
    if (position) this.#look((view) => view.centreOn(bench.work.frame.toPixel(position)));
  };

  names = () => {
    const { bench } = this;
    const shown = NAMES.indexOf(bench.settings.get("names", "all"));
    bench.settings.set("names", NAMES[(shown + 1) % NAMES.length]);
    bench.say(bench.t(`names.${bench.settings.get("names", "all")}`));
  };

  /** Ends what is going on: a drag, placing, drawing a line, a notice. */
  cancel = () => {
    const { bench } = this;
    if (bench.work?.dragging) {
      bench.work.cancelDrag();
      return bench.workChanged();
    }
    if (bench.tool !== null) bench.setTool(null);
    else if (bench.notice !== null) bench.say("");
    bench.changed();
  };

  /** A person chose a landmark: it becomes the current one and is in sight. */
  choose(index) {
    this.bench.setCurrent(index);
    this.#reveal();
  }

  #go(direction) {
    const { bench } = this;
    if (bench.work === null) return;
    const count = bench.work.points.length;
    this.choose((bench.current + direction + count) % count);
  }

  #change(change) {
    const { bench } = this;
    if (bench.work !== null && change(bench.work, bench.current)) bench.workChanged();
  }

  /** A landmark was answered: the next one that nobody looked at becomes the current one. */
  #answered(change) {
    const { bench } = this;
    if (bench.work === null || !change(bench.work, bench.current)) return;
    const next = bench.work.nextUnsure(bench.current) ?? bench.work.nextUnlabelled(bench.current);
    if (next !== null) this.choose(next);
    bench.workChanged();
  }

  #look(change) {
    if (this.bench.image === null) return;
    change(this.bench.view);
    this.bench.changed();
  }

  #reveal() {
    const { bench } = this;
    const position = bench.work?.points[bench.current].position;
    if (position) bench.view.reveal(bench.work.frame.toPixel(position));
  }
}

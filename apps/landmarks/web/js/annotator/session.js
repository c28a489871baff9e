/** The course of the work: which image is open, which is next, and what the network says. */

import { when } from "../i18n.js";
import { Ahead } from "./ahead.js";
import { askName } from "./dialogs.js";
import { Offers } from "./offers.js";
import { Sender } from "./sender.js";
import { Task } from "./task.js";
import { takeUp } from "./unsent_work.js";

export class Session {
  #opening = 0;
  /** The image that is open or being opened. */
  #id = null;
  /** What is done once a reader has said who they are; null where nothing waits for it. */
  #waits = null;

  /**
   * @param {import("./bench.js").Bench} bench
   * @param {import("./picture.js").Picture} picture
   */
  constructor(bench, picture) {
    this.bench = bench;
    this.picture = picture;
    this.sender = new Sender(
      bench,
      (id) => this.open(id, { unsent: false }),
      (id) => this.#submitted(id),
    );
    this.ahead = new Ahead(bench.study);
    this.offers = new Offers(bench, this);
  }

  get #wish() {
    const { task, annotator, settings } = this.bench;
    return { strategy: settings.get("strategy", "first"), protocol: task.name, annotator };
  }

  /** Whether an image without a label is shown with a prediction; without a network the server refuses each. */
  get #detects() {
    const { info, settings, task } = this.bench;
    return settings.get("detectOnOpen", true) && task.name in info.models;
  }

  /** Whether each image has several readers, and nobody has said which of them works here. */
  get #nameless() {
    return this.bench.hasReaders && !this.bench.annotator;
  }

  // Opening

  /** Opens the first image: the one that the person named, else one that the strategy chooses; then offers unsent work. */
  async begin(image) {
    if (this.#nameless) return this.#askWho(() => this.begin(image));
    if (image) await this.openWished(image);
    else await this.next();
    this.offerUnsent({ all: true });
  }

  #askWho(then) {
    const { bench } = this;
    this.#waits = then;
    bench.say(bench.t("name.needed"), "warning", [{ label: bench.t("name.give"), act: () => this.rename() }]);
  }

  /**
   * Opens an image; the work on the one before is settled by {@link Sender#leaveImage}.
   *
   * @param {string} id
   * @param {{fresh?: boolean, unsent?: boolean, tag?: string}} how `fresh`: a strategy chose it, so that it has no
   *   label; `unsent`: whether work that the server does not have comes first; `tag`: which label is wanted.
   */
  async open(id, { fresh = false, unsent = true, tag = "" } = {}) {
    const { bench } = this;
    const turn = ++this.#opening;
    this.#id = id;
    const detecting = fresh && this.#detects ? this.#predict(id) : null;
    detecting?.catch(() => {});
    try {
      await bench.during("open", () => this.#fetch(id, turn, unsent, tag ? [tag] : undefined));
    } catch (error) {
      if (turn === this.#opening) bench.fail(error);
    }
    if (turn !== this.#opening || bench.work === null) return;
    const begun = bench.work.savedTag !== null || bench.work.touched;
    if (!begun && this.#detects) await this.detect(detecting);
    if (turn !== this.#opening) return;
    this.offerUnsent();
    this.#prepareNext();
  }

  async #fetch(id, turn, unsent, tags) {
    const { bench } = this;
    const changed = unsent && bench.work?.dirty && bench.work.image !== id; // while it was found out which image comes
    if (changed && !(await this.sender.leaveImage())) return;
    if (turn !== this.#opening) return;
    this.#close();
    const image = await bench.study.image(id);
    if (turn !== this.#opening) return;
    this.#show(image);
    const { work, otherProtocol, ofFormer, seen } = await this.#workOf(image, unsent, tags);
    if (turn !== this.#opening) return;
    this.#begin(work, image.entry, seen);
    if (ofFormer) bench.add(bench.t("label.former", { id }), "warning");
    if (otherProtocol) bench.add(bench.t("other_protocol", { id, protocol: otherProtocol }), "warning");
    bench.context.note(`#/annotate?${new URLSearchParams({ image: id, protocol: bench.task.name })}`);
  }

  /** Opens an image that the person named: where its label is of another protocol that is served, with that one. */
  async openWished(id) {
    const { bench } = this;
    const entry = await bench.study.entry(id);
    const label = ["draft", "final"].map((tag) => entry?.labels[tag]).find(Boolean);
    const protocol = bench.info.protocols[label?.protocol];
    if (protocol && protocol.name !== bench.task.name) bench.task = new Task(protocol);
    await this.open(id);
  }

  /** No image is open. */
  close() {
    this.#opening += 1;
    this.#id = null;
    this.#close();
  }

  /** The person gives a name. Where each image has several readers, the open one is left, and opened as the new one. */
  async rename() {
    const { bench } = this;
    const name = await askName(bench);
    if (!name || name === bench.annotator) return;
    const id = bench.hasReaders ? this.#id : null;
    if (id !== null) {
      if (!(await this.sender.leaveImage())) return;
      if (bench.notice?.kind === "error") bench.context.message(bench.notice.text, "error");
      this.close();
    }
    bench.settings.set("annotator", name);
    bench.annotator = name;
    bench.changed();
    const waited = this.#waits;
    this.#waits = null;
    if (waited !== null) await waited().catch((error) => bench.fail(error));
    else if (id !== null) await this.open(id);
  }

  /** Work on other images that the server does not have, as after a crash, is offered; `all`: all that is kept. */
  offerUnsent({ all = false } = {}) {
    const { notice } = this.bench;
    if (notice === null || notice.kind === "info") this.offers.show(all);
  }

  /** The page is seen, or hidden behind another one: time counts while it is seen. */
  setVisible(seen) {
    const { work } = this.bench;
    if (seen) work?.resume();
    else work?.pause();
  }

  #show(image) {
    const { bench } = this;
    bench.image = image;
    bench.window = null;
    this.picture.open(image.id, image.frame.size, null);
    bench.showProportions();
    this.#askMore(image);
  }

  /** What is needed for window and level, and for the pixel size, alone. */
  async #askMore(image) {
    const { bench } = this;
    try {
      const [pixels, calibration] = await Promise.all([bench.study.pixels(image.id), bench.study.calibration(image.id)]);
      image.pixels = pixels;
      if (bench.image === image) bench.calibration = calibration;
      bench.changed();
    } catch (error) {
      if (bench.image === image) bench.fail(error);
    }
  }

  async #workOf(image, unsent, tags) {
    const { bench } = this;
    const { task } = bench;
    const meant = { image: image.id, task, frame: image.frame };
    const kept = unsent ? bench.unsent.of(meant) : null;
    const found = await bench.study.work(task, image, tags);
    const work = kept && takeUp(kept, task, image.frame);
    if (!work) {
      if (kept) bench.say(bench.t("unsent.other_image", { id: image.id }), "warning");
      return found;
    }
    const drop = () => this.dropUnsent();
    bench.say(bench.t("unsent.back", { id: image.id, when: when(kept.when / 1000) }), "warning", [{ label: bench.t("unsent.drop"), act: drop }]);
    return { work, otherProtocol: "", seen: seenBy(kept, work, found.work, image.entry) };
  }

  #begin(work, entry, seen) {
    const { bench } = this;
    this.sender.begin(work.image, entry, seen);
    bench.work = work;
    bench.current = work.nextUnlabelled() ?? 0;
    if (!document.hidden) work.resume();
    const aside = bench.unsent.asideOf(work);
    if (aside !== undefined) {
      const show = { label: bench.t("choice.show_mine"), act: () => this.#showAside(work) };
      const told = work.frame.isOfAnother(aside.frame.revision) ? "unsent.former" : "unsent.aside";
      bench.add(bench.t(told, { id: work.image }), "warning", [show]);
    } else if (bench.unsent.ofOtherSize(work)) bench.add(bench.t("unsent.other_image", { id: work.image }), "warning");
    const label = entry?.labels[work.savedTag];
    if (label?.annotator && label.annotator !== bench.annotator && bench.notice === null) {
      bench.say(bench.t(`opened.${work.savedTag}`, { annotator: label.annotator }), "info");
    }
  }

  /** One's own work again, which was laid aside for somebody else's label. */
  async #showAside(work) {
    if (!(await this.sender.leaveImage())) return;
    this.bench.unsent.takeBack(work);
    await this.open(work.image);
  }

  #close() {
    const { bench } = this;
    bench.work?.pause();
    bench.work = bench.image = bench.notice = bench.calibration = null;
    bench.setTool(null);
    this.picture.close();
  }

  /** Opens the image that the strategy chooses. */
  async next() {
    const { bench } = this;
    if (this.#nameless) return this.#askWho(() => this.next());
    if (bench.busy.has("next") || !(await this.sender.leaveImage())) return;
    const choose = async () => {
      const present = bench.image?.id ?? null;
      const prepared = await this.ahead.take(this.#wish, present);
      const { strategy, protocol, annotator } = this.#wish;
      const free = prepared !== null && (await bench.study.entry(prepared.id))?.state === "unlabeled";
      const found = free ? prepared : await bench.study.next(strategy, protocol, annotator);
      if (found.id !== null) await this.open(found.id, { fresh: true });
      const open = bench.image?.id === found.id && bench.notice === null;
      if (found.id === null || open) bench.say(found.message);
    };
    try {
      await bench.during("next", choose);
    } catch (error) {
      bench.fail(error);
    }
  }

  #prepareNext() {
    const { bench } = this;
    if (!bench.settings.get("prepareNext", true) || bench.image === null) return;
    this.ahead.prepare(this.#wish, bench.image.id, (id) => {
      const seen = this.#detects ? bench.study.detect(bench.task, id) : null;
      const drawn = bench.study.frame(id).then(({ size }) => this.picture.warm(id, size, bench.view.room));
      return Promise.all([seen, drawn]);
    });
  }

  // Auto-detect

  #predict(id) {
    return this.bench.study.detect(this.bench.task, id);
  }

  /** The network's points; those that a person moved, placed or set missing stay. */
  async detect(answer = null) {
    const { bench } = this;
    const { work, image } = bench;
    if (work === null) return;
    try {
      const prediction = await bench.during("detect", () => answer ?? this.#predict(image.id));
      if (bench.work !== work) return;
      work.applyPrediction(prediction);
      if (prediction.unfamiliar) bench.add(bench.t("unfamiliar"), "warning");
      else if (prediction.message) bench.add(prediction.message);
      if (bench.tool !== "place") bench.current = work.nextUnlabelled() ?? bench.current; // what is being placed stays
      bench.workChanged();
    } catch (error) {
      if (bench.work === work) bench.fail(error);
    }
  }

  /** Confirms what the network said, sends the label and goes on: one key for a good image. */
  async acceptAndSubmit() {
    const { bench } = this;
    if (bench.work === null || ["submit", "open", "detect"].some((what) => bench.busy.has(what))) return;
    if (bench.work.acceptAll()) bench.workChanged();
    await this.submit();
  }

  /** Sends the finished label, and opens the next image where the person wants that. */
  async submit() {
    const { bench } = this;
    if (bench.busy.has("submit")) return;
    const id = bench.image?.id;
    const sent = await bench.during("submit", () => this.sender.submit());
    if (sent) await this.#submitted(id);
  }

  /** The next image follows a finished label, if the person wants it so. */
  async #submitted(id) {
    const { bench } = this;
    if (!bench.settings.get("nextAfterSubmit", true)) return;
    await this.next();
    if (bench.notice === null) bench.say(bench.t("sent.final", { id }), "info");
  }

  /** The person gives up what the server does not have. */
  async dropUnsent() {
    const { bench } = this;
    const { work } = bench;
    bench.unsent.forget(work);
    await this.open(work.image, { unsent: false });
  }
}

/**
 * When each label was saved that kept work was done upon; undefined where that was not kept. A label that says what the
 * work has, or what it last sent, is the work's own: the answer to it was lost.
 */
function seenBy(kept, work, present, entry) {
  const { labels } = kept;
  const tag = present.savedTag;
  if (!labels || tag === null) return labels;
  return work.isAuthorOf(present.points, tag) ? { ...labels, [tag]: entry.labels[tag].updated } : labels;
}

/** Sends labels, says what stands against it, and keeps in the browser what the server does not have. */

import { Conflicts } from "./conflicts.js";
import { ask, askConflict } from "./dialogs.js";
import { submissionOf } from "./submission.js";

/** Milliseconds without a change after which unfinished work goes to the server as a draft. */
const DRAFT_AFTER = 2500;
/** Milliseconds until a draft that failed is tried again. */
const DRAFT_AGAIN = 15000;

/** How a save ended. */
const SENT = "sent";
const FAILED = "failed";
const THEIRS = "theirs";
const STAYED = "stayed";

export class Sender {
  #timer = null;
  #turn = Promise.resolve();
  /** Whether the browser could not keep the work. */
  #full = false;
  /** The work whose finished label could not be sent: it waits for the person, and becomes no draft meanwhile. */
  #owed = null;
  /** The image whose drafts wait until the person has said whose label counts, or has opened it anew. */
  #disputed = null;

  /**
   * @param {import("./bench.js").Bench} bench
   * @param {(image: string) => unknown} showTheirs opens an image as the server has it.
   * @param {(image: string) => unknown} submitted what follows a finished label that was sent at another try.
   */
  constructor(bench, showTheirs, submitted) {
    this.bench = bench;
    this.showTheirs = showTheirs;
    this.submitted = submitted;
    this.conflicts = new Conflicts(bench.study, bench.t("versions.nobody"));
  }

  /** An image is open; `entry` tells of its labels, `seen` which ones kept work was done upon that was taken up. */
  begin(image, entry, seen) {
    this.#disputed = null;
    this.#full = false;
    this.conflicts.know(image, entry);
    if (seen) this.conflicts.takeUp(image, seen);
  }

  /** One sentence why the work cannot be sent now; empty where it can. */
  whyNot(tag) {
    const { bench } = this;
    if (bench.work === null) return bench.t("why.no_image");
    return tag === "final" && bench.work.empty ? bench.t("why.empty") : "";
  }

  /** Sends the finished label, after a question where something looks doubtful. Returns whether the server has it. */
  async submit() {
    const { bench } = this;
    const problem = this.whyNot("final");
    if (problem) bench.say(problem, "warning");
    if (problem) return false;
    const reviewed = this.#standingFlags.length > 0;
    const doubts = this.#doubts();
    if (doubts.length && (await ask(bench, "ask.submit", doubts, ["stay", "submit"])) !== "submit") return false;
    return (await this.#send("final", { reviewed })) === SENT;
  }

  /** Keeps unfinished work on the server; it does not train. */
  async saveDraft() {
    const problem = this.whyNot("draft");
    if (problem) this.bench.say(problem, "warning");
    else await this.#send("draft");
  }

  /**
   * Before another image or page: what the server does not have goes there as a draft, or stays in the browser.
   *
   * @returns {Promise<boolean>} whether the image may be left.
   */
  async leaveImage() {
    clearTimeout(this.#timer);
    await this.#turn;
    if (!this.bench.work?.dirty) return true;
    const outcome = await this.#send("draft", { said: false, theirs: false });
    return outcome === SENT || (outcome !== STAYED && !this.#full);
  }

  /**
   * What the server does not have of the open work is laid aside in the browser, for another label to be shown.
   *
   * @returns {boolean} whether the label may be shown; else the person is told why not.
   */
  layAside() {
    const { bench } = this;
    const { work } = bench;
    if (work?.dirty) this.#keep(work);
    const laid = work === null || (!(work.dirty && this.#full) && bench.unsent.setAside(work));
    if (!laid) bench.say(bench.t("unsent.full"), "warning");
    return laid;
  }

  /** The work has changed: it is kept in the browser at once, and goes to the server as a draft a little later. */
  workChanged() {
    const { bench } = this;
    clearTimeout(this.#timer);
    this.#owed = null;
    if (bench.work === null) return;
    if (!bench.work.dirty) return bench.unsent.forget(bench.work);
    this.#keep(bench.work);
    this.#timer = setTimeout(() => this.#saveQuietly(), DRAFT_AFTER);
  }

  /** Whether something would be lost if the page were closed now. */
  get unsafe() {
    const { work } = this.bench;
    return work?.dragging === true || (work?.dirty === true && this.#full);
  }

  close() {
    clearTimeout(this.#timer);
  }

  /** Keeps the open work; one that was left meanwhile is kept already, as it was. */
  #keep(work) {
    const { bench } = this;
    if (bench.work !== work) return;
    this.#full = !bench.unsent.keep(work.record(), bench.annotator, this.conflicts.seen);
    if (this.#full) bench.say(bench.t("unsent.full"), "warning");
  }

  async #saveQuietly() {
    const { work } = this.bench;
    const waits = work === this.#owed || work?.image === this.#disputed;
    if (work === null || !work.dirty || work.dragging || waits) return;
    const outcome = await this.#send("draft", { asks: false, said: false });
    if (outcome === FAILED) this.#timer = setTimeout(() => this.#saveQuietly(), DRAFT_AGAIN);
  }

  /** What to ask before a final label: what the server doubts, swapped pairs, landmarks without an answer. */
  #doubts() {
    const { work, task, t } = this.bench;
    const title = (index) => task.landmarks[index].title;
    return [
      ...this.#standingFlags.map((flag) => flag.sentence),
      ...work.swappedPairs().map(([a, b]) => t("swapped", { first: title(a), second: title(b) })),
      ...(work.unanswered.length ? [t("unanswered", { names: work.unanswered.map(title).join(", ") })] : []),
    ];
  }

  /** What the server doubts about the open label, where it is as it was opened: to submit it confirms it. */
  get #standingFlags() {
    const { work, image } = this.bench;
    return work.savedTag === "final" && !work.dirty ? (image.entry?.flags ?? []) : [];
  }

  /** One save after the other. */
  #send(tag, how = {}) {
    const sent = this.#turn.then(() => this.bench.during("send", () => this.#sendNow(tag, how)));
    this.#turn = sent.catch(() => {});
    return sent;
  }

  async #sendAgain(tag, reviewed, id) {
    if ((await this.#send(tag, { reviewed })) === SENT && tag === "final") await this.submitted(id);
  }

  /**
   * @param {string} tag
   * @param {object} how `reviewed`: somebody looked at a flagged label again; `asks`: whether the person is asked in a
   *   conflict; `said`: whether a success is told; `theirs`: whether the other label may be shown in place of this one.
   */
  async #sendNow(tag, { reviewed = false, asks = true, said = true, theirs = true }) {
    const { bench } = this;
    const { work, image } = bench;
    if (work === null) return FAILED;
    const submission = submissionOf(work.record(), tag, bench.annotator);
    if (reviewed) submission.params.reviewed = true;
    try {
      const others = await this.conflicts.found(image.id);
      if (others.length) {
        const answer = await this.#settle(work, others, asks, theirs);
        if (answer !== SENT) return answer;
      }
      this.conflicts.sending(submission);
      await bench.study.save(submission);
    } catch (error) {
      if (work.dirty) this.#keep(work);
      if (tag === "final") this.#owed = work;
      const replaced = error.status === 409 && (await this.#isReplaced(image));
      if (replaced) this.#disputed = image.id;
      const again = replaced
        ? { label: bench.t("choice.open_anew"), act: () => this.#yield(work) }
        : { label: bench.t("retry"), act: () => this.#sendAgain(tag, reviewed, image.id) };
      const told = work.dirty && this.#full ? "not_sent.full" : "not_sent";
      bench.say(bench.t(told, { id: image.id, reason: replaced ? bench.t("replaced") : error.message }), "error", [again]);
      return FAILED;
    }
    this.#owed = null;
    work.markSaved(submission.points, tag);
    if (work.dirty) this.#keep(work);
    else bench.unsent.forget(work);
    if (bench.notice?.kind === "error") bench.say("");
    if (said) bench.say(bench.t(`sent.${tag}`, { id: image.id }), "info");
    const seen = this.#lookAgain(image, tag);
    if (tag === "draft") await seen;
    return SENT;
  }

  /** Whether the image is another one than that which was opened. */
  async #isReplaced({ id, frame }) {
    try {
      return (await this.bench.study.frame(id)).isOfAnother(frame.revision);
    } catch {
      return false;
    }
  }

  /** Somebody else has saved a label since this one was opened: whose counts? SENT where this one is to be sent. */
  async #settle(work, others, asks, theirs) {
    const { bench } = this;
    if (work.dirty) this.#keep(work);
    if (!asks) {
      this.#disputed = work.image;
      bench.say(bench.t(`conflict.${others[0].tag}`, others[0]), "warning", [
        { label: bench.t("choice.theirs"), act: () => this.#yield(work) },
        { label: bench.t("choice.mine"), act: () => this.#insist(work.image) },
      ]);
      return STAYED;
    }
    const answer = await askConflict(bench, others, theirs ? ["stay", "theirs", "mine"] : ["stay", "keep", "mine"]);
    if (answer === "theirs") return this.#yield(work) ? THEIRS : STAYED;
    if (answer === "keep") return THEIRS;
    if (answer !== "mine") return STAYED;
    this.#disputed = null;
    this.conflicts.know(work.image, await bench.study.entry(work.image));
    return SENT;
  }

  /** The image as the server has it is shown, where one's own work could be laid aside in the browser; returns whether. */
  #yield(work) {
    if (this.bench.work !== work || !this.layAside()) return false;
    this.showTheirs(work.image);
    return true;
  }

  async #insist(image) {
    this.#disputed = null;
    this.conflicts.know(image, await this.bench.study.entry(image));
    this.bench.say("");
    await this.saveDraft();
  }

  async #lookAgain(image, tag) {
    const { bench } = this;
    try {
      const { entry, overtaken } = await this.conflicts.afterSave(image.id, tag, bench.annotator);
      image.entry = entry ?? image.entry;
      if (overtaken) bench.say(bench.t("conflict.after", { id: image.id, ...overtaken }), "warning");
      if (tag === "final" && !(bench.task.name in (bench.info.models ?? {}))) bench.info = await bench.study.info();
      bench.changed();
    } catch {
      // the label is saved; whatever was to be looked at is looked at before the next save
    }
  }
}

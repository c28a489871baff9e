/** What other people did to the labels of the open image since it was opened. */

import { sameLabel } from "./label_document.js";
import { TAGS } from "./study.js";

/** Seconds between a save and the note that it replaced a label. */
const SAME_MOMENT = 2;

export class Conflicts {
  #image = null;
  #known = {};
  /** The label that was sent last; the server may have it where its answer, or the look after it, was lost. */
  #sent = null;

  /**
   * @param {import("./study.js").Study} study
   * @param {string} nobody what somebody is called whose name is not known.
   */
  constructor(study, nobody) {
    this.study = study;
    this.nobody = nobody;
  }

  /** The labels of an image as the person has seen them; `entry` is the image in the server's list. */
  know(image, entry) {
    this.#image = image;
    this.#known = entry?.labels ?? {};
  }

  /** When each label that the person has seen was saved, by tag; it is kept with work that the server does not have. */
  get seen() {
    return Object.fromEntries(Object.entries(this.#known).map(([tag, { updated }]) => [tag, updated]));
  }

  /** Kept work was taken up: the person has seen what they had seen when it was kept, as {@link Conflicts#seen}. */
  takeUp(image, seen) {
    this.#image = image;
    this.#known = Object.fromEntries(Object.entries(seen).map(([tag, updated]) => [tag, { updated }]));
  }

  /** A label of one's own is sent, as {@link submissionOf} gave it. */
  sending(submission) {
    this.#sent = submission;
  }

  /**
   * The labels that somebody has saved since, the finished one first.
   *
   * @returns {Promise<{tag: string, annotator: string, updated: number}[]>}
   */
  async found(image) {
    const entry = await this.study.entry(image);
    const labels = entry?.labels ?? {};
    const tags = [...TAGS].reverse().filter((tag) => labels[tag] && labels[tag].updated !== this.#known[tag]?.updated);
    const { tag: sent } = this.#sent ?? {};
    if (tags.includes(sent) && (await this.#isSent(image, labels[sent]))) {
      this.#known = { ...this.#known, [sent]: labels[sent] };
      tags.splice(tags.indexOf(sent), 1);
    }
    return tags.map((tag) => this.#told(tag, labels[tag]));
  }

  /** Whether the server's label is the one that was sent last. */
  async #isSent(image, { annotator }) {
    const { image: of, tag, params, markups } = this.#sent;
    const name = params.annotator ?? ""; // without one the server names its own user
    if (of !== image || (name && (annotator || "").toLowerCase() !== name.toLowerCase())) return false;
    return sameLabel(await this.study.label(image, tag), JSON.parse(markups));
  }

  /**
   * Looks at the labels after a save of one's own. Two people who save at the same moment overtake the look before the
   * save; the earlier label then lies among the earlier versions.
   *
   * @returns {Promise<{entry: object, overtaken: object|null}>} the image in the server's list, and a label of somebody
   *   else, as {@link Conflicts#found} tells it, that was replaced unseen or that has replaced one's own.
   */
  async afterSave(image, tag, annotator) {
    const before = this.#known[tag]?.updated ?? null;
    const [entry, versions] = await Promise.all([this.study.entry(image), this.study.versions(image)]);
    if (this.#image === image) this.know(image, entry);
    const mine = entry?.labels[tag];
    if (mine && annotator && mine.annotator !== annotator) return { entry, overtaken: this.#told(tag, mine) };
    const replaced = versions.find((version) => version.tag === tag && version.reason === "replaced");
    const now = mine && replaced && Math.abs(Date.parse(replaced.time) / 1000 - mine.updated) < SAME_MOMENT;
    const mineToo = !now || replaced.saved === before || replaced.user === annotator;
    return { entry, overtaken: mineToo ? null : this.#told(tag, { annotator: replaced.user, updated: replaced.saved }) };
  }

  #told(tag, { annotator, updated }) {
    return { tag, annotator: annotator || this.nobody, updated };
  }
}

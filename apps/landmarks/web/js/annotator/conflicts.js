/** What other people did to the labels of the open image since it was opened. */

import { TAGS } from "./study.js";

/** Seconds between a save and the note that it replaced a label. */
const SAME_MOMENT = 2;

export class Conflicts {
  #image = null;
  #known = {};

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

  /**
   * The labels that somebody has saved since, the finished one first.
   *
   * @returns {Promise<{tag: string, annotator: string, updated: number}[]>}
   */
  async found(image) {
    const entry = await this.study.entry(image);
    const labels = entry?.labels ?? {};
    return [...TAGS]
      .reverse()
      .filter((tag) => labels[tag] && labels[tag].updated !== this.#known[tag]?.updated)
      .map((tag) => this.#told(tag, labels[tag]));
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

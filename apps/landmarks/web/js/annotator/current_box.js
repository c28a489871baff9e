/** What the current landmark is and how it is placed, with the protocol's picture of it. */

import { el, fill } from "../dom.js";

export class CurrentBox {
  #shown = null;
  #pictures = new Map();

  constructor(bench) {
    this.bench = bench;
    this.title = el("h2", { id: "current-title" });
    this.text = el("p.definition");
    this.figure = el("figure.landmark-picture", { hidden: true });
    this.element = el("section.box", { "aria-labelledby": "current-title" }, this.title, this.figure, this.text);
    bench.listen(() => this.show());
  }

  show() {
    const { task, current, t } = this.bench;
    const landmark = task?.landmarks[current];
    if (!landmark || landmark === this.#shown) return;
    this.#shown = landmark;
    const optional = landmark.optional ? ` (${t("optional")})` : "";
    this.title.textContent = landmark.title + optional;
    this.text.textContent = landmark.description;
    this.figure.hidden = true;
    if (landmark.picture) this.#showPicture(task, landmark);
  }

  async #showPicture(task, landmark) {
    const key = `${task.name}/${landmark.name}`;
    try {
      if (!this.#pictures.has(key)) {
        const blob = await this.bench.study.landmarkPicture(task.name, landmark.name);
        this.#pictures.set(key, URL.createObjectURL(blob));
      }
    } catch (error) {
      return this.bench.fail(error);
    }
    if (this.#shown !== landmark || this.bench.closed) return;
    fill(this.figure, el("img", { src: this.#pictures.get(key), alt: this.bench.t("picture_of", { name: landmark.title }) }));
    this.figure.hidden = false;
  }

  close() {
    for (const url of this.#pictures.values()) URL.revokeObjectURL(url);
  }
}

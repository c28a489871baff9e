/** The landmarks with their status, how sure the network is, and how far a person moved them. */

import { el, fill } from "../dom.js";
import { number } from "../i18n.js";
import { keyOf } from "./keys.js";
import { CORRECTED, reachOf } from "./point_state.js";
import { afterClick } from "./toolbar.js";

/** A form for each status beside its word, for who sees no colours. */
const FORMS = { predicted: "◌", corrected: "●", placed: "●", missing: "✕", unlabelled: "–" };
const DEEDS = ["place", "missing", "accept", "clear", "acceptAll", "reset"];

export class LandmarkList {
  #task = null;
  #rows = [];
  #current = -1;

  constructor(bench, deeds) {
    this.bench = bench;
    this.deeds = deeds;
    const { t } = bench;
    this.list = el("ul.landmarks", { role: "listbox", tabindex: "0", "aria-label": t("landmarks") });
    this.list.addEventListener("keydown", (event) => this.#key(event));
    this.warnings = el("div.warnings", { role: "status" });
    this.buttons = DEEDS.map((deed) =>
      el(
        "button",
        { type: "button", onclick: afterClick(deeds[deed]), title: `${t(`tip.${deed}`)} (${keyOf(deed)})`, "aria-keyshortcuts": keyOf(deed) },
        t(`deed.${deed}`),
      ),
    );
    this.element = el(
      "section.box",
      { "aria-labelledby": "landmarks-title" },
      el("h2", { id: "landmarks-title" }, t("landmarks")),
      this.list, this.warnings,
      el("div.deeds", {}, this.buttons),
    );
    bench.listen(() => this.show());
  }

  show() {
    const { bench } = this;
    const { work, task, current } = bench;
    if (task !== this.#task) this.#build(task);
    for (const button of this.buttons) button.disabled = work === null;
    this.buttons[0].setAttribute("aria-pressed", String(bench.tool === "place"));
    this.#rows.forEach((row, index) => this.#showRow(row, index));
    if (this.#rows.length) this.list.setAttribute("aria-activedescendant", this.#rows[current].row.id);
    if (current !== this.#current) this.#rows[current]?.row.scrollIntoView({ block: "nearest" });
    this.#current = current;
    this.#showWarnings();
  }

  #build(task) {
    this.#task = task;
    this.#rows = task.landmarks.map((landmark, index) => {
      const form = el("span.form", { "aria-hidden": "true" });
      const swatch = el("span.swatch");
      swatch.style.background = landmark.color;
      const status = el("span.status");
      const facts = el("span.facts-line");
      const row = el(
        "li",
        { role: "option", id: `landmark-${index}`, onclick: afterClick(() => this.deeds.choose(index)) },
        swatch, form, el("span.name", {}, landmark.title), facts, status,
      );
      return { row, form, status, facts };
    });
    fill(this.list, this.#rows.map(({ row }) => row));
  }

  #showRow({ row, form, status, facts }, index) {
    const { work, current, t } = this.bench;
    const point = work?.points[index];
    const word = point?.status ?? "unlabelled";
    row.setAttribute("aria-selected", String(index === current));
    row.dataset.status = word;
    form.textContent = FORMS[word];
    status.textContent = word === CORRECTED && point.confirmed ? t("status.confirmed") : t(`status.${word}`);
    facts.textContent = point ? this.#factsOf(point, index) : "";
  }

  /** `93 % ± 4.1 px` of a prediction, `→ 12.3 px` of a point that was moved. */
  #factsOf(point, index) {
    const { work, image, t } = this.bench;
    const moved = work.moved(index);
    if (point.touched) return moved ? t("moved", { length: lengthText(moved, image.frame.unit) }) : "";
    const parts = point.confidence === null ? [] : [`${Math.round(100 * point.confidence)} %`];
    const reach = reachOf(point);
    if (reach !== null) parts.push(`± ${lengthText(reach, image.frame.unit)}`);
    return parts.join("  ");
  }

  #showWarnings() {
    const { work, task, t } = this.bench;
    const pairs = work?.swappedPairs() ?? [];
    const sentences = pairs.map(([a, b]) => t("swapped", { first: task.landmarks[a].title, second: task.landmarks[b].title }));
    if (sentences.join() === this.warnings.dataset.shown) return;
    this.warnings.dataset.shown = sentences.join();
    fill(this.warnings, sentences.map((sentence) => el("p.notice", {}, `⚠ ${sentence}`)));
  }

  /** Up and Down go through the list and Enter chooses, as in every list; on the image they act on the points. */
  #key(event) {
    const choose = () => this.#rows[this.bench.current]?.row.click();
    const act = { ArrowDown: this.deeds.next, ArrowUp: this.deeds.previous, Enter: choose }[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }
}

/** `12.3 mm`. */
export function lengthText(value, unit) {
  return `${number(value, value < 10 && unit === "mm" ? 2 : 1)} ${unit}`;
}

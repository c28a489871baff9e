/** Labels that are worth a second look: flagged ones, and those farthest from what the network proposed. */

import { Settings } from "./annotator/browser_store.js";
import { address } from "./client.js";
import { el, refill, svg } from "./dom.js";
import { pixelsOf } from "./frame.js";
import { number, t } from "./i18n.js";
import { annotate, flagTag } from "./states.js";
import { Thumbnails } from "./thumbnails.js";
import { every } from "./timer.js";

const SHOWN = 24;
const MOST_FLAGGED = 500;
const REFRESH_SECONDS = 4;

export async function show(root, params, context) {
  const page = new ReviewPage(context);
  root.append(page.node);
  await page.load();
  const stop = every(REFRESH_SECONDS, () => page.refresh());
  return () => {
    stop();
    page.thumbnails.close();
  };
}

class ReviewPage {
  #stats = "";
  #shown = { flagged: SHOWN, moved: SHOWN };
  /** Whether each image has several readers, and who of them this is; only then the server asks for a name. */
  #readers = { several: false, name: "" };

  constructor({ client, message }) {
    Object.assign(this, { client, message });
    this.thumbnails = new Thumbnails(client, 300);
    this.summary = el("p.muted", { role: "status" });
    this.flagged = el("section.stack", { "aria-labelledby": "flagged-title" });
    this.moved = el("section.stack", { "aria-labelledby": "moved-title" });
    const again = el("button", { type: "button", onclick: () => this.#again() }, t("review.again"));
    this.node = el(
      "div.stack",
      {},
      el("div.row.between", {}, el("div.lead", {}, el("h1", {}, t("nav.review")), this.summary), again),
      this.flagged,
      this.moved,
    );
  }

  async load() {
    const info = await this.client.get("/info/");
    const several = info.readers > 1;
    this.#readers = { several, name: several ? new Settings().get("annotator", "") : "" };
    const [flagged, agreement] = await Promise.all([
      this.client.get(address("/datastore/images", { flagged: true, limit: MOST_FLAGGED, annotator: this.#readers.name })),
      this.client.json("POST", "/scoring/agreement", {}),
    ]);
    this.#note(info);
    this.images = flagged.images.sort((a, b) => worst(b) - worst(a));
    this.labels = Object.values(agreement).flatMap((document) => document.labels).filter((label) => label.mean).sort((a, b) => b.mean - a.mean);
    this.#draw();
  }

  /** Whether the server asks whose label is meant, and nobody has said so. */
  get #nameless() {
    return this.#readers.several && !this.#readers.name;
  }

  /** Loads again where the review has found something new. */
  async refresh() {
    const info = await this.client.get("/info/");
    if (JSON.stringify([info.review_stats, info.agreement]) !== this.#stats) await this.load();
  }

  #note(info) {
    this.#stats = JSON.stringify([info.review_stats, info.agreement]);
    const sum = { labels: 0, reviewed: 0, flagged: 0, confirmed: 0, waiting: 0 };
    for (const stats of Object.values(info.review_stats)) for (const name of Object.keys(sum)) sum[name] += stats[name] ?? 0;
    this.summary.textContent = t(sum.waiting ? "review.stats_waiting" : "review.stats", sum);
  }

  #draw() {
    this.thumbnails.drop(this.node);
    const few = this.images.slice(0, this.#shown.flagged);
    const far = this.labels.slice(0, this.#shown.moved);
    refill(
      this.flagged,
      el("h2", { id: "flagged-title" }, t("review.flagged", { count: this.images.length })),
      few.length ? el("ul.cases", {}, few.map((image) => this.#flaggedCase(image))) : el("p.card.muted", {}, t("review.none_flagged")),
      this.#more("flagged", this.images.length),
    );
    refill(
      this.moved,
      el("h2", { id: "moved-title" }, t("review.moved")),
      far.length ? el("p.muted", {}, t("review.circles")) : null,
      far.length ? el("ul.cases", {}, far.map((label) => this.#movedCase(label, farthest(far, label.unit)))) : el("p.card.muted", {}, t("review.none_moved")),
      this.#more("moved", this.labels.length),
    );
  }

  #more(list, count) {
    if (count <= this.#shown[list]) return null;
    const more = () => {
      this.#shown[list] += SHOWN;
      this.#draw();
    };
    return el("button", { type: "button", onclick: more }, t("review.more", { count: count - this.#shown[list] }));
  }

  /** `marked` are the landmarks in doubt; `distances` how far the network's points lie from the label's, in `unit`. */
  #case(image, { marked = [], distances = {}, unit = "px" }, ...content) {
    const picture = el("a.picture", { href: annotate(image), tabindex: -1, "aria-hidden": "true" }, this.thumbnails.of(image));
    if (!this.#nameless) {
      this.#points(image, marked, distances, unit).then(
        (drawn) => picture.append(drawn),
        () => {}, // the picture alone shows the image too
      );
    }
    return el("li.card.case", { "data-image": image }, picture, el("div.case-text", {}, el("a.open", { href: annotate(image) }, image), ...content));
  }

  /** The label's points, and around each the circle on which the network's point lies. */
  async #points(image, marked, distances, unit) {
    const [markups, frame] = await Promise.all([
      this.client.get(address("/datastore/label", { label: image, tag: "final", annotator: this.#readers.name })),
      this.client.get(address("/datastore/image/frame", { image })),
    ]);
    const [width, height] = frame.size;
    const size = Math.max(width, height) / 45;
    const [mmX, mmY] = unit === "mm" ? frame.spacing : [1, 1];
    return svg(
      "svg",
      { viewBox: `-0.5 -0.5 ${width} ${height}` },
      Object.entries(pixelsOf(markups, frame)).map(([name, [x, y]]) => {
        const doubtful = marked.includes(name) ? ".doubtful" : "";
        const reach = distances[name] ? { cx: x, cy: y, rx: distances[name] / mmX, ry: distances[name] / mmY } : null;
        return svg(
          "g",
          {},
          reach && [svg("ellipse.halo", reach), svg("ellipse.reach", reach)],
          svg("circle.halo", { cx: x, cy: y, r: size }),
          svg(`circle.point${doubtful}`, { cx: x, cy: y, r: size }),
        );
      }),
    );
  }

  #flaggedCase(image) {
    const right = el("button", { type: "button", "aria-label": t("review.confirm_image", { id: image.id }), onclick: () => this.#confirm(image) }, t("review.confirm"));
    return this.#case(
      image.id,
      { marked: image.flags.flatMap((flag) => flag.landmarks ?? []) },
      el("div", {}, flagTag(image.flags.length)),
      image.flags.map((flag) => el("p.sentence", {}, flag.sentence)),
      this.#nameless ? el("p.muted", {}, t("review.no_name")) : el("div.actions", {}, right),
    );
  }

  #movedCase(label, most) {
    const distances = Object.entries(label.distances).filter(([, distance]) => distance !== null).sort((a, b) => b[1] - a[1]).slice(0, 4);
    return this.#case(
      label.image,
      label,
      el("p.muted", {}, t("review.mean", { distance: `${number(label.mean, 1)} ${label.unit}`, version: label.model_version })),
      el(
        "dl.distances",
        {},
        distances.map(([name, distance]) => {
          const meter = el("span.meter", { "aria-hidden": "true" });
          meter.style.width = `${Math.min(100, (100 * distance) / most)}%`;
          return [el("dt", {}, name), meter, el("dd", {}, `${number(distance, 1)} ${label.unit}`)];
        }),
      ),
    );
  }

  async #confirm(image) {
    const form = new FormData();
    form.append("info", JSON.stringify({ reviewed: true }));
    try {
      await this.client.put(address("/datastore/label/info", { label: image.id, tag: "final", annotator: this.#readers.name }), form);
      this.message(t("review.confirmed", { id: image.id }), "good");
      await this.load();
    } catch (error) {
      this.message(error.message, "error");
    }
  }

  async #again() {
    try {
      await this.client.json("POST", "/scoring/review", {});
      this.message(t("review.started"));
      await this.refresh();
    } catch (error) {
      this.message(error.message, "error");
    }
  }
}

/** The largest distance of a unit. */
function farthest(labels, unit) {
  return Math.max(...labels.filter((label) => label.unit === unit).flatMap((label) => Object.values(label.distances)));
}

/** How clear the clearest flag is. */
function worst(image) {
  return Math.max(...image.flags.map((flag) => flag.size ?? 0));
}

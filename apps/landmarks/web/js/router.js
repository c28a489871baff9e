/** Shows the page that the hash of the address names, for instance `#/annotate?image=eye_001`. */

import { el, fill } from "./dom.js";
import { loadTexts, t } from "./i18n.js";

/** Pages by name: their module, and what else they need. Names with a `title` stand in the navigation. */
export const PAGES = {
  "": { module: "./start.js", title: "nav.start" },
  list: { module: "./list.js", title: "nav.list" },
  annotate: { module: "./annotator/annotator.js", title: "nav.annotate", texts: "annotator", styles: "web/css/annotator.css" },
  train: { module: "./train.js", title: "nav.train" },
  review: { module: "./review.js", title: "nav.review" },
};

export class Router {
  #shown = null;
  #turn = Promise.resolve();

  /**
   * @param {HTMLElement} root - where pages are shown.
   * @param {object} context - given to each page: `client`, `t`, `go(hash)`, `note(hash)`, `message(text, kind)`.
   * @param {(name: string) => void} onShow - told which page is shown.
   */
  constructor(root, context, onShow) {
    this.root = root;
    this.context = context;
    this.onShow = onShow;
    addEventListener("hashchange", () => this.#next());
  }

  start() {
    return this.#next();
  }

  /** Notes in the address how the page that is shown stands, for instance what it is filtered by; it stays shown. */
  note(hash) {
    this.#shown.hash = hash;
    history.replaceState(null, "", hash);
  }

  /** One page after the other, however fast the hash changes. */
  #next() {
    this.#turn = this.#turn.then(() => this.#show());
    return this.#turn;
  }

  async #show() {
    const hash = location.hash || "#/";
    if (this.#shown?.hash === hash) return;
    if (!(await this.#leave())) {
      history.replaceState(null, "", this.#shown.hash);
      return;
    }
    const [path, query] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
    const name = Object.hasOwn(PAGES, path) ? path : "";
    const page = PAGES[name];
    this.#shown = { hash, leave: null };
    document.title = `${t(page.title)} · ${t("title")}`;
    this.onShow(name);
    const place = el("div.page", { "data-page": name || "start" });
    fill(this.root, place);
    scrollTo(0, 0);
    try {
      await Promise.all([page.texts && loadTexts(page.texts), page.styles && loadStyles(page.styles)]);
      const { show } = await import(page.module);
      this.#shown.leave = await show(place, Object.fromEntries(new URLSearchParams(query ?? "")), this.context);
    } catch (error) {
      if (error.name === "AbortError") return;
      fill(place, el("section.card", {}, el("h1", {}, t(page.title)), el("p.problem", { role: "alert" }, error.message)));
      if (!error.status && error.status !== 0) console.error(error);
    }
  }

  /** Whether the page that is shown lets go: its `leave()` may answer false. */
  async #leave() {
    return (await this.#shown?.leave?.()) !== false;
  }
}

function loadStyles(href) {
  if (document.head.querySelector(`link[href="${href}"]`)) return Promise.resolve();
  return new Promise((done, failed) => {
    const link = el("link", { rel: "stylesheet", href, onload: done, onerror: () => failed(new Error(href)) });
    document.head.append(link);
  });
}

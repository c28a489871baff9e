/** Shows the page that the hash of the address names, for instance `#/annotate?image=eye_001`. */

import { Refusal } from "./client.js";
import { el, fill } from "./dom.js";
import { loadTexts, t } from "./i18n.js";

/** Pages by name: their module, and what else they need. Names with a `title` stand in the navigation. */
export const PAGES = {
  "": { module: "./start.js", title: "nav.start" },
  list: { module: "./list.js", title: "nav.list" },
  annotate: {
    module: "./annotator/annotator.js",
    title: "nav.annotate",
    texts: "annotator",
    styles: ["web/css/annotator.css", "web/css/annotator_side.css"],
  },
  train: { module: "./train.js", title: "nav.train" },
  review: { module: "./review.js", title: "nav.review" },
};

export class Router {
  #shown = null;
  #turn = Promise.resolve();

  /**
   * @param {HTMLElement} root - where pages are shown.
   * @param {object} context - given to each page: `client`, `t`, `go(hash)`, `message(text, kind)`; with `note(hash)`.
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

  /** Notes in the address how a page stands, for instance what it is filtered by, while it is the one that is shown. */
  #note(shown, hash) {
    if (this.#shown !== shown) return;
    shown.hash = hash;
    history.replaceState(null, "", hash);
  }

  /** One page after the other, however fast the hash changes. */
  #next() {
    this.#turn = this.#turn.catch(() => {}).then(() => this.#show()); // one that failed holds up no other
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
    const shown = { hash, leave: null };
    this.#shown = shown;
    document.title = `${t(page.title)} · ${t("title")}`;
    this.onShow(name);
    const place = el("div.page", { "data-page": name || "start" });
    fill(this.root, place);
    scrollTo(0, 0);
    this.#open(shown, page, place, Object.fromEntries(new URLSearchParams(query ?? "")));
  }

  /** A page that takes long to open keeps nobody from another one: it is left as soon as it is there. */
  async #open(shown, page, place, params) {
    try {
      const { show } = await this.#load(page);
      if (this.#shown !== shown) return;
      const leave = await show(place, params, { ...this.context, note: (hash) => this.#note(shown, hash) });
      if (this.#shown === shown) shown.leave = leave;
      else await leave?.();
    } catch (error) {
      if (error.name === "AbortError" || this.#shown !== shown) return;
      const problem = el("p.problem", { role: "alert" }, error.message);
      const again = el("button", { type: "button", onclick: () => location.reload() }, t("reload"));
      fill(place, el("section.card", {}, el("h1", {}, t(page.title)), problem, el("div", {}, again)));
      if (!error.status && error.status !== 0) console.error(error);
    }
  }

  /** The module of a page, with its texts and styles; a browser may remember one that did not come until it reloads. */
  async #load(page) {
    try {
      await Promise.all([page.texts && loadTexts(page.texts), ...(page.styles ?? []).map(loadStyles)]);
      return await import(page.module);
    } catch (error) {
      if (error instanceof SyntaxError || error instanceof ReferenceError) throw error; // it came, and is broken
      const { client } = this.context;
      client.onLink(false);
      throw new Refusal(client.unreachable(), 0);
    }
  }

  /** Whether the page that is shown lets go: its `leave()` may answer false. */
  async #leave() {
    // What a page asks is asked no longer once it is left.
    for (const dialog of document.querySelectorAll("dialog[open]:not(#signin)")) dialog.close();
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

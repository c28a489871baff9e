/** All images: searched, filtered by state and flags, however many they are. */

import { address } from "./client.js";
import { el } from "./dom.js";
import { number, t, when } from "./i18n.js";
import { STATES, annotate, flagTag, stateTag } from "./states.js";
import { Thumbnails } from "./thumbnails.js";
import { VirtualList } from "./virtual_list.js";

const ROW = 76;
const PAGE = 200;
const TYPING_MS = 200;

/** Where the reader was, to come back to from the annotator. */
let left = { hash: "", top: 0 };

export async function show(root, params, { client, go, note, message }) {
  const list = new ImageList(client, note, message);
  root.classList.add("full");
  root.append(list.node);
  await list.search(params, true);
  return () => list.leave();
}

class ImageList {
  #pages = new Map();
  #query = {};
  #request = new AbortController();

  constructor(client, note, message) {
    Object.assign(this, { client, note, message });
    this.thumbnails = new Thumbnails(client, 80);
    this.rows = new VirtualList({
      height: ROW,
      label: t("nav.list"),
      row: (index) => this.#row(index),
      drop: (node) => this.thumbnails.drop(node),
      onRange: (first, last) => this.#need(first, last),
    });
    this.count = el("p.muted", { role: "status" });
    this.words = el("input", { type: "search", id: "search", placeholder: t("list.search_hint"), oninput: () => this.#typed() });
    this.words.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown") {
        event.preventDefault();
        this.rows.focus(this.rows.active);
      }
    });
    this.states = el("div.choices", { role: "group", "aria-label": t("list.state") });
    this.flagged = el("input", { type: "checkbox", onchange: () => this.#changed() });
    this.empty = el("p.empty", { hidden: true }, t("list.none"));
    this.node = el(
      "section.list",
      {},
      el("div.row.between", {}, el("h1", {}, t("nav.list")), this.count),
      el(
        "div.row.filters",
        {},
        el("label.hidden", { for: "search" }, t("list.search")),
        this.words,
        this.states,
        el("label.check", {}, this.flagged, t("list.flagged")),
      ),
      el("div.card.list-card", {}, this.empty, this.rows.node),
    );
  }

  leave() {
    left = { hash: this.hash, top: this.rows.node.scrollTop }; // the address names the next page already
    clearTimeout(this.typing);
    this.#request.abort();
    this.rows.close();
    this.thumbnails.close();
  }

  /** Shows the images that a query fits. */
  async search({ search = "", state = "", flagged = "" }, first = false) {
    this.#request.abort();
    this.#request = new AbortController();
    this.#pages.clear();
    this.#query = { search, state: STATES.includes(state) ? state : "", flagged: flagged === "true" ? "true" : "" };
    if (first) this.words.value = search;
    this.flagged.checked = this.#query.flagged === "true";
    const query = new URLSearchParams(Object.entries(this.#query).filter(([, value]) => value)).toString();
    const before = left;
    this.hash = first ? location.hash : query ? `#/list?${query}` : "#/list";
    if (!first) this.note(this.hash);
    const page = await this.#fetch(0);
    this.#showStates(page);
    this.count.textContent = t("list.count", { count: number(page.found), total: number(page.total) });
    this.empty.hidden = page.found > 0;
    this.rows.node.hidden = page.found === 0;
    const top = first && before.hash === this.hash ? before.top : 0;
    this.rows.reset(page.found, top);
  }

  #showStates({ states, total }) {
    const choices = [["", t("list.all"), total], ...STATES.map((state) => [state, t(`state.${state}`), states[state]])];
    this.states.replaceChildren(
      ...choices.map(([state, title, count]) =>
        el(
          "button",
          { type: "button", "aria-pressed": String(this.#query.state === state), onclick: () => this.#changed({ state }) },
          title,
          el("span.count", {}, number(count)),
        ),
      ),
    );
  }

  #typed() {
    clearTimeout(this.typing);
    this.typing = setTimeout(() => this.#changed(), TYPING_MS);
  }

  async #changed(change = {}) {
    const pressed = document.activeElement?.closest(".choices") ? [...this.states.children].indexOf(document.activeElement) : -1;
    const query = { ...this.#query, search: this.words.value.trim(), flagged: String(this.flagged.checked), ...change };
    try {
      await this.search(query);
    } catch (error) {
      if (error.name !== "AbortError") this.message(error.message, "error");
    }
    if (pressed >= 0) this.states.children[pressed]?.focus();
  }

  async #fetch(number_) {
    const path = address("/datastore/images", { ...this.#query, offset: number_ * PAGE, limit: PAGE });
    const page = await this.client.get(path, { signal: this.#request.signal });
    this.#pages.set(number_, page.images);
    return page;
  }

  /** Fetches what is missing of the rows in view. */
  #need(first, last) {
    for (let page = Math.floor(first / PAGE); page * PAGE < last; page += 1) {
      if (this.#pages.has(page)) continue;
      this.#pages.set(page, null);
      this.#fetch(page).then(
        () => this.rows.renew(page * PAGE, (page + 1) * PAGE),
        (error) => {
          if (error.name === "AbortError") return;
          this.#pages.delete(page);
          this.message(error.message, "error");
        },
      );
    }
  }

  #row(index) {
    const image = this.#pages.get(Math.floor(index / PAGE))?.[index % PAGE];
    if (!image) return el("a.image-row.loading", { href: "#/list" }, el("span.thumb"), el("span.muted", {}, "…"));
    const label = image.labels.final ?? image.labels.draft;
    const facts = label && [label.protocol, label.annotator, when(label.updated)].filter(Boolean).join(" · ");
    return el(
      "a.image-row",
      { href: annotate(image.id) },
      this.thumbnails.of(image.id, "span.thumb"),
      el("span.image-name", {}, el("b", {}, image.id), el("span.muted", {}, facts || image.file)),
      el(
        "span.tags",
        {},
        image.flags.length ? flagTag(image.flags.length) : null,
        image.state === "final" && image.labels.draft ? stateTag("draft") : null,
        stateTag(image.state),
      ),
    );
  }
}

/** A long list of which only the rows in view are in the page. */

import { el, fill } from "./dom.js";

const BEYOND = 4;

export class VirtualList {
  #rows = new Map();
  #active = 0;
  #frame = 0;

  /**
   * @param {object} options
   * @param {number} options.height - of each row, in CSS pixels.
   * @param {string} options.label - says what is listed.
   * @param {(index: number) => HTMLElement} options.row - makes a row, an element that can have the focus.
   * @param {(row: HTMLElement) => void} [options.drop] - told of a row that leaves the page.
   * @param {(first: number, last: number) => void} [options.onRange] - told which rows are in view.
   */
  constructor({ height, label, row, drop = () => {}, onRange = () => {} }) {
    Object.assign(this, { height, row, drop, onRange, count: 0 });
    this.body = el("div.rows", { role: "list", "aria-label": label, onkeydown: (event) => this.#key(event), onfocusin: (event) => this.#focused(event) });
    this.node = el("div.virtual", { onscroll: () => this.#later() }, this.body);
    this.#resized = new ResizeObserver(() => this.#later());
    this.#resized.observe(this.node);
  }

  #resized;

  close() {
    this.#resized.disconnect();
    cancelAnimationFrame(this.#frame);
  }

  /** Shows another list, from `top` on. */
  reset(count, top = 0) {
    this.count = count;
    this.#active = Math.min(Math.floor(top / this.height), Math.max(0, count - 1));
    this.#clear();
    this.body.style.height = `${count * this.height}px`;
    this.node.scrollTop = top;
    this.#draw();
  }

  /** Makes the rows from `first` up to `last` anew, as far as they are in the page. */
  renew(first, last) {
    for (const [index, node] of this.#rows) {
      if (index < first || index >= last) continue;
      const focused = node.contains(document.activeElement);
      const next = this.#make(index);
      this.drop(node);
      node.replaceWith(next);
      this.#rows.set(index, next);
      if (focused) next.firstElementChild.focus();
    }
  }

  /** Gives the focus to a row. */
  focus(index) {
    this.#active = Math.max(0, Math.min(index, this.count - 1));
    const top = this.#active * this.height;
    const view = this.node;
    if (top < view.scrollTop) view.scrollTop = top;
    else if (top + this.height > view.scrollTop + view.clientHeight) view.scrollTop = top + this.height - view.clientHeight;
    this.#draw();
    this.#rows.get(this.#active)?.firstElementChild.focus({ preventScroll: true });
  }

  get active() {
    return this.#active;
  }

  #clear() {
    for (const node of this.#rows.values()) this.drop(node);
    this.#rows.clear();
    fill(this.body);
  }

  #later() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    if (!this.count) return;
    const { scrollTop, clientHeight } = this.node;
    const first = Math.max(0, Math.floor(scrollTop / this.height) - BEYOND);
    const last = Math.min(this.count, Math.ceil((scrollTop + clientHeight) / this.height) + BEYOND);
    for (const [index, node] of this.#rows) {
      if ((index >= first && index < last) || node.contains(document.activeElement)) continue;
      this.drop(node);
      node.remove();
      this.#rows.delete(index);
    }
    for (let index = first; index < last; index += 1) {
      if (this.#rows.has(index)) continue;
      const node = this.#make(index);
      this.#rows.set(index, node);
      this.body.insertBefore(node, this.#after(index));
    }
    this.#markActive(first, last);
    this.onRange(first, last);
  }

  /** The row before which one is put, so that their order in the page is that of the list. */
  #after(index) {
    const later = [...this.#rows.keys()].filter((other) => other > index);
    return later.length ? this.#rows.get(Math.min(...later)) : null;
  }

  #make(index) {
    const content = this.row(index);
    content.tabIndex = index === this.#active ? 0 : -1;
    const node = el("div.virtual-row", { role: "listitem", "aria-setsize": this.count, "aria-posinset": index + 1 }, content);
    node.index = index;
    node.style.top = `${index * this.height}px`;
    node.style.height = `${this.height}px`;
    return node;
  }

  /** One row is reached by Tab: the one that had the focus last, else the first in view. */
  #markActive(first, last) {
    if (!this.#rows.has(this.#active)) this.#active = Math.max(first, Math.min(this.#active, last - 1));
    for (const [index, node] of this.#rows) node.firstElementChild.tabIndex = index === this.#active ? 0 : -1;
  }

  #focused(event) {
    const row = event.target.closest(".virtual-row");
    if (row) this.#active = row.index;
  }

  #key(event) {
    const page = Math.max(1, Math.floor(this.node.clientHeight / this.height) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -this.count, End: this.count };
    if (!(event.key in steps) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.focus(this.#active + steps[event.key]);
  }
}

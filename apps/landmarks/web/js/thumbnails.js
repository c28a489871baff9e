/** Small pictures of images, fetched when they come into view, with the token that an `<img>` could not send. */

import { address } from "./client.js";
import { el, fill } from "./dom.js";

const AT_ONCE = 4;
const AROUND = "200px";

export class Thumbnails {
  #waiting = [];
  #running = new Map();
  #urls = new Map();
  #observer;

  /**
   * @param {import("./client.js").Client} client
   * @param {number} size - longest side in CSS pixels.
   */
  constructor(client, size) {
    this.client = client;
    this.size = size;
    this.#observer = new IntersectionObserver((entries) => this.#seen(entries), { rootMargin: AROUND });
  }

  /** An element that shows an image as soon as it comes into view. It is decoration: what it is stands beside it. */
  of(image, tag = "div.thumb") {
    const place = el(tag, { "aria-hidden": "true" });
    place.image = image;
    this.#observer.observe(place);
    return place;
  }

  /** Frees what the elements below a node hold, before they are taken off the page. */
  drop(node) {
    for (const place of [node, ...node.querySelectorAll(".thumb")]) {
      this.#observer.unobserve(place);
      this.#running.get(place)?.abort();
      if (this.#urls.has(place)) URL.revokeObjectURL(this.#urls.get(place));
      this.#urls.delete(place);
    }
    this.#waiting = this.#waiting.filter((place) => place !== node && !node.contains(place));
  }

  /** Frees all. */
  close() {
    this.#observer.disconnect();
    this.#waiting = [];
    for (const request of this.#running.values()) request.abort();
    for (const url of this.#urls.values()) URL.revokeObjectURL(url);
    this.#urls.clear();
  }

  #seen(entries) {
    for (const { target, isIntersecting } of entries) {
      this.#waiting = this.#waiting.filter((place) => place !== target);
      if (isIntersecting) this.#waiting.push(target);
    }
    this.#next();
  }

  /** What came into view last is fetched first. */
  #next() {
    while (this.#running.size < AT_ONCE && this.#waiting.length) this.#load(this.#waiting.pop());
  }

  async #load(place) {
    const request = new AbortController();
    this.#running.set(place, request);
    this.#observer.unobserve(place);
    const size = Math.round(this.size * Math.min(devicePixelRatio, 2));
    try {
      const path = address("/datastore/image/rendered", { image: place.image, size });
      const url = URL.createObjectURL(await this.client.blob(path, { signal: request.signal }));
      this.#urls.set(place, url);
      fill(place, el("img", { src: url, alt: "" }));
    } catch (error) {
      if (error.name !== "AbortError") {
        place.classList.add("failed");
        place.title = error.message;
        fill(place, "–");
      }
    } finally {
      this.#running.delete(place);
      this.#next();
    }
  }
}

/**
 * The next image, asked for while a person works on this one, so that it is there at once: its prediction is made and
 * its picture lies in the browser's cache. It is kept for the tab, as the server keeps it from all others.
 */

const KEY = "landmarks.ahead";

export class Ahead {
  #named = null;

  constructor(study) {
    this.study = study;
  }

  /**
   * Begins to prepare, once for each image; what goes wrong is found out when the image is opened.
   *
   * @param {{strategy: string, protocol: string, annotator: string}} wish as the strategy is asked.
   * @param {string} present the open image.
   * @param {(image: string) => Promise<unknown>} warm makes the server and the browser ready for the image.
   */
  prepare(wish, present, warm) {
    const kept = read(wish);
    if (this.#named || (kept !== null && kept.id !== present)) return;
    this.#named = this.#name(wish, present).finally(() => {
      this.#named = null;
    });
    this.#named.then((id) => id && warm(id)).catch(() => {});
  }

  /** The prepared image, once, as the strategy told it; null where there is none for this wish. */
  async take(wish, present) {
    await this.#named?.catch(() => null);
    const kept = read(wish);
    keep(null);
    return kept?.id === present ? null : kept;
  }

  async #name(wish, present) {
    const { id, message } = await this.study.next(wish.strategy, wish.protocol, wish.annotator);
    if (id === null || id === present) return null;
    keep({ id, message, wish });
    return id;
  }
}

/** Where storage is switched off or full, nothing is kept, and the strategy is asked when the image is wanted. */
function keep(named) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(named));
  } catch {
    // as said
  }
}

/** What is kept for a wish; null where there is nothing. */
function read(wish) {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY));
    return JSON.stringify(kept?.wish) === JSON.stringify(wish) ? kept : null;
  } catch {
    return null;
  }
}

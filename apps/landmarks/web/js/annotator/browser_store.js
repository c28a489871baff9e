/** What this browser keeps: how a person likes to work, and work that the server does not have yet. */

const PREFIX = "landmarks.";
const UNSENT = `${PREFIX}unsent.`;
/** How the keys of work end that was laid aside. */
const ASIDE = ".aside";

/** Keeps values as JSON. Where storage is switched off or full, {@link Settings#set} says so. */
export class Settings {
  get(name, otherwise) {
    try {
      const text = localStorage.getItem(PREFIX + name);
      return text === null ? otherwise : JSON.parse(text);
    } catch {
      return otherwise;
    }
  }

  /** @returns {boolean} whether it is kept. */
  set(name, value) {
    try {
      localStorage.setItem(PREFIX + name, JSON.stringify(value));
      return true;
    } catch {
      return false;
    }
  }
}

/**
 * Work that the server does not have: at most one per image and definition of the landmarks, and where each image has
 * several readers, per reader. It is written at once, so that a crash of the browser or of the computer takes nothing
 * but the drag that was going on.
 */
export class UnsentStore {
  /** @param {() => {annotator: string, apart: boolean}} who works, and whether their work is theirs alone. */
  constructor(who) {
    this.who = who;
  }

  /**
   * @param {object} record of a work.
   * @param {string} annotator who did it.
   * @returns {boolean} whether it is kept.
   */
  keep(record, annotator) {
    const { task, ...rest } = record;
    const entry = { ...rest, protocol: task.name, meaning: task.meaning, annotator, when: Date.now() };
    try {
      localStorage.setItem(this.#key(record.image, task), JSON.stringify(entry));
      return true;
    } catch {
      return false;
    }
  }

  forget(image, task) {
    try {
      localStorage.removeItem(this.#key(image, task));
    } catch {
      // storage is switched off: nothing was kept
    }
  }

  /** Lays unsent work aside, so that other work on the image does not take its place. */
  setAside(image, task) {
    move(this.#key(image, task), this.#key(image, task, ASIDE));
  }

  /** Makes what was laid aside the unsent work again. */
  takeBack(image, task) {
    move(this.#key(image, task, ASIDE), this.#key(image, task));
  }

  hasAside(image, task) {
    return read(this.#key(image, task, ASIDE)) !== null;
  }

  /** The unsent work of an image; null where there is none of that definition. */
  of(image, task) {
    return read(this.#key(image, task));
  }

  /** All unsent work of a task that this person may take up, the latest first; `aside`: whether it was laid aside. */
  all(task) {
    let keys = [];
    try {
      keys = Object.keys(localStorage);
    } catch {
      return [];
    }
    const found = keys.filter((key) => key.startsWith(UNSENT)).map((key) => ({ ...read(key), key, aside: key.endsWith(ASIDE) }));
    return found
      .filter(({ meaning, annotator, image, key }) => {
        return meaning === task.meaning && (this.#isMine(annotator) || key.startsWith(this.#key(image, task)));
      })
      .sort((a, b) => b.when - a.when);
  }

  /** Where the work on an image lies; what its annotator kept where work had no reader, or had one, is moved there. */
  #key(image, task, end = "") {
    const { annotator, apart } = this.who();
    const common = UNSENT + JSON.stringify([task.meaning, image]) + end;
    const own = UNSENT + JSON.stringify([task.meaning, image, annotator.toLowerCase()]) + end;
    const [key, other] = apart ? [own, common] : [common, own];
    if (read(key) === null && this.#isMine(read(other)?.annotator)) move(other, key);
    return key;
  }

  /** The server takes names that differ in capitals for one person's too. */
  #isMine(annotator) {
    return annotator?.toLowerCase() === this.who().annotator.toLowerCase();
  }
}

function move(from, to) {
  try {
    const text = localStorage.getItem(from);
    if (text === null) return;
    localStorage.setItem(to, text);
    localStorage.removeItem(from);
  } catch {
    // storage is switched off or full: it stays where it was
  }
}

function read(key) {
  try {
    const entry = JSON.parse(localStorage.getItem(key));
    return Array.isArray(entry?.points) ? entry : null;
  } catch {
    return null;
  }
}

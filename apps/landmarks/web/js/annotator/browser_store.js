/** What this browser keeps: how a person likes to work, and work that the server does not have yet. */

const PREFIX = "landmarks.";
const UNSENT = `${PREFIX}unsent.`;

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
 * Work that the server does not have: at most one per image and definition of the landmarks. It is written at once, so
 * that a crash of the browser or of the computer takes nothing but the drag that was going on.
 */
export class UnsentStore {
  /**
   * @param {object} record of a work.
   * @param {string} annotator who did it.
   * @returns {boolean} whether it is kept.
   */
  keep(record, annotator) {
    const { task, ...rest } = record;
    const entry = { ...rest, protocol: task.name, meaning: task.meaning, annotator, when: Date.now() };
    try {
      localStorage.setItem(keyOf(record.image, task), JSON.stringify(entry));
      return true;
    } catch {
      return false;
    }
  }

  forget(image, task) {
    try {
      localStorage.removeItem(keyOf(image, task));
    } catch {
      // storage is switched off: nothing was kept
    }
  }

  /** Lays unsent work aside, so that other work on the image does not take its place. */
  setAside(image, task) {
    move(keyOf(image, task), asideOf(image, task));
  }

  /** Makes what was laid aside the unsent work again. */
  takeBack(image, task) {
    move(asideOf(image, task), keyOf(image, task));
  }

  hasAside(image, task) {
    return read(asideOf(image, task)) !== null;
  }

  /** The unsent work of an image; null where there is none of that definition. */
  of(image, task) {
    return read(keyOf(image, task));
  }

  /** All unsent work of a task, the latest first. */
  all(task) {
    let keys = [];
    try {
      keys = Object.keys(localStorage);
    } catch {
      return [];
    }
    const found = keys.filter((key) => key.startsWith(UNSENT)).map(read);
    return found.filter((entry) => entry?.meaning === task.meaning).sort((a, b) => b.when - a.when);
  }
}

function keyOf(image, task) {
  return UNSENT + JSON.stringify([task.meaning, image]);
}

function asideOf(image, task) {
  return `${keyOf(image, task)}.aside`;
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

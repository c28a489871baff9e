/** What this browser keeps: how a person likes to work, and work that the server does not have yet. */

const PREFIX = "landmarks.";
const UNSENT = `${PREFIX}unsent.`;
/** How the keys of work end that was laid aside: so, and from the second on with a number. */
const ASIDE = ".aside";
const ASIDE_KEY = /\]\.aside(\.\d+)?$/;

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
 * Work that the server does not have: at most one per image of one size and definition of the landmarks, and where each
 * image has several readers, per reader; beside it what was laid aside, also for the work of another page on the same
 * image, as in a second tab. It is written at once, so that a crash of the browser or of the computer takes nothing but
 * the drag that was going on.
 *
 * The work that is meant is told by its `{image, task, frame}`.
 */
export class UnsentStore {
  /** What this page took up, as it was kept. */
  #taken = new Set();

  /** @param {() => {annotator: string, apart: boolean}} who works, and whether their work is theirs alone. */
  constructor(who) {
    this.who = who;
  }

  /**
   * @param {object} record of a work.
   * @param {string} annotator who did it.
   * @param {object|undefined} labels when each label of the image was saved that the work was done upon, by tag.
   * @returns {boolean} whether it is kept.
   */
  keep(record, annotator, labels) {
    const { task, ...rest } = record;
    const entry = { ...rest, protocol: task.name, meaning: task.meaning, annotator, labels, when: Date.now() };
    try {
      const key = this.#key(record);
      const present = read(key);
      if (present !== null && !this.#isOf(record, present) && !move(key, copyOf(key, present))) return false;
      localStorage.setItem(key, JSON.stringify(entry));
      remove(copyOf(key, record));
      return true;
    } catch {
      return false;
    }
  }

  /** The server has the work, or the person gave it up; what another page does on the image stays. */
  forget(work) {
    const key = this.#key(work);
    const present = read(key);
    if (present !== null && this.#isOf(work, present)) remove(key);
    remove(copyOf(key, work));
  }

  /**
   * Lays unsent work aside, so that other work on the image does not take its place.
   *
   * @returns {boolean} whether none is in the way now.
   */
  setAside(work) {
    const key = this.#key(work);
    return read(key) === null || move(key, freeAside(key));
  }

  /** Makes what was laid aside last the unsent work on the image as it is; other unsent work is laid aside for it. */
  takeBack(work) {
    const key = this.#key(work);
    const [last] = asideOf(key);
    if (last === undefined || !this.setAside(work) || !move(last.key, key)) return;
    const entry = read(key);
    write(key, { ...entry, frame: { ...entry.frame, revision: work.frame.revision } });
  }

  /** What was laid aside last; undefined where there is nothing. */
  asideOf(work) {
    return asideOf(this.#key(work))[0];
  }

  /** The unsent work of an image; null where there is none of that definition and size. That of a former image is laid aside. */
  of(work) {
    const key = this.#key(work);
    const kept = read(key);
    if (work.frame.isOfAnother(kept?.frame.revision)) {
      this.setAside(work);
      return null;
    }
    this.#taken.add(JSON.stringify(kept));
    return kept;
  }

  /** Whether unsent work waits for the image as it was in another size. */
  ofOtherSize({ image, task, frame }) {
    return this.all(task).some((entry) => entry.image === image && !sameSize(entry.frame, frame));
  }

  /** All unsent work of a task that this person may take up, the latest first; `aside`: whether it was laid aside. */
  all(task) {
    return this.#entries().filter(({ meaning }) => meaning === task.meaning);
  }

  /** Unsent work of this person that was done with another definition of the landmarks than any of these tasks. */
  strange(tasks) {
    const known = tasks.map((task) => task.meaning);
    return this.#entries().filter(({ meaning }) => !known.includes(meaning));
  }

  /** @param {object} entry one of {@link UnsentStore#all} or {@link UnsentStore#strange}. */
  discard(entry) {
    remove(entry.key);
  }

  /** Whether an entry is of this very work, or the one that it was taken up from; the former version told no work. */
  #isOf({ id }, entry) {
    return entry.id === undefined || entry.id === id || this.#taken.has(JSON.stringify(entry));
  }

  #entries() {
    const keys = keysOf(UNSENT);
    const found = keys.map((key) => ({ ...read(key), key, aside: ASIDE_KEY.test(key) })).filter(({ points }) => points);
    return found
      .filter((entry) => {
        const { image, annotator, frame } = entry;
        const [key, , former] = this.#places({ image, task: entry, frame });
        return this.#isMine(annotator) || [key, former].some((place) => place === entry.key.replace(ASIDE_KEY, "]"));
      })
      .sort((a, b) => b.when - a.when);
  }

  /** Where the work on an image may lie: here, or elsewhere, as without readers; then both as the former version did. */
  #places({ image, task, frame }) {
    const { annotator, apart } = this.who();
    const common = [task.meaning, image];
    const own = [...common, annotator.toLowerCase()];
    const [here, elsewhere] = apart ? [own, common] : [common, own];
    const sized = [here, elsewhere].map((place) => [...place, frame.size]);
    return [...sized, here, elsewhere].map((place) => UNSENT + JSON.stringify(place));
  }

  /** Where the work on an image lies; what its annotator kept elsewhere is moved there. */
  #key(work) {
    const [key, elsewhere, former, formerElsewhere] = this.#places(work);
    for (const place of [former, elsewhere, formerElsewhere]) {
      for (const entry of [{ ...read(place), key: place }, ...asideOf(place)]) {
        if (!sameSize(entry.frame, work.frame) || (place !== former && !this.#isMine(entry.annotator))) continue;
        move(entry.key, entry.key === place && read(key) === null ? key : freeAside(key));
      }
    }
    return key;
  }

  /** The server takes names that differ in capitals for one person's too. */
  #isMine(annotator) {
    return annotator?.toLowerCase() === this.who().annotator.toLowerCase();
  }
}

function sameSize(one, other) {
  return one?.size?.join() === other.size.join();
}

/** What was laid aside beside a key, the latest first. */
function asideOf(key) {
  const entries = keysOf(key + ASIDE).map((place) => ({ ...read(place), key: place }));
  return entries.filter(({ points }) => points).sort((a, b) => b.when - a.when);
}

/** Where work lies while that of another page on the same image has its place. */
function copyOf(key, { id }) {
  return `${key}${ASIDE}.${id}`;
}

/** Where the next work is laid aside beside a key. */
function freeAside(key) {
  for (let number = 1; ; number += 1) {
    const place = key + ASIDE + (number === 1 ? "" : `.${number}`);
    if (read(place) === null) return place;
  }
}

function keysOf(beginning) {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(beginning));
  } catch {
    return []; // storage is switched off: nothing was kept
  }
}

function remove(key) {
  try {
    localStorage.removeItem(key);
  } catch {
    // storage is switched off: nothing was kept
  }
}

/** @returns {boolean} whether it is there now; where storage is full, it stays where it was. */
function move(from, to) {
  try {
    localStorage.setItem(to, localStorage.getItem(from));
  } catch {
    return false;
  }
  remove(from);
  return true;
}

/** Storage that is full or switched off stays as it is. */
function write(key, entry) {
  try {
    localStorage.setItem(key, JSON.stringify(entry));
  } catch {
    // as said
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

/** Undo and redo over states that never change in place. */

const DEPTH = 500;

export class History {
  #behind = [];
  #ahead = [];

  /** What would be taken back; null where there is nothing. */
  get undoStep() {
    return this.#behind.at(-1)?.step ?? null;
  }

  /** What would be done again; null where there is nothing. */
  get redoStep() {
    return this.#ahead.at(-1)?.step ?? null;
  }

  /** A step was done; what was ahead is gone. The oldest of more than 500 steps is forgotten. */
  record(before, step) {
    this.#behind.push({ state: before, step });
    if (this.#behind.length > DEPTH) this.#behind.shift();
    this.#ahead = [];
  }

  /** Changes all states that are kept, as when lengths get another unit. */
  map(change) {
    for (const kept of [...this.#behind, ...this.#ahead]) kept.state = change(kept.state);
  }

  /** The state before the last step; null where there is none. */
  undo(present) {
    return travel(this.#behind, this.#ahead, present);
  }

  /** The state after the step that was last taken back; null where there is none. */
  redo(present) {
    return travel(this.#ahead, this.#behind, present);
  }
}

function travel(source, target, present) {
  const found = source.pop();
  if (found === undefined) return null;
  target.push({ state: present, step: found.step });
  return found.state;
}

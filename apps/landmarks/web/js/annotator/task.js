/** A landmark task as `/info/` describes it. The order of its landmarks is the order of control points everywhere. */

const DEFAULT_COLOR = "#E69F00";

/** A name as a person reads it: `left_alare` becomes `left alare`. */
export function titleOf(name) {
  return name.replaceAll("_", " ");
}

export class Task {
  /** @param {object} document one entry of `protocols` of `/info/`. */
  constructor(document) {
    this.name = document.name;
    this.title = document.title || document.name;
    this.landmarks = document.landmarks.map((item) => ({
      name: item.name,
      title: titleOf(item.name),
      description: item.description || "",
      color: item.color || DEFAULT_COLOR,
      pair: item.pair ?? null,
      optional: item.optional === true,
      picture: item.picture === true,
    }));
    this.measurements = (document.measurements || []).map((item) => ({
      name: item.name,
      title: titleOf(item.name),
      kind: item.kind || "distance",
      between: item.between,
      description: item.description || "",
    }));
    this.names = this.landmarks.map((item) => item.name);
  }

  /** What gives saved points their meaning, as text: two definitions with the same meaning share their labels. */
  get meaning() {
    return JSON.stringify([this.name, this.landmarks.map((item) => [item.name, item.pair, item.optional])]);
  }

  /** The indices of each left/right pair, once, the earlier landmark first. */
  get pairs() {
    return this.landmarks
      .map((item, index) => [index, this.names.indexOf(item.pair)])
      .filter(([first, second]) => first < second);
  }
}

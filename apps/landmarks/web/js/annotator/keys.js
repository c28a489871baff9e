/** Keys, which count while the annotator is shown and nobody types into a field. The help is made from this list. */

/** Keys as `event.key` tells them, and what they do; `help`: under which heading it is explained. */
export const KEYS = [
  { keys: ["Enter"], deed: "finish", help: "image" },
  { keys: ["S"], shift: true, deed: "submit", help: "image" },
  { keys: ["s"], deed: "saveDraft", help: "image" },
  { keys: ["x"], deed: "nextImage", help: "image" },
  { keys: ["d"], deed: "detect", help: "image" },
  { keys: ["v"], deed: "versions", help: "image" },
  { keys: ["k"], deed: "calibrate", help: "image" },
  { keys: ["n"], deed: "next", help: "landmark" },
  { keys: ["b"], deed: "previous", help: "landmark" },
  { keys: ["p"], deed: "place", help: "landmark" },
  { keys: ["m"], deed: "missing", help: "landmark" },
  { keys: ["a"], deed: "accept", help: "landmark" },
  { keys: ["A"], shift: true, deed: "acceptAll", help: "landmark" },
  { keys: ["c"], deed: "clear", help: "landmark" },
  { keys: ["R"], shift: true, deed: "reset", help: "landmark" },
  { keys: ["z"], deed: "undo", help: "landmark" },
  { keys: ["y"], deed: "redo", help: "landmark" },
  { keys: ["f", "0"], deed: "fit", help: "view" },
  { keys: ["1"], deed: "actualSize", help: "view" },
  { keys: ["+", "="], deed: "zoomIn", help: "view" },
  { keys: ["-"], deed: "zoomOut", help: "view" },
  { keys: ["g"], deed: "centre", help: "view" },
  { keys: ["l"], deed: "names", help: "view" },
  { keys: ["w"], deed: "resetWindow", help: "view" },
  { keys: ["?"], deed: "help", help: "view" },
  { keys: ["Escape"], deed: "cancel", help: "view" },
];

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
/** Pixels for one press of an arrow key, and with Shift. */
const STEP = 1;
const FINE_STEP = 0.1;
/** Deeds that a held key does again and again. */
const REPEATED = ["next", "previous", "undo", "redo", "zoomIn", "zoomOut"];

/** The key of a deed as a person reads it, e.g. `Shift+A`. */
export function keyOf(deed) {
  const { keys, shift } = KEYS.find((item) => item.deed === deed);
  const key = keys[0].length === 1 ? keys[0].toUpperCase() : keys[0];
  return shift ? `Shift+${key}` : key;
}

/**
 * @param {import("./deeds.js").Deeds} deeds
 * @returns {() => void} takes the keys away.
 */
export function listenToKeys(deeds) {
  const onKey = (event) => {
    if (event.defaultPrevented || typing(event.target) || document.querySelector("dialog[open]")) return;
    const deed = deedOf(event, deeds);
    if (deed === null) return;
    event.preventDefault();
    deed();
  };
  addEventListener("keydown", onKey);
  return () => removeEventListener("keydown", onKey);
}

function deedOf(event, deeds) {
  const command = event.ctrlKey || event.metaKey;
  if (event.altKey) return null;
  if (command) {
    const key = event.key.toLowerCase();
    if (event.repeat && (key === "s" || key === "enter")) return () => {}; // nor is it a key of the browser's
    if (key === "z") return event.shiftKey ? deeds.redo : deeds.undo;
    if (key === "y") return deeds.redo;
    if (key === "s") return deeds.saveDraft;
    if (key === "enter") return deeds.submit;
    return null;
  }
  if (event.key in ARROWS) {
    if (!event.target.matches?.("body, main, .stage")) return null;
    const step = event.shiftKey ? FINE_STEP : STEP;
    return () => deeds.nudge(...ARROWS[event.key].map((value) => value * step));
  }
  if (event.key === "Enter" && !event.target.matches?.("body, main, .stage, .side")) return null; // a control's own key
  const found = KEYS.find(({ keys }) => keys.includes(plain(event)));
  if (found === undefined || (event.repeat && !REPEATED.includes(found.deed))) return null;
  return deeds[found.deed];
}

/** The key without Caps Lock: a letter counts as a capital where Shift is held. */
function plain({ key, shiftKey }) {
  return key.length === 1 ? (shiftKey ? key.toUpperCase() : key.toLowerCase()) : key;
}

function typing(target) {
  return target instanceof HTMLElement && target.matches("input:not([type=checkbox]):not([type=range]), textarea, select");
}

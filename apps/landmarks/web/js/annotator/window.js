/** Window and level: which stored values become black and white. [width, level] in stored values. */

/** A drag over so many CSS px changes the window by a factor of e, and the level by a window's width. */
const DRAG = 300;

/** The window that is shown where nobody chose one. */
export function defaultWindow(pixels) {
  if (pixels.window) return pixels.window;
  const [low, high] = fullRange(pixels);
  return [high - low, (high + low) / 2];
}

/** All values that the image's type can hold where it has 8 bits, else those that it has. */
export function fullRange(pixels) {
  if (pixels.dtype === "uint8") return [0, 255];
  const [low, high] = pixels.range;
  return high > low ? [low, high] : [low, low + 1];
}

/** The smallest difference that a slider makes. */
export function stepOf(pixels) {
  const [low, high] = fullRange(pixels);
  return /int/.test(pixels.dtype) ? 1 : (high - low) / 1000;
}

/** The window after a drag to the right (wider) and down (darker: a higher level). */
export function changedWindow(pixels, before, dx, dy) {
  const [width, level] = before ?? defaultWindow(pixels);
  return limited(pixels, [width * Math.exp(dx / DRAG), level + (dy / DRAG) * width]);
}

/** A window that shows something of the image. */
export function limited(pixels, [width, level]) {
  const [low, high] = fullRange(pixels);
  const step = stepOf(pixels);
  return [
    Math.min(Math.max(width, step), 2 * (high - low)),
    Math.min(Math.max(level, low), high),
  ];
}

/** Windows to choose from, by name: null is the one that the server chooses. */
export function presets(pixels) {
  const [low, high] = fullRange(pixels);
  const [width, level] = defaultWindow(pixels);
  return {
    default: null,
    full: [high - low, (high + low) / 2],
    contrast: limited(pixels, [width / 2, level]),
    dark: limited(pixels, [width / 2, level - width / 4]),
    bright: limited(pixels, [width / 2, level + width / 4]),
  };
}

/** Takes kept work up again: the same pixels, on the image as it lies now. */

import { Frame } from "./frame.js";
import { rescaled } from "./point_state.js";
import { Work } from "./work.js";

/**
 * @param {object} entry what {@link UnsentStore} kept.
 * @returns {Work|null} null where the image has another size by now, so that the points would lie elsewhere.
 */
export function takeUp(entry, task, frame) {
  const before = new Frame(entry.frame);
  if (before.size.join() !== frame.size.join() || entry.points.some((point, index) => point.name !== task.names[index])) {
    return null;
  }
  const same = before.agreesWith(frame.placement);
  const moved = (position) => (position === null || same ? position : frame.toLps(before.toPixel(position)));
  const factor = frame.lengthFactor(before); // a pixel size may have been stated meanwhile
  const points = entry.points.map((point) => ({
    ...rescaled(point, factor), position: moved(point.position), predicted: moved(point.predicted),
  }));
  const saved = entry.saved?.map(([status, position]) => [status, moved(position)]) ?? null;
  return new Work({ ...entry, task, frame, points, saved });
}

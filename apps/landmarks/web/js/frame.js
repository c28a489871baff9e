/** From the points of a markups file to pixels of the stored image. */

/** (x, y) of each control point with a position, by name. `frame` is the answer of `/datastore/image/frame`. */
export function pixelsOf(markups, frame) {
  const list = markups.markups[0];
  const sign = list.coordinateSystem === "RAS" || list.coordinateSystem === 0 ? -1 : 1; // else LPS, as the frame
  const points = {};
  for (const point of list.controlPoints ?? []) {
    if (point.positionStatus !== "defined" && point.positionStatus !== undefined) continue;
    const [l, p, s] = point.position;
    points[point.label] = pixel(frame, [sign * l, sign * p, s]);
  }
  return points;
}

/** The pixel below a position: least squares on the plane of the image, whose axes need not be at right angles. */
function pixel({ origin, x_step: x, y_step: y }, position) {
  const from = position.map((value, axis) => value - origin[axis]);
  const dot = (a, b) => a.reduce((sum, value, axis) => sum + value * b[axis], 0);
  const [xx, xy, yy, fx, fy] = [dot(x, x), dot(x, y), dot(y, y), dot(from, x), dot(from, y)];
  const determinant = xx * yy - xy * xy;
  return [(fx * yy - fy * xy) / determinant, (fy * xx - fx * xy) / determinant];
}

/** Lengths, angles and ratios between the points as they are now, computed as the server does. */

/**
 * All measurements of a task in its order.
 *
 * @returns {{definition: object, value: number|null, unit: string}[]} a value is null where one of its landmarks has no
 *   point, or where an arm of an angle, the base of a height or the divisor of a ratio has no length; angles are in
 *   degrees in [0, 180], and the unit of a ratio is "1".
 */
export function measure(task, points, frame) {
  const plane = new Map(
    points.filter((point) => point.position !== null).map((point) => [point.name, frame.toPlane(point.position)]),
  );
  return task.measurements.map((definition) => {
    const ends = definition.between.map((name) => plane.get(name));
    const value = ends.every(Boolean) ? valueOf(definition.kind, ends) : null;
    return { definition, value, unit: { angle: "deg", ratio: "1" }[definition.kind] ?? frame.unit };
  });
}

function distance(a, b) {
  return Math.hypot(b[0] - a[0], b[1] - a[1]);
}

function valueOf(kind, points) {
  if (kind === "distance") return distance(...points);
  if (kind === "ratio") {
    const divisor = distance(points[2], points[3]);
    return divisor > 0 ? distance(points[0], points[1]) / divisor : null;
  }
  const [ax, ay] = [points[0][0] - points[1][0], points[0][1] - points[1][1]];
  const [bx, by] = [points[2][0] - points[1][0], points[2][1] - points[1][1]];
  const cross = Math.abs(ax * by - ay * bx);
  if (kind === "height") {
    const base = Math.hypot(bx, by);
    return base > 0 ? cross / base : null;
  }
  if ((ax === 0 && ay === 0) || (bx === 0 && by === 0)) return null;
  return (Math.atan2(cross, ax * bx + ay * by) * 180) / Math.PI;
}

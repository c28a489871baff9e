/**
 * Whether a left/right pair looks swapped: a mistake that is easy to make and hard to see in a table.
 *
 * Two signs count. A pair runs against the other pairs of the image: the line from its first to its second point points
 * the opposite way to what most other pairs together show. Or, where the other pairs do not decide, each of its points
 * lies nearer to where the network put its partner. Which way left and right lie in the image is never assumed:
 * photographs are mirrored, and some tasks mean sides of the image, others of the patient.
 */

/** The pairs that look swapped, as [first, second] indices in the order of the task. */
export function swappedPairs(task, points, frame) {
  const pairs = task.pairs.filter(([a, b]) => points[a].position !== null && points[b].position !== null);
  const vectors = pairs.map(([a, b]) => vector(points[a], points[b], frame));
  return pairs.filter((pair, index) => {
    const against = againstTheOthers(task, index, pairs, vectors);
    return against ?? nearerToThePartnersPrediction(points[pair[0]], points[pair[1]], frame);
  });
}

/** Whether a pair points the other way than two or more others, which agree by more than a half; null: undecided. */
function againstTheOthers(task, index, pairs, vectors) {
  const sense = senseOf(task, pairs[index]);
  const votes = [];
  pairs.forEach((other, place) => {
    const otherSense = senseOf(task, other);
    if (place === index || sense === 0 || otherSense === 0) return;
    const [ax, ay] = vectors[index];
    const [bx, by] = vectors[place];
    votes.push(sense * otherSense * (ax * bx + ay * by));
  });
  const against = votes.filter((vote) => vote < 0).length;
  if (votes.length < 2 || 2 * against === votes.length) return null;
  return 2 * against > votes.length;
}

/** 1 where the first landmark is the left one by its name, -1 where it is the right one, 0 where it is neither. */
function senseOf(task, pair) {
  const words = pair.map((index) => task.names[index].toLowerCase().split("_"));
  for (const [left, right] of [["left", "right"], ["l", "r"]]) {
    if (words[0].includes(left) && words[1].includes(right)) return 1;
    if (words[0].includes(right) && words[1].includes(left)) return -1;
  }
  return 0;
}

function nearerToThePartnersPrediction(first, second, frame) {
  if (first.predicted === null || second.predicted === null) return false;
  const own = frame.distance(first.position, first.predicted) + frame.distance(second.position, second.predicted);
  const other = frame.distance(first.position, second.predicted) + frame.distance(second.position, first.predicted);
  return other < own;
}

function vector(first, second, frame) {
  const [ax, ay] = frame.toPlane(first.position);
  const [bx, by] = frame.toPlane(second.position);
  return [bx - ax, by - ay];
}

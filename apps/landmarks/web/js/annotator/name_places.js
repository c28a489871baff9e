/** Places for names beside marks, so that no name covers a mark or another name; a line leads from each to its mark. */

/** Directions in the order of preference, to the right first, as one reads. */
const DIRECTIONS = [[1, -1], [1, 1], [-1, -1], [-1, 1], [1, 0], [-1, 0], [0, -1], [0, 1]];
const DISTANCES = [6, 20, 40, 64];
/** CSS px that a leader keeps from the marks of others, and what it costs where it does not, in covered CSS px. */
const LEADER_ROOM = 8;
const CROSSED = 300;

/**
 * @param {{index: number, place: number[], reach: number}[]} named the marks that have a name.
 * @param {number[][]} sizes [width, height] of each name in CSS px.
 * @param {{place: number[], reach: number}[]} marks all marks.
 * @param {number[]} stage [width, height].
 * @returns {{box: number[], from: number[], to: number[]}[]} box is [left, top, width, height].
 */
export function placeNames(named, sizes, marks, stage) {
  const taken = [];
  return named.map(({ place, reach }, at) => {
    const size = sizes[at];
    let best = null;
    for (const distance of DISTANCES) {
      for (const direction of DIRECTIONS) {
        const box = boxAt(place, reach + distance, direction, size);
        const cost = costOf(box, taken, marks, stage) + crossingCost(place, box, marks);
        if (best === null || cost < best.cost) best = { box, cost };
        if (cost === 0) break;
      }
      if (best.cost === 0) break;
    }
    taken.push(best.box);
    return { box: best.box, ...leader(place, reach, best.box) };
  });
}

function boxAt([x, y], distance, [dx, dy], [width, height]) {
  const shorter = dx && dy ? Math.SQRT1_2 : 1;
  const anchor = [x + dx * distance * shorter, y + dy * distance * shorter];
  const left = dx > 0 ? anchor[0] : dx < 0 ? anchor[0] - width : anchor[0] - width / 2;
  const top = dy > 0 ? anchor[1] : dy < 0 ? anchor[1] - height : anchor[1] - height / 2;
  return [left, top, width, height];
}

/** The area of what a name would cover, and of what lies outside the stage. */
function costOf(box, taken, marks, stage) {
  const names = taken.reduce((sum, other) => sum + overlap(box, other), 0);
  const covered = marks.reduce((sum, { place: [x, y], reach }) => sum + overlap(box, [x - reach, y - reach, 2 * reach, 2 * reach]), 0);
  const inside = overlap(box, [2, 2, stage[0] - 4, stage[1] - 4]);
  return names + 2 * covered + 3 * (box[2] * box[3] - inside);
}

/** What a leader costs that runs over the marks of others. */
function crossingCost(place, [left, top, width, height], marks) {
  const end = [Math.min(Math.max(place[0], left), left + width), Math.min(Math.max(place[1], top), top + height)];
  const crossed = marks.filter((mark) => mark.place !== place && distanceTo(mark.place, place, end) < LEADER_ROOM);
  return crossed.length * CROSSED;
}

/** How far a place lies from the line between two others. */
function distanceTo([x, y], [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay];
  const along = Math.min(Math.max(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1), 0), 1);
  return Math.hypot(x - ax - along * dx, y - ay - along * dy);
}

function overlap([ax, ay, aw, ah], [bx, by, bw, bh]) {
  const width = Math.min(ax + aw, bx + bw) - Math.max(ax, bx);
  const height = Math.min(ay + ah, by + bh) - Math.max(ay, by);
  return width > 0 && height > 0 ? width * height : 0;
}

/** From the mark's edge to the nearest place of the name's box. */
function leader([x, y], reach, [left, top, width, height]) {
  const to = [Math.min(Math.max(x, left), left + width), Math.min(Math.max(y, top + 3), top + height - 3)];
  const length = Math.hypot(to[0] - x, to[1] - y);
  const part = length > reach ? reach / length : 1;
  return { from: [x + (to[0] - x) * part, y + (to[1] - y) * part], to };
}

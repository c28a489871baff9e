/** Where the pixels of an image lie: LPS positions, pixels and lengths. (0, 0) is the centre of the top-left pixel. */

const dot = (a, b) => a.reduce((sum, value, axis) => sum + value * b[axis], 0);
/** How far, in pixels, a corner of the image may be moved by a placement that counts as the same. */
const SAME_PLACEMENT = 0.01;
/** How far beside the image a point may lie, as a part of its longer side. */
const BESIDE = 0.1;

export class Frame {
  /** @param {object} document the answer of `GET /datastore/image/frame`. */
  constructor(document) {
    this.size = document.size;
    this.origin = document.origin;
    this.xStep = document.x_step;
    this.yStep = document.y_step;
    this.spacing = document.spacing;
    this.unit = document.unit;
    this.source = document.spacing_source ?? null;
    /** Tells the image from every other one; undefined where the server does not. */
    this.revision = document.revision || undefined;
  }

  /** [x, y] of an LPS position, by least squares where it lies off the image plane. */
  toPixel(position) {
    const offset = position.map((value, axis) => value - this.origin[axis]);
    const xx = dot(this.xStep, this.xStep);
    const yy = dot(this.yStep, this.yStep);
    const xy = dot(this.xStep, this.yStep);
    const px = dot(this.xStep, offset);
    const py = dot(this.yStep, offset);
    const area = xx * yy - xy * xy;
    return [(px * yy - py * xy) / area, (py * xx - px * xy) / area];
  }

  /** The LPS position of a pixel. */
  toLps([x, y]) {
    return this.origin.map((value, axis) => value + x * this.xStep[axis] + y * this.yStep[axis]);
  }

  /** An LPS position as [x, y] in the unit: differences of two are true lengths. */
  toPlane(position) {
    const [x, y] = this.toPixel(position);
    return [x * this.spacing[0], y * this.spacing[1]];
  }

  /** How far two LPS positions are apart, in the unit. */
  distance(a, b) {
    const [ax, ay] = this.toPlane(a);
    const [bx, by] = this.toPlane(b);
    return Math.hypot(bx - ax, by - ay);
  }

  /** What a length in another frame's unit is to be multiplied with to be told in this one's. */
  lengthFactor({ spacing }) {
    return Math.sqrt((this.spacing[0] * this.spacing[1]) / (spacing[0] * spacing[1]));
  }

  /** How far two LPS positions are apart, in pixels. */
  pixelDistance(a, b) {
    const [ax, ay] = this.toPixel(a);
    const [bx, by] = this.toPixel(b);
    return Math.hypot(bx - ax, by - ay);
  }

  /** The nearest pixel that a label may hold: on the image, or at most a tenth of its longer side beside it. */
  clamp([x, y]) {
    const [width, height] = this.size;
    const beside = BESIDE * Math.max(width, height);
    return [Math.min(Math.max(x, -beside), width - 1 + beside), Math.min(Math.max(y, -beside), height - 1 + beside)];
  }

  /** Whether a frame (in the form of a label's `imageFrame`) puts all pixels where this one does. */
  agreesWith(stated) {
    const other = new Frame({ ...stated, spacing: [1, 1], unit: "px" });
    if (other.size[0] !== this.size[0] || other.size[1] !== this.size[1]) return false;
    const [right, bottom] = [this.size[0] - 1, this.size[1] - 1];
    const corners = [[0, 0], [right, 0], [0, bottom], [right, bottom]];
    const pixel = Math.sqrt(Math.min(dot(this.xStep, this.xStep), dot(this.yStep, this.yStep)));
    return corners.every((corner) => {
      const [there, here] = [other.toLps(corner), this.toLps(corner)];
      return Math.hypot(...there.map((value, axis) => value - here[axis])) <= SAME_PLACEMENT * pixel;
    });
  }

  /** Whether the image is another one than that of a revision, undefined where none is known, under the same ID. */
  isOfAnother(revision) {
    return this.revision !== undefined && revision !== undefined && revision !== this.revision;
  }

  /** The placement as a label states it. */
  get placement() {
    return { size: this.size, origin: this.origin, x_step: this.xStep, y_step: this.yStep };
  }

  /** The same in the form of `GET /datastore/image/frame`. */
  toJSON() {
    return { ...this.placement, spacing: this.spacing, unit: this.unit, spacing_source: this.source, revision: this.revision };
  }
}

/**
 * The image's pixels, fetched from the server as tiles of the level that suits the zoom, and painted on canvases.
 *
 * Level K holds means over K x K stored pixels; tile (tx, ty) of it covers the stored pixels from K * 512 * tx on. The
 * coarsest level is one tile and lies under all others, so that there is always something to see.
 */

const TILE = 512;
const AT_ONCE = 4;
/** Decoded tiles of 1 MB each that are kept. */
const KEPT_TILES = 160;
/** Milliseconds until tiles that failed are asked for again. */
const AGAIN_AFTER = 4000;
/** From so many device pixels a stored pixel on it is shown as a square, not smoothed. */
const SQUARES_FROM = 2;

export class Picture {
  #layers = [];
  #waiting = [];
  #running = 0;
  /** The timer of the pause after a tile that failed; null where there is none. */
  #pause = null;
  /** Whether the last tile failed; that is told once, however often they are asked for. */
  #failing = false;
  #tick = 0;

  /**
   * @param {(image: string, level: number, tx: number, ty: number, window: number[]|null) => Promise<Blob>} fetchTile
   * @param {() => void} changed called when there is more to paint.
   * @param {(error: Error) => void} failed called with what went wrong.
   */
  constructor(fetchTile, changed, failed) {
    this.fetchTile = fetchTile;
    this.changed = changed;
    this.failed = failed;
    this.image = null;
    this.size = [1, 1];
  }

  /** Shows another image; nothing of the one before is painted any more. */
  open(image, size, window) {
    this.image = image;
    this.size = size;
    this.#layers = [newLayer(window)];
    this.#waiting = [];
    this.#failing = false;
    this.#endPause();
  }

  close() {
    this.image = null;
    this.#layers = [];
    this.#waiting = [];
    this.#endPause();
  }

  /** Another window and level ([width, level], null: as the server shows it); the earlier one stays until it comes. */
  setWindow(window) {
    if (this.image === null || String(window) === String(this.#layers.at(-1).window)) return;
    const oldest = this.#layers.find((layer) => layer.tiles.size > 0) ?? this.#layers[0];
    this.#layers = [oldest, newLayer(window)];
    this.#waiting = [];
    this.changed();
  }

  /**
   * Fetches what another image needs to be shown whole, so that the browser has it.
   *
   * @param {number[]} room device pixels of the stage.
   */
  async warm(image, size, room) {
    const coarsest = coarsestOf(size);
    const level = levelFor(Math.min(room[0] / size[0], room[1] / size[1]), coarsest);
    const whole = [[0, size[0]], [0, size[1]]];
    const wanted = new Map(
      [coarsest, level].flatMap((each) => tilesOf(each, whole).map(([tx, ty]) => [keyOf(each, tx, ty), [each, tx, ty]])),
    );
    for (const place of wanted.values()) await this.fetchTile(image, ...place, null);
  }

  /** Whether all that was asked for is there. */
  get complete() {
    return this.#running === 0 && this.#waiting.length === 0 && this.#pause === null;
  }

  /**
   * Paints what is there and asks for what is not.
   *
   * @param {CanvasRenderingContext2D} target
   * @param {number[]} offset device pixels from the canvas's corner to the image's.
   * @param {number[]} scale device pixels of one stored pixel along x and y.
   */
  paint(target, offset, scale) {
    if (this.image === null) return;
    this.#tick += 1;
    const { width, height } = target.canvas;
    const shown = [
      [Math.max(-offset[0] / scale[0], 0), Math.min((width - offset[0]) / scale[0], this.size[0])],
      [Math.max(-offset[1] / scale[1], 0), Math.min((height - offset[1]) / scale[1], this.size[1])],
    ];
    if (shown.some(([first, last]) => first >= last)) return;
    const coarsest = coarsestOf(this.size);
    const level = levelFor(Math.max(...scale), coarsest);
    target.save();
    target.beginPath();
    target.rect(offset[0], offset[1], this.size[0] * scale[0], this.size[1] * scale[1]);
    target.clip();
    for (const layer of this.#layers) {
      for (let drawn = coarsest; drawn >= level; drawn /= 2) {
        target.imageSmoothingEnabled = drawn > 1 || Math.min(...scale) < SQUARES_FROM;
        this.#paintLevel(target, layer, drawn, shown, offset, scale);
      }
    }
    target.restore();
    this.#ask(coarsest, [[0, this.size[0]], [0, this.size[1]]]);
    this.#ask(level, shown);
    this.#forget();
  }

  #paintLevel(target, layer, level, shown, offset, scale) {
    for (const [tx, ty] of tilesOf(level, shown)) {
      const tile = layer.tiles.get(keyOf(level, tx, ty));
      if (!tile?.bitmap) continue;
      tile.used = this.#tick;
      target.drawImage(
        tile.bitmap,
        offset[0] + tx * TILE * level * scale[0],
        offset[1] + ty * TILE * level * scale[1],
        tile.bitmap.width * level * scale[0],
        tile.bitmap.height * level * scale[1],
      );
    }
  }

  #ask(level, shown) {
    if (this.#pause !== null) return;
    const layer = this.#layers.at(-1);
    for (const [tx, ty] of tilesOf(level, shown)) {
      const key = keyOf(level, tx, ty);
      if (layer.tiles.has(key)) continue;
      layer.tiles.set(key, { bitmap: null, used: this.#tick });
      this.#waiting.push({ layer, key, level, tx, ty });
    }
    this.#start();
  }

  #start() {
    while (this.#running < AT_ONCE && this.#waiting.length > 0) {
      this.#running += 1;
      this.#fetch(this.#waiting.shift()).finally(() => {
        this.#running -= 1;
        this.#start();
        this.changed();
      });
    }
  }

  async #fetch({ layer, key, level, tx, ty }) {
    try {
      const blob = await this.fetchTile(this.image, level, tx, ty, layer.window);
      const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none" });
      if (!this.#layers.includes(layer)) return;
      layer.tiles.set(key, { bitmap, used: this.#tick });
      this.#failing = false;
      const last = this.#waiting.length === 0 && this.#running === 1 && this.#pause === null;
      if (layer === this.#layers.at(-1) && last) this.#layers = [layer];
    } catch (error) {
      if (!this.#layers.includes(layer)) return;
      this.#rest([{ layer, key }, ...this.#waiting]);
      const told = this.#failing;
      this.#failing = true;
      if (!told) this.failed(error);
    }
  }

  /** Tiles that failed, and those that waited behind them, are asked for again after a pause, where they are seen. */
  #rest(tiles) {
    for (const { layer, key } of tiles) layer.tiles.delete(key);
    this.#waiting = [];
    if (this.#pause !== null) return;
    this.#pause = setTimeout(() => {
      this.#endPause();
      this.changed();
    }, AGAIN_AFTER);
  }

  #endPause() {
    clearTimeout(this.#pause);
    this.#pause = null;
  }

  /** Gives up the tiles that were painted longest ago. */
  #forget() {
    const loaded = this.#layers.flatMap((layer) =>
      [...layer.tiles].filter(([, tile]) => tile.bitmap && tile.used < this.#tick).map(([key, tile]) => ({ layer, key, tile })),
    );
    loaded.sort((a, b) => a.tile.used - b.tile.used);
    for (const { layer, key, tile } of loaded.slice(0, Math.max(loaded.length - KEPT_TILES, 0))) {
      tile.bitmap.close();
      layer.tiles.delete(key);
    }
  }

  /** Asks again for what failed. */
  retry() {
    for (const layer of this.#layers) {
      for (const [key, tile] of layer.tiles) if (!tile.bitmap) layer.tiles.delete(key);
    }
    this.#waiting = [];
    this.#failing = false;
    this.#endPause();
    this.changed();
  }
}

function newLayer(window) {
  return { window, tiles: new Map() };
}

function keyOf(level, tx, ty) {
  return `${level}/${tx}/${ty}`;
}

/** The level whose tile holds the whole image. */
function coarsestOf(size) {
  let level = 1;
  while (Math.max(...size) > TILE * level) level *= 2;
  return level;
}

/** The coarsest level that still has a pixel for each device pixel. */
function levelFor(scale, coarsest) {
  let level = 1;
  while (level < coarsest && level * 2 * scale <= 1) level *= 2;
  return level;
}

/** The tiles of a level that cover a part of the image, [[left, right], [top, bottom]] in stored pixels. */
function tilesOf(level, [[left, right], [top, bottom]]) {
  const span = TILE * level;
  const found = [];
  for (let ty = Math.floor(top / span); ty * span < bottom; ty += 1) {
    for (let tx = Math.floor(left / span); tx * span < right; tx += 1) found.push([tx, ty]);
  }
  return found;
}

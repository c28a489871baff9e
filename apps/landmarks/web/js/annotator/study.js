/** What the annotator asks of the server: several requests that belong together, with one result. */

import { address } from "../client.js";
import { Frame } from "./frame.js";
import { readLabel } from "./label_document.js";
import { contentOf, openedPoint } from "./point_state.js";
import { readPrediction } from "./prediction.js";
import { Work } from "./work.js";

/** The tags of a person's labels; a draft is newer than a final label. */
export const TAGS = ["draft", "final"];

export class Study {
  /** Whether the server keeps stated pixel sizes, as far as is known. */
  #calibrates = true;

  /**
   * @param {import("../client.js").Client} client
   * @param {() => string} reader whose labels are meant, where each image has two readers; else empty.
   */
  constructor(client, reader) {
    this.client = client;
    this.reader = reader;
  }

  info() {
    return this.client.get("/info/");
  }

  /**
   * An image with its geometry and what the list knows of it.
   *
   * @returns {Promise<{id: string, frame: Frame, entry: object, pixels: null}>} `pixels` is to hold what
   *   {@link Study#pixels} gives, for which the server reads the whole file.
   */
  async image(id) {
    const [frame, entry] = await Promise.all([this.frame(id), this.entry(id)]);
    return { id, frame, entry: entry ?? { id, state: "unlabeled", labels: {}, flags: [] }, pixels: null };
  }

  /** What values an image has, and how they are shown by default. */
  pixels(id) {
    return this.client.get(address("/datastore/image/info", { image: id }));
  }

  async frame(id) {
    return new Frame(await this.client.get(address("/datastore/image/frame", { image: id })));
  }

  /** An image in the server's list, `{id, state, labels, flags}`; null where the list lacks it. */
  async entry(id) {
    // The names of many images may hold this one's: they come a page at a time.
    for (let offset = 0; ; ) {
      const query = { search: id, offset, annotator: this.reader() };
      const { found, images } = await this.client.get(address("/datastore/images", query));
      const entry = images.find((image) => image.id === id);
      offset += images.length;
      if (entry || images.length === 0 || offset >= found) return entry ?? null;
    }
  }

  /**
   * The work on an image with its label: the draft, else the final one. A label of another protocol is left alone.
   *
   * @param {import("./task.js").Task} task
   * @param {object} image what {@link Study#image} gave.
   * @param {string[]} tags which labels, the first that is there counts.
   * @returns {Promise<{work: Work, otherProtocol: string, ofFormer: boolean}>} `ofFormer`: whether the label was made
   *   on another image, which this one has replaced.
   * @throws {import("./label_document.js").LabelError} the label cannot be opened.
   */
  async work(task, { id, frame, entry }, tags = TAGS) {
    let otherProtocol = "";
    for (const tag of tags.filter((name) => name in entry.labels)) {
      const { protocol } = entry.labels[tag];
      if (protocol && protocol !== task.name) {
        otherProtocol ||= protocol;
        continue;
      }
      const found = await this.#labelWork(task, id, frame, tag);
      if (found) return { ...found, otherProtocol: "" };
    }
    return { work: new Work({ task, image: id, frame }), otherProtocol, ofFormer: false };
  }

  async #labelWork(task, id, frame, tag) {
    let info, document;
    const query = { label: id, tag, annotator: this.reader() };
    try {
      [info, document] = await Promise.all([
        this.client.get(address("/datastore/label/info", query)),
        this.label(id, tag),
      ]);
    } catch (error) {
      if (error.status === 404) return null;
      throw error;
    }
    const points = readLabel(document, task, frame).map((point) => openedPoint(point, originIn(info, point, frame)));
    const seconds = Number.isFinite(info.seconds) && info.seconds > 0 ? info.seconds : 0;
    const modelVersion = info.model_version ?? null;
    const work = new Work({ task, image: id, frame, points, modelVersion, savedTag: tag, saved: contentOf(points), seconds });
    return { work, ofFormer: frame.isOfAnother(info.image_revision) };
  }

  /** The markups file of a label. */
  label(id, tag) {
    return this.client.get(address("/datastore/label", { label: id, tag, annotator: this.reader() }));
  }

  async detect(task, id) {
    const path = address(`/infer/${encodeURIComponent(task.name)}`, { image: id, output: "json" });
    return readPrediction(await this.client.json("POST", path), task);
  }

  /** The image that a strategy chose, with what a person should know of it, `{id, message}`; the ID is null where there is none. */
  async next(strategy, protocol, annotator) {
    const params = { protocol, ...(annotator ? { client_id: annotator } : {}) };
    const found = await this.client.json("POST", `/activelearning/${encodeURIComponent(strategy)}`, params);
    return { id: found?.id ?? null, message: found?.message ?? found?.note ?? "" };
  }

  /** Stores a label; returns what the server recorded of it. */
  async save(submission) {
    const form = new FormData();
    form.append("params", JSON.stringify(submission.params));
    form.append("label", new Blob([submission.markups], { type: "application/json" }), `${submission.image}.mrk.json`);
    const query = { image: submission.image, tag: submission.tag };
    return (await this.client.put(address("/datastore/label", query), form)).info;
  }

  /** The earlier versions of the final label and of the draft, the last one that ended first. */
  async versions(id) {
    const lists = await Promise.all(
      TAGS.map(async (tag) => {
        const query = { image: id, tag, annotator: this.reader() };
        const { versions } = await this.client.get(address("/datastore/label/history", query));
        return versions.map((version) => ({ ...version, tag }));
      }),
    );
    return lists.flat().sort((a, b) => (a.time < b.time ? 1 : -1));
  }

  restore(id, { tag, version }) {
    return this.client.json("POST", address("/datastore/label/restore", { image: id, tag, version, annotator: this.reader() }));
  }

  tile(id, level, tx, ty, window) {
    const [width, centre] = window ?? [];
    const query = { image: id, reduce: level, tile: `${tx},${ty}`, window: width, level: centre };
    return this.client.blob(address("/datastore/image/rendered", query));
  }

  /** The picture of a landmark that the protocol shows. */
  landmarkPicture(protocol, landmark) {
    return this.client.blob(`/protocol/${encodeURIComponent(protocol)}/picture/${encodeURIComponent(landmark)}`);
  }

  /** What is known of an image's pixel size; null where the server does not keep stated ones. */
  async calibration(id) {
    if (!this.#calibrates) return null;
    try {
      return await this.client.get(address("/datastore/image/calibration", { image: id }));
    } catch (error) {
      if (error.status !== 404 && error.status !== 405) throw error;
      this.#calibrates = false;
      return null;
    }
  }

  calibrate(id, statement) {
    return this.client.json("PUT", address("/datastore/image/calibration", { image: id }), statement);
  }

  undoCalibration(id) {
    return this.client.json("POST", address("/datastore/image/calibration/undo", { image: id }));
  }
}

/** What a label's info tells of a point; lengths count in the unit that they were told in. */
function originIn(info, { name }, { unit }) {
  const origin = info.landmarks?.[name];
  return origin && info.unit !== unit ? { ...origin, radius: null } : origin;
}

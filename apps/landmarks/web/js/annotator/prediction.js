/** What answered for one image: a network, or the first labels of a protocol. */

import { LabelError } from "./label_document.js";

/**
 * Reads the JSON of `POST /infer/{protocol}`.
 *
 * @returns {{modelVersion: string, message: string, unfamiliar: boolean, points: object[]}} whether the image is unlike
 *   those of the training, and points in the order of the task, each with `status`, `position` (LPS, null unless
 *   defined), `confidence`, `radius` and `coverage`.
 * @throws {LabelError} its landmarks are not the task's.
 */
export function readPrediction(document, task) {
  const names = document.landmarks.map((item) => item.name);
  if (document.protocol !== task.name || names.join("\n") !== task.names.join("\n")) {
    throw new LabelError("label.other_task", { protocol: task.name });
  }
  const points = document.landmarks.map((item) => ({
    status: item.status,
    position: item.status === "defined" ? item.position : null,
    confidence: item.confidence ?? null,
    radius: item.radius ?? null,
    coverage: item.radius === null ? null : (document.coverage ?? null),
  }));
  const unfamiliar = Boolean(document.unfamiliar);
  return { modelVersion: document.model_version, message: document.message ?? "", unfamiliar, points };
}

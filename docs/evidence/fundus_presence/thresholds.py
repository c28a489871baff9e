"""Fits the thresholds of presence of a fundus model, and puts them into a calibration.

    python docs/evidence/fundus_presence/thresholds.py STUDIES CHANGED MODEL CALIBRATION.json LANDMARK ...

Each fifth photograph of the split "train" of STUDIES is looked at: as it is, as its copy in CHANGED, and in the halves
and windows of measure.py. The photographs of the split "val" thus judge thresholds that they did not choose. Landmarks
that are not named keep 0.5, and what another threshold would gain is printed.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from measure import halves, windows
from PIL import Image

from monai_ext.images import read_frame
from monai_ext.inferers import Predictor, load_batch
from monai_ext.landmarks import FloatArray, write_atomically
from monai_ext.landmarks.markups import read_markups
from monai_ext.models import Calibration, PresenceThreshold
from monai_ext.studies import Studies

EVERY = 5
LIMITS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)


def probability(predictor: Predictor, path: Path) -> FloatArray:
    """(K,) probabilities of presence in one image."""
    with torch.inference_mode():
        logits = predictor.network(load_batch([path], predictor.protocol, predictor.device).image).presence
    return logits[0].double().sigmoid().numpy()


def looked_at(studies: Studies, changed: Studies, predictor: Predictor) -> Iterator[tuple[FloatArray, list[int]]]:
    """Probabilities and true codes of Status of each image and part."""
    names, copies = predictor.protocol.landmark_names, changed.images()
    images, splits = studies.images(), studies.splits()
    for id in [id for id in studies.labelled() if splits.get(id) == "train"][::EVERY]:
        truth = read_markups(studies.label_path(id), read_frame(images[id]), names).points
        for path in (images[id], copies[id]):
            yield probability(predictor, path), [1] * len(names)
        with Image.open(images[id]) as picture, tempfile.TemporaryDirectory() as folder:
            for box in (*halves(truth, *picture.size), *windows(truth, *picture.size)):
                part = Path(folder) / "part.png"
                picture.crop(box).save(part)
                yield (
                    probability(predictor, part),
                    [int((point >= box[:2]).all() and (point < box[2:]).all()) for point in truth],
                )


if __name__ == "__main__":
    studies, changed, model, path = map(Path, sys.argv[1:5])
    chosen = sys.argv[5:]
    predictor = Predictor.load(model, device="cpu")
    found = list(looked_at(Studies(studies), Studies(changed), predictor))
    probabilities, status = (np.array(column) for column in zip(*found, strict=True))
    names = predictor.protocol.landmark_names
    fitted = PresenceThreshold.fit(probabilities, status, names)
    print(fitted.model_dump_json(indent=2))
    for k, name in enumerate(names):
        wrong = [int(((probabilities[:, k] >= limit) != (status[:, k] > 0)).sum()) for limit in LIMITS]
        print(f"{name}: wrong by threshold: {dict(zip(LIMITS, wrong, strict=True))} of {len(status)}")
    kept = [value if name in chosen else None for name, value in zip(names, fitted.thresholds, strict=True)]
    scores = [value if name in chosen else None for name, value in zip(names, fitted.scores, strict=True)]
    fitted = fitted.model_copy(update={"thresholds": tuple(kept), "scores": tuple(scores)})
    calibration = Calibration.model_validate_json(path.read_text(encoding="utf-8"))
    write_atomically(path, calibration.model_copy(update={"presence": fitted}).model_dump_json(indent=2) + "\n")

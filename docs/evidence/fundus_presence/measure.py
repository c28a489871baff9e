"""Counts how often a fundus model calls the fovea and the disc missing in photographs that were cut between the two.

    python docs/evidence/fundus_presence/measure.py STUDIES MODEL OUTPUT.json

STUDIES holds photographs with labels, of which those of the split "val" are taken; MODEL is a folder of a model. Each
photograph is answered as it is, and as its two parts left and right of the middle between fovea and disc.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from monai_ext.images import read_frame
from monai_ext.inferers import Predictor
from monai_ext.landmarks.markups import read_markups
from monai_ext.studies import Studies


def measure(studies: Studies, predictor: Predictor) -> dict[str, object]:
    """The counts, and the errors in pixels of what a part still shows."""
    names = predictor.protocol.landmark_names
    images, splits = studies.images(), studies.splits()
    whole, cut = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    shown: dict[str, list[float | None]] = {name: [] for name in names}
    left_out = [id for id in studies.labelled() if splits.get(id) == "val"]
    with tempfile.TemporaryDirectory() as folder:
        for id in left_out:
            truth = read_markups(studies.label_path(id), read_frame(images[id]), names).points
            for name, there in zip(names, predictor.predict(images[id]).defined, strict=True):
                whole[name] += not there
            with Image.open(images[id]) as picture:
                middle = round(float(truth[:, 0].mean()))
                parts = {0: (0, 0, middle, picture.height), middle: (middle, 0, picture.width, picture.height)}
                for left, box in parts.items():
                    path = Path(folder) / f"{id}_{left}.png"
                    picture.crop(box).save(path)
                    found = predictor.predict(path)
                    for k, name in enumerate(names):
                        if not left <= truth[k, 0] < box[2]:
                            cut[name] += not found.defined[k]
                        else:
                            error = np.linalg.norm(found.points[k] - (truth[k] - [left, 0]))
                            shown[name].append(float(error) if found.defined[k] else None)
    return {
        "photographs": len(left_out),
        "whole_called_missing": whole,
        "cut_away_called_missing": cut,
        "shown_in_a_part_called_missing": {name: errors.count(None) for name, errors in shown.items()},
        "shown_in_a_part_median_error_px": {
            name: round(float(np.median([e for e in errors if e is not None])), 2) for name, errors in shown.items()
        },
    }


if __name__ == "__main__":
    studies, model, output = map(Path, sys.argv[1:])
    predictor = Predictor.load(model, device="cpu")
    figures = {"model": f"{predictor.protocol.name} {predictor.card.version}", **measure(Studies(studies), predictor)}
    output.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))

"""Counts how often a fundus model calls the fovea and the disc missing where a photograph does not show them.

    python docs/evidence/fundus_presence/measure.py STUDIES MODEL OUTPUT.json

STUDIES holds photographs with labels, of which those of the split "val" are taken; MODEL is a folder of a model. Each
photograph is answered as it is, as its two halves left and right of the middle between fovea and disc, and as two
windows: squares about the fovea and about the disc that show little surround, or none, and not the other one.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from monai_ext.images import read_frame
from monai_ext.inferers import Predictor
from monai_ext.landmarks import FloatArray
from monai_ext.landmarks.markups import read_markups
from monai_ext.studies import Studies

Box = tuple[int, int, int, int]
#: Half of the side of a window, and how far its middle lies from the landmark that it shows, away from the other one;
#: shares of their distance.
HALF, AWAY = 0.6, 0.15


def halves(truth: FloatArray, width: int, height: int) -> list[Box]:
    """Left, top, right and bottom of both parts."""
    middle = round(float(truth[:, 0].mean()))
    return [(0, 0, middle, height), (middle, 0, width, height)]


def windows(truth: FloatArray, width: int, height: int) -> list[Box]:
    """Left, top, right and bottom of a square about each landmark, as far as the photograph reaches."""
    distance = float(np.linalg.norm(truth[1] - truth[0]))
    boxes = []
    for shown, other in ((truth[0], truth[1]), (truth[1], truth[0])):
        x, y = shown + AWAY * (shown - other)
        half = HALF * distance
        boxes.append((max(0, round(x - half)), max(0, round(y - half)), round(x + half), round(y + half)))
    return [(left, top, min(width, right), min(height, bottom)) for left, top, right, bottom in boxes]


def measure(studies: Studies, predictor: Predictor) -> dict[str, object]:
    """The counts, and the errors in pixels of what a part still shows."""
    names = predictor.protocol.landmark_names
    images, splits = studies.images(), studies.splits()
    left_out = [id for id in studies.labelled() if splits.get(id) == "val"]
    whole = dict.fromkeys(names, 0)
    cut: dict[str, list[tuple[int, bool, bool, float]]] = {"halves": [], "windows": []}
    for id in left_out:
        truth = read_markups(studies.label_path(id), read_frame(images[id]), names).points
        for name, there in zip(names, predictor.predict(images[id]).defined, strict=True):
            whole[name] += not there
        with Image.open(images[id]) as picture:
            for kind, boxes_of in (("halves", halves), ("windows", windows)):
                for box in boxes_of(truth, picture.width, picture.height):
                    cut[kind] += answers(predictor, picture, truth, box)
    counts = {kind: dict(counted(names, found)) for kind, found in cut.items()}
    return {"photographs": len(left_out), "whole_called_missing": whole, **counts}


def answers(
    predictor: Predictor, picture: Image.Image, truth: FloatArray, box: Box
) -> Iterator[tuple[int, bool, bool, float]]:
    """For each landmark its number, whether a part shows it, whether it is called present, and its error in pixels."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "part.png"
        picture.crop(box).save(path)
        found = predictor.predict(path)
    low, high = np.array(box[:2]), np.array(box[2:])
    for k, point in enumerate(truth):
        shown = bool((point >= low).all() and (point < high).all())
        yield k, shown, bool(found.defined[k]), float(np.linalg.norm(found.points[k] + low - point))


def counted(names: tuple[str, ...], found: list[tuple[int, bool, bool, float]]) -> Iterator[tuple[str, object]]:
    """Counts and median errors of one kind of parts, each by the name of the landmark."""
    of = {name: [row for row in found if row[0] == k] for k, name in enumerate(names)}
    yield "cut_away", {name: sum(not shown for _, shown, _, _ in rows) for name, rows in of.items()}
    yield (
        "cut_away_called_missing",
        {name: sum(not shown and not there for _, shown, there, _ in rows) for name, rows in of.items()},
    )
    yield "shown", {name: sum(shown for _, shown, _, _ in rows) for name, rows in of.items()}
    yield (
        "shown_called_missing",
        {name: sum(shown and not there for _, shown, there, _ in rows) for name, rows in of.items()},
    )
    errors = {name: [error for _, shown, there, error in rows if shown and there] for name, rows in of.items()}
    yield (
        "shown_median_error_px",
        {name: round(float(np.median(known)), 2) if known else None for name, known in errors.items()},
    )


if __name__ == "__main__":
    studies, model, output = map(Path, sys.argv[1:])
    predictor = Predictor.load(model, device="cpu")
    figures = {"model": f"{predictor.protocol.name} {predictor.card.version}", **measure(Studies(studies), predictor)}
    output.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))

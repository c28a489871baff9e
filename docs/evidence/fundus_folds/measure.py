"""Judges presence and radii on the photographs that the models of a cross-validation have not seen.

    python docs/evidence/fundus_folds/measure.py STUDIES CHANGED FOLDS OUTPUT.json

FOLDS is the folder that `monai-landmarks cross-validate STUDIES --also CHANGED --output FOLDS` wrote, with its weights;
finished folds are counted. Every photograph and every changed copy is answered by the model that has not seen it. The
radii are in percent of the lit circle's diameter, fitted to changed copies, and judged on copies that they were not
fitted on, in five parts; and, fitted to all copies, on the photographs as they are.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from monai_ext import active
from monai_ext.engines import labelled_images
from monai_ext.inferers import Predictor
from monai_ext.models import COVERAGE, fit_calibration, joined
from monai_ext.studies import Studies

PARTS = 5


def judged(studies: Studies, folds: list[Path]) -> tuple[active.Judgement, ...]:
    """What the model of each fold says of the images that it has not seen."""
    images = {image.id: image for image in labelled_images(studies)}
    found = []
    for fold in folds:
        held_out = json.loads((fold / "cell.json").read_text(encoding="utf-8"))["held_out"]
        predictor = Predictor.load(fold / "model", device="cpu")
        found.append(active.judge_images([predictor], [images[id] for id in held_out], (), "%"))
    return tuple(found)


def presence(found: tuple[active.Judgement, ...]) -> dict[str, Any]:
    """Landmarks that are there and were called missing."""
    names = found[0].observed.landmarks
    missed = sum((one.status <= 0).sum(0) for one in found)
    return {
        "images": sum(len(one.status) for one in found),
        "called_missing": dict(zip(names, missed.tolist(), strict=True)),
    }


def main(studies: Path, changed: Path, folds: Path) -> dict[str, Any]:
    """The figures."""
    done = sorted(path.parent for path in folds.glob("cells/*/cell.json"))
    plain, copies = (judged(Studies(folder), done) for folder in (studies, changed))
    of_copies, of_plain = (joined([one.observed for one in found]) for found in (copies, plain))
    calibration = fit_calibration(of_copies, protocol="fundus")
    radii = calibration.answered
    assert radii is not None
    width = radii.radius(of_plain.map_radius if radii.scaled_by else None)
    errors = of_plain.errors(None)
    known = ~np.isnan(errors)
    held = known & (errors <= width)
    return {
        "folds": [path.name for path in done],
        "whole_photographs": presence(plain),
        "changed_copies": presence(copies),
        "radii": active.radius_coverage(of_copies, COVERAGE, PARTS).to_dict(),
        "answers_with": calibration.answers_with,
        "radii_of_all_copies": dict(zip(radii.landmarks, radii.quantiles, strict=True)),
        "held_on_photographs_as_they_are": dict(
            zip(radii.landmarks, (held.sum(0) / known.sum(0)).round(4).tolist(), strict=True)
        ),
        "calibration": calibration.model_dump(mode="json"),
    }


if __name__ == "__main__":
    studies, changed, folds, output = map(Path, sys.argv[1:])
    figures = main(studies, changed, folds)
    output.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps({key: value for key, value in figures.items() if key not in ("calibration", "radii")}, indent=2))

"""A tiny task for ablations, and its scores computed a second time from the table of predictions."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from engine_study import BLOBS, write_study

from monai_ext.landmarks import Protocol
from monai_ext.studies import Studies

__all__ = ["protocol_of", "recomputed", "study_of", "write_study"]


def protocol_of(network: dict | None = None, **recipe: object) -> Protocol:
    zian = {
        "name": "zian",
        "backbone": "unet_small",
        "input_size": {"width": 96, "height": 64},
        "roi_sizes": [32, 64],
        "presence": False,
    }
    return Protocol.model_validate(
        {
            **BLOBS,
            "network": network or zian,
            "recipe": {"name": "zian_b", "max_epochs": 2, "batch_size": 2, "learning_rate": 0.003, **recipe},
        }
    )


def study_of(root: Path, train: int = 8, val: int = 3) -> Studies:
    """Labelled images of which some are for training and some for validation; one dark blob is missing."""
    studies = write_study(root, train + val, without_dark=train + val)
    ids = list(studies.images())
    # the image without a dark blob is one of those that are reported
    studies.write_splits({id: "val" if i < val else "train" for i, id in enumerate(ids)})
    return studies


def recomputed(path: Path, thresholds: tuple[float, ...], failure: float, limit: float, decoder: str) -> dict:
    """Numbers of a table of predictions, by loops over its rows."""
    answer: dict[str, list[float]] = {}
    others: dict[str, list[float]] = {"coarse": [], "argmax": []}
    lengths: dict[str, dict[str, tuple[float, float]]] = {}
    with path.open() as stream:
        for row in csv.DictReader(stream):
            if row["status_true"] != "defined":
                continue
            true = (float(row["true_x"]), float(row["true_y"]))
            error = float(np.hypot(float(row["pred_x"]) - true[0], float(row["pred_y"]) - true[1]))
            if row["stage"] == "answer" and row["decoder"] == decoder:
                answer.setdefault(row["image"], []).append(error)
                lengths.setdefault(row["image"], {})[row["landmark"]] = true
            elif row["stage"] == "answer" and row["decoder"] == "argmax":
                others["argmax"].append(error)
            elif row["stage"] == "coarse" and row["decoder"] == decoder:
                others["coarse"].append(error)
    errors = [error for image in answer.values() for error in image]
    images = [float(np.mean(image)) for image in answer.values()]
    normalized = [
        100 * float(np.mean(answer[image])) / float(np.hypot(*np.subtract(points["bright"], points["dark"])))
        for image, points in lengths.items()
        if len(points) == 2
    ]
    return {
        "l2": np.mean(errors),
        "l2_coarse": np.mean(others["coarse"]) if others["coarse"] else np.nan,
        "l2_other": np.mean(others["argmax"]),
        **{f"sdr_{t:g}": np.mean([error <= t for error in errors]) for t in thresholds},
        "me": np.mean(images),
        "me_sd": np.std(images, ddof=1),
        "fr": np.mean([error > failure for error in images]),
        "auc": np.mean([max(0.0, 1 - error / limit) for error in images]),
        "nme": np.mean(normalized),
    }

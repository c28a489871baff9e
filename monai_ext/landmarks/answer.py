"""The JSON answer of the server and the command line for one image."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .errors import InputError
from .files import plain
from .measurements import measure
from .points import Landmarks, Status
from .protocol import Protocol


def prediction_document(
    protocol: Protocol,
    landmarks: Landmarks,
    *,
    image: str,
    model_version: str,
    radius: float | Sequence[float] | ArrayLike | None = None,
    coverage: float | None = None,
    coarse: ArrayLike | None = None,
    uncertainty: Mapping[str, Any] | None = None,
    latencies: Mapping[str, Any] | None = None,
    message: str = "",
    unfamiliar: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The JSON answer for one image: plain Python values, every number finite.

    Each landmark of the protocol is listed, in its order, whatever its status: ``pixel`` is (x, y) in pixels of the
    stored image, ``position`` is LPS millimetres of the placement frame. A landmark that is missing or undefined has
    there its likeliest place, which is no measurement, or null where none is known. ``confidence`` and ``radius``
    are null where unknown. ``stages`` names the pixel of each stage of a network that has several. ``spacing`` is the
    calibration along (x, y), [1, 1] where the unit is "px"; ``spacing_source`` is "none" without one.

    Args:
        protocol: the landmark task.
        landmarks: of the image; names that it lacks are listed as undefined.
        image: the ID that was requested.
        model_version: the version of the weights.
        radius: one, or (K,) in the protocol's order: how far a point may be off, in the answer's unit.
        coverage: the probability that a true point lies within its radius; None if that is not known.
        coarse: (K, 2) pixels of the network's coarse stage, in the protocol's order, if it has one.
        uncertainty: further numbers about the prediction; those that are not finite become null.
        latencies: seconds per step.
        message: one sentence for the person who reads the answer; left out where empty.
        unfamiliar: ``distance``, ``threshold`` and ``message`` of an image unlike those of the training; else left out.

    Raises:
        InputError: a landmark that the protocol lacks, or ``radius`` is not one or K numbers.
        TypeError: ``uncertainty``, ``latencies`` or ``unfamiliar`` hold a value that JSON cannot.
    """
    landmarks = landmarks.reordered(protocol.landmark_names)
    frame = landmarks.frame
    count = len(landmarks)
    radii = np.full(count, np.nan) if radius is None else np.asarray(radius, dtype=np.float64)
    if radii.ndim > 0 and radii.shape != (count,):
        raise InputError(f"Radii must be one number, or one for each of {count} landmarks, not of shape {radii.shape}.")
    stages: list[dict[str, Any]] = [{} for _ in range(count)]
    if coarse is not None:
        rough = np.asarray(coarse, dtype=np.float64).reshape(count, 2).tolist()
        stages = [
            {"stages": {"coarse": _point_or_null(first), "fine": _point_or_null(last)}}
            for first, last in zip(rough, landmarks.points.tolist(), strict=True)
        ]
    rows = zip(
        landmarks.names,
        landmarks.status.tolist(),
        landmarks.points.tolist(),
        landmarks.lps.tolist(),
        landmarks.confidence.tolist(),
        np.broadcast_to(radii, (count,)).tolist(),
        stages,
        strict=True,
    )
    return {
        "protocol": protocol.name,
        "model_version": model_version,
        **({"message": message} if message else {}),
        **({} if unfamiliar is None else {"unfamiliar": plain(unfamiliar)}),
        "image": image,
        "unit": frame.unit,
        "spacing": frame.scale.tolist(),
        "spacing_source": frame.spacing_source,
        "coverage": plain(coverage),
        "landmarks": [
            {
                "name": name,
                "status": Status(status).word,
                "pixel": _point_or_null(pixel),
                "position": _point_or_null(position),
                "confidence": plain(confidence),
                "radius": plain(extent),
                **by_stage,
            }
            for name, status, pixel, position, confidence, extent, by_stage in rows
        ],
        "measurements": measure(protocol, landmarks),
        "uncertainty": plain(uncertainty or {}),
        "latencies": plain(latencies or {}),
    }


def _point_or_null(point: list[float]) -> list[float] | None:
    return point if all(math.isfinite(value) for value in point) else None

"""Proposals of the models, so that a saved label records how far a person moved each point."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from cachetools import LRUCache

from monai_ext.landmarks import FloatArray, Landmarks

#: Proposals that are remembered; the one that was used the longest time ago is forgotten first.
CAPACITY = 2000
#: Key of the state of the image in the info of a proposal that is kept as a label.
IMAGE_STATE = "image_state"


@dataclass(frozen=True)
class Proposal:
    """The landmarks that one version of a model found in an image.

    Attributes:
        model_version: of the model.
        landmarks: what it found.
        radius: (K,) in the unit of the image, NaN where not known; None if none was told.
        image_state: of the image that was looked at, which changes when it is replaced; empty if unknown.
    """

    model_version: str
    landmarks: Landmarks
    radius: FloatArray | None = None
    image_state: str = ""


class Proposals:
    """The last proposal for each image and protocol, in memory; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_key: LRUCache[tuple[str, str], Proposal] = LRUCache(CAPACITY)

    def remember(self, protocol: str, image: str, proposal: Proposal) -> None:
        with self._lock:
            self._by_key[protocol, image] = proposal

    def forget_radii(self, image: str) -> None:
        """Forgets how far the proposals of an image may be off: its unit of length is another one now."""
        with self._lock:
            for key in [key for key in self._by_key if key[1] == image]:
                self._by_key[key] = replace(self._by_key[key], radius=None)

    def get(self, protocol: str, image: str, image_state: str) -> Proposal | None:
        """The last proposal for an image as it is now; None also if it was for another image under the same ID."""
        with self._lock:
            proposal = self._by_key.get((protocol, image))
        return None if proposal is None or proposal.image_state not in ("", image_state) else proposal


def displacement(proposed: Landmarks, saved: Landmarks) -> dict[str, float | None]:
    """Returns how far each landmark was moved, in the frame's unit; None if it has no point before or after.

    Both have the same names in the same order.
    """
    both = proposed.defined & saved.defined
    distance = np.full(len(saved), np.nan)
    distance[both] = saved.frame.distance(proposed.points[both], saved.points[both])
    return {
        name: None if np.isnan(value) else round(value, 4)
        for name, value in zip(saved.names, distance.tolist(), strict=True)
    }


def provenance(proposal: Proposal | None, saved: Landmarks, params: dict[str, Any]) -> dict[str, Any]:
    """Returns what a label's info records of its origin: ``model_version``, ``displacement`` and its ``unit``.

    A client states the version that it showed as ``params["model_version"]`` (null: placed by hand). Without that
    the last proposal of this server counts. The displacement is computed here where the server remembers that
    version's proposal; else the client's own ``params["displacement"]`` is kept.
    """
    remembered = None if proposal is None else proposal.model_version
    version = params.get("model_version", remembered)
    record: dict[str, Any] = {"model_version": version, "unit": saved.frame.unit}
    if proposal is not None and version == remembered:
        record["displacement"] = displacement(proposal.landmarks, saved)
    else:
        record["displacement"] = params.get("displacement") if version is not None else None
    return record

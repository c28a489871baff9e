"""A prediction as it goes over the wire."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from monai_ext.landmarks import Landmarks


@dataclass(frozen=True)
class Answer:
    """The landmarks of one image; nothing in it can be changed, so that many requests can share it.

    Attributes:
        file_name: ``<ID>.mrk.json``.
        markups: the content of that file.
        text: the JSON of the same prediction.
        landmarks: the prediction itself.
        cached: whether it was made for an earlier request.
    """

    file_name: str
    markups: bytes
    text: str
    landmarks: Landmarks
    cached: bool = False

    @property
    def document(self) -> dict[str, Any]:
        """The JSON as a dictionary of the caller's own; ``latencies`` tells of an answer that was kept."""
        document: dict[str, Any] = json.loads(self.text)
        if self.cached:
            document["latencies"] = {**document["latencies"], "cached": True}
        return document

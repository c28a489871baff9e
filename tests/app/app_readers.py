"""Two annotators of the same studies, in tests of a study with two readers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from app_spots import NAMES, write_label

from monai_ext.images import read_frame
from monai_ext.landmarks import Landmarks, read_markups


@dataclass(frozen=True)
class Person:
    """One annotator, who sends requests by any client with httpx's or requests' methods.

    Attributes:
        name: of the annotator; empty for one who does not say it.
        client: sends the requests.
        studies: the folder, to make labels with.
        url: what an address begins with.
    """

    name: str
    client: Any
    studies: Path
    url: str = ""

    def put(self, image: str, points: object, status: object = None, tag: str = "final", **params: Any) -> Any:
        path = self.studies.parent / f"{self.name}.mrk.json"
        content = write_label(path, self.studies / f"{image}.png", points, status).read_bytes()
        notes = {**params, **({"annotator": self.name} if self.name else {})}
        return self.client.put(
            f"{self.url}/datastore/label",
            params={"image": image, "tag": tag},
            files={"label": ("l.mrk.json", content)},
            data={"params": json.dumps(notes)},
        )

    def get(self, address: str, **query: Any) -> Any:
        return self.client.get(f"{self.url}{address}", params=self._mine(query))

    def post(self, address: str, **query: Any) -> Any:
        return self.client.post(f"{self.url}{address}", params=self._mine(query))

    def delete(self, address: str, **query: Any) -> Any:
        return self.client.delete(f"{self.url}{address}", params=self._mine(query))

    def points(self, image: str, tag: str = "final") -> Any:
        """The (2, 2) points of the label that the server gives this person; the status of the refusal where none."""
        answer = self.get("/datastore/label", label=image, tag=tag)
        if answer.status_code != 200:
            return answer.status_code
        path = self.studies.parent / f"{self.name} got.mrk.json"
        path.write_bytes(answer.content)
        return read_markups(path, read_frame(self.studies / f"{image}.png"), NAMES).points.tolist()

    def images(self) -> dict[str, Any]:
        """The image list as the server gives it to this person, by ID."""
        return {item["id"]: item for item in self.get("/datastore/images").json()["images"]}

    def _mine(self, query: Mapping[str, Any]) -> dict[str, Any]:
        return {**query, **({"annotator": self.name} if self.name else {})}


def label_on_disk(studies: Path, image: str, tag: str = "final") -> Landmarks | None:
    """A label file of the folder."""
    path = studies / "labels" / tag / f"{image}.mrk.json"
    return read_markups(path, read_frame(studies / f"{image}.png"), NAMES) if path.exists() else None


def mean(*points: object) -> np.ndarray:
    return np.mean([np.asarray(p, dtype=np.float64) for p in points], axis=0)

"""A client without a server whose images are real files; it can be told to wait or to fail."""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from LandmarkDetectionLib.errors import Cancelled, Refused
from LandmarkDetectionLib.server.client import NextSample
from LandmarkDetectionLib.server.geometry import Geometry
from LandmarkDetectionLib.server.images import STATES, ImageEntry, ImageList, LabelInfo
from LandmarkDetectionLib.server.prediction import Answer, Prediction
from LandmarkDetectionLib.server.task_definition import TaskDefinition
from LandmarkDetectionLib.work.label_document import label_bytes
from LandmarkDetectionLib.work.point_state import PointState
from PIL import Image
from session_parts import NAMES, PIXELS, StandInClient, answer, info_document

#: A photograph of 100 x 80 pixels as Slicer and the server place it.
PHOTO = Geometry(size=(100, 80))
#: Colours that are told apart in the view.
COLORS = ("#E6194B", "#3CB44B", "#FFE119", "#4363D8", "#F58231", "#911EB4", "#46F0F0")


class FolderClient(StandInClient):
    """Three photographs; ``next_sample`` gives the first without a final label.

    Attributes:
        gate: requests wait until it is open; ``cancel`` ends them.
        version: of the network.
        missing: the landmarks that the network calls missing.
        revision: of the images; a label of another one is refused as by the server.
    """

    url = "http://stand-in"

    def __init__(self) -> None:
        super().__init__()
        self.document = info_document()
        protocol = copy.deepcopy(self.document["protocols"]["head"])
        for entry, color in zip(protocol["landmarks"], COLORS, strict=True):
            entry["color"] = color
        self.document["protocols"] = {"head": protocol}
        self.entries = {name: ImageEntry(name, file_name=f"{name}.png") for name in ("one", "two", "three")}
        self.gate = threading.Event()
        self.gate.set()
        self.version = "v1"
        self.missing: tuple[str, ...] = ()
        self.revision = ""
        self._cancelled = 0

    def _called(self, name: str) -> None:
        before = self._cancelled
        while not self.gate.wait(0.01):
            if self._cancelled != before:
                raise Cancelled("Cancelled.")
        super()._called(name)

    def cancel(self) -> None:
        self._cancelled += 1

    def images(self, search: str = "", state: str = "") -> ImageList:
        self._called("images")
        entries = []
        for name, entry in self.entries.items():
            labels = {
                tag: LabelInfo(
                    tag,
                    "head",
                    info.get("model_version", "v1"),
                    info.get("annotator") or info.get("user", ""),
                    info.get("ts"),
                )
                for tag, info in self._tags(name)
            }
            kind = "final" if "final" in labels else "draft" if "draft" in labels else "unlabeled"
            entries.append(ImageEntry(name, kind, entry.file_name, labels))
        counts = {state: sum(entry.state == state for entry in entries) for state in STATES}
        return ImageList(tuple(entries), counts)

    def _tags(self, image: str) -> list[tuple[str, dict[str, Any]]]:
        return [(tag, info) for (name, tag), (_, info) in self.labels.items() if name == image]

    def frame(self, image: str) -> Geometry:
        self._called("frame")
        return replace(PHOTO, revision=self.revision)

    def infer(self, task: str, image: str, keep: bool = False) -> Answer:
        self._called("infer")
        document = answer(image, self.version, missing=self.missing)
        for entry, (x, y) in zip(document["landmarks"], PIXELS, strict=True):
            entry["position"] = [x, y, 0.0]
        found = Answer({**document, "unit": "px", "spacing": [1.0, 1.0]}, b"{}")
        if keep:
            states = self._states(document)
            info = {"protocol": "head", "model_version": self.version}
            self.labels[image, "original"] = label_bytes(states, PHOTO), info
        return found

    def _states(self, document: dict[str, Any]) -> list[PointState]:
        """What a proposal says of each landmark."""
        task = TaskDefinition.from_dict(self.document["protocols"]["head"])
        points = Prediction.from_document(document, task).points
        return [PointState(point.name).with_prediction(point) for point in points]

    def next_sample(self, strategy: str, params: Mapping[str, Any] | None = None) -> NextSample:
        self._called("next_sample")
        left = [name for name in self.entries if (name, "final") not in self.labels]
        return NextSample(left[0]) if left else NextSample(None, "All 3 images are labelled.")

    def save_label(self, image: str, markups: bytes, params: Mapping[str, Any], tag: str = "final") -> dict[str, Any]:
        if params.get("image_revision", self.revision) != self.revision:
            raise Refused(f"The image {image!r} was replaced after it was opened: open it anew.", 409)
        info = super().save_label(image, markups, params, tag)
        if tag == "final":
            self.labels.pop((image, "draft"), None)
        return info

    def download_image(self, image: str, folder: Path) -> Path:
        self._called("download_image")
        path = Path(folder) / self.entries[image].file_name
        Image.new("L", (100, 80), 30).save(path)
        return path

    def upload_image(self, path: Path, image: str = "") -> str:
        self._called("upload_image")
        self.entries[image] = ImageEntry(image, file_name=f"{image}{path.suffix}")
        return image


__all__ = ["COLORS", "NAMES", "PHOTO", "PIXELS", "FolderClient"]

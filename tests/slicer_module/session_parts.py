"""A task with left/right pairs, its images and predictions, a clock that tests turn, and a client without server."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from LandmarkDetectionLib.server.client import NextSample
from LandmarkDetectionLib.server.geometry import Calibration, Geometry
from LandmarkDetectionLib.server.images import ImageEntry, ImageList, LabelVersion
from LandmarkDetectionLib.server.prediction import Answer, Prediction
from LandmarkDetectionLib.server.server_info import ServerInfo
from LandmarkDetectionLib.server.task_definition import TaskDefinition
from LandmarkDetectionLib.work.work import Work

#: 0 to 6; the pairs list once the right and once the left partner first.
NAMES = ("right_eye", "left_eye", "nose", "left_ear", "right_ear", "right_lip", "left_lip")
PAIRS = {"right_eye": "left_eye", "left_ear": "right_ear", "right_lip": "left_lip"}
PAIRS |= {partner: name for name, partner in PAIRS.items()}

PROTOCOL: dict[str, Any] = {
    "name": "head",
    "title": "A head",
    "description": "Seen from the front.",
    "channels": "grey",
    "landmarks": [
        {
            "name": name,
            "description": f"Middle of the {name}.",
            "color": "#E69F00",
            "pair": PAIRS.get(name),
            "optional": name == "nose",
        }
        for name in NAMES
    ],
    "measurements": [
        {"name": "eye_distance", "kind": "distance", "between": ["right_eye", "left_eye"], "description": "Between."},
        {"name": "nose_height", "kind": "height", "between": ["nose", "right_eye", "left_eye"]},
        {"name": "nose_angle", "kind": "angle", "between": ["right_eye", "nose", "left_eye"]},
    ],
}
TASK = TaskDefinition.from_dict(PROTOCOL)

#: An image of 100 x 80 pixels of 0.5 mm x 2 mm, placed somewhere in the room.
GEOMETRY = Geometry((-10.0, 20.0, 5.0), (0.5, 0.0, 0.0), (0.0, 0.0, -2.0), (0.5, 2.0), "mm", (100, 80))

#: Pixels where the network sees the landmarks: the patient's right on the left of the image.
PIXELS = ((30.0, 20.0), (60.0, 20.0), (45.0, 40.0), (85.0, 30.0), (5.0, 30.0), (35.0, 60.0), (55.0, 60.0))


def counts(work: Work) -> dict[str, int]:
    """How many landmarks have each status."""
    return dict(Counter(point.status for point in work.points))


def lps(x: float, y: float) -> tuple[float, float, float]:
    """The LPS position of a pixel of GEOMETRY, worked out apart from it."""
    return (-10.0 + 0.5 * x, 20.0, 5.0 - 2.0 * y)


def answer(
    image: str = "one", version: str = "v1", missing: tuple[str, ...] = (), unsure: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The JSON of a prediction: all landmarks at PIXELS but those missing or undefined."""
    landmarks = []
    for number, (name, (x, y)) in enumerate(zip(NAMES, PIXELS, strict=True)):
        status = "missing" if name in missing else "undefined" if name in unsure else "defined"
        landmarks.append(
            {
                "name": name,
                "status": status,
                "pixel": [x, y],
                "position": list(lps(x, y)),
                "confidence": 0.9 - 0.1 * number,
                "radius": 1.5,
            }
        )
    return {
        "protocol": "head",
        "model_version": version,
        "image": image,
        "unit": "mm",
        "spacing": [0.5, 2.0],
        "coverage": 0.95,
        "landmarks": landmarks,
        "measurements": [],
        "uncertainty": {},
        "latencies": {},
    }


def prediction(*args: Any, **kwargs: Any) -> Prediction:
    return Prediction.from_document(answer(*args, **kwargs), TASK)


class TestClock:
    """Seconds that a test turns."""

    __test__ = False

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def new_work(clock: TestClock | None = None) -> Work:
    return Work(TASK, "one", GEOMETRY, clock=clock or TestClock())


def predicted_work(**kwargs: Any) -> Work:
    work = new_work()
    work.apply_prediction(prediction(**kwargs))
    return work


def info_document(protocols: Mapping[str, Any] | None = None, **extra: Any) -> dict[str, Any]:
    """The answer of ``/info/``."""
    return {
        "name": "Landmark detection",
        "version": "1.0",
        "protocols": {"head": PROTOCOL} if protocols is None else protocols,
        "models": {"head": {"model_version": "v1", "training": {"labels_used": 9, "val_error": 1.5, "unit": "mm"}}},
        "trainers": {"head": {"config": {"max_epochs": 60}}},
        "strategies": {"first": {"description": "The first image"}},
        "train_stats": {"head": {"status": "never"}},
        "datastore": {"total": 2, "completed": 0, "label_tags": {}},
        **extra,
    }


class StandInClient:
    """A client without a server: a dictionary of images and labels. An error put into ``failure`` is raised once."""

    url = "http://stand-in"
    annotator = ""

    def __init__(self) -> None:
        self.document = info_document()
        self.entries = {"one": ImageEntry("one", file_name="one.png"), "two": ImageEntry("two", file_name="two.nrrd")}
        self.labels: dict[tuple[str, str], tuple[bytes, dict[str, Any]]] = {}
        self.versions: list[tuple[str, LabelVersion, bytes, dict[str, Any]]] = []
        self.answers = {image: answer(image) for image in self.entries}
        self.failure: Exception | None = None
        self.calls: list[str] = []
        self._saves = 0
        #: What was stated of an image's pixel size, the first being its file's.
        self.stated: dict[str, list[Calibration]] = {}
        self.pictures: dict[str, bytes] = {}

    def _called(self, name: str) -> None:
        self.calls.append(name)
        failure, self.failure = self.failure, None
        if failure is not None:
            raise failure

    def info(self) -> ServerInfo:
        self._called("info")
        return ServerInfo.from_dict(self.document)

    def images(self, search: str = "", state: str = "") -> ImageList:
        self._called("images")
        return ImageList(tuple(self.entries.values()), {"unlabeled": len(self.entries)})

    def frame(self, image: str) -> Geometry:
        self._called("frame")
        return GEOMETRY

    def infer(self, task: str, image: str, keep: bool = False) -> Answer:
        self._called("infer")
        return Answer(self.answers[image], b"{}")

    def next_sample(self, strategy: str, params: Mapping[str, Any] | None = None) -> NextSample:
        self._called("next_sample")
        return NextSample("one")

    def save_label(self, image: str, markups: bytes, params: Mapping[str, Any], tag: str = "final") -> dict[str, Any]:
        self._called("save_label")
        self._saves += 1
        info = {**params, "user": "admin", "ts": 1_700_000_000 + self._saves}
        self._keep(image, tag)
        self.labels[image, tag] = (markups, info)
        return info

    def download_label(self, image: str, tag: str) -> bytes:
        self._called("download_label")
        return self.labels[image, tag][0]

    def label_info(self, image: str, tag: str) -> dict[str, Any]:
        self._called("label_info")
        return self.labels[image, tag][1]

    def _keep(self, image: str, tag: str) -> None:
        """What a label was becomes a version."""
        if (image, tag) in self.labels:
            content, info = self.labels[image, tag]
            number, names = len(self.versions) + 1, (info.get("annotator", ""), info.get("protocol", ""))
            ended = f"2026-01-02T03:04:{number:02}+00:00"
            version = LabelVersion(tag, f"v-{number}", ended, "replaced", info["ts"], *names)
            self.versions.append((image, version, content, info))

    def label_versions(self, image: str, tag: str) -> tuple[LabelVersion, ...]:
        self._called("label_versions")
        return tuple(v for name, v, _, _ in reversed(self.versions) if (name, v.tag) == (image, tag))

    def restore_label(self, image: str, tag: str, version: str) -> dict[str, Any]:
        self._called("restore_label")
        (found,) = ((c, i) for name, v, c, i in self.versions if (name, v.tag, v.version) == (image, tag, version))
        self._keep(image, tag)
        self.labels[image, tag] = found
        return found[1]

    def download_image(self, image: str, folder: Path) -> Path:
        self._called("download_image")
        return Path(folder) / self.entries[image].file_name

    def upload_image(self, path: Path, image: str = "") -> str:
        self._called("upload_image")
        return image or Path(path).stem

    def calibration(self, image: str) -> Calibration:
        self._called("calibration")
        geometry = self.frame(image)
        file = geometry.spacing if geometry.unit == "mm" else None
        return self.stated.get(image, [Calibration(image, geometry.unit, geometry.spacing, "", file)])[-1]

    def state_calibration(self, image: str, statement: Mapping[str, Any]) -> Calibration:
        self._called("state_calibration")
        first, (a, b), length = self.calibration(image), statement["line"], statement["length_mm"]
        size = length / math.dist(a, b)
        told = Calibration(image, "mm", (size, size), "stated", first.file_spacing, statement["how"], length)
        told = replace(
            told, line=(tuple(a), tuple(b)), annotator=statement.get("annotator", ""), when="2026-01-02T03:04"
        )
        self.stated[image] = [*self.stated.get(image, [first]), told]
        return told

    def undo_calibration(self, image: str) -> Calibration:
        self._called("undo_calibration")
        self.stated[image].pop()
        return self.calibration(image)

    def withdraw_calibration(self, image: str) -> Calibration:
        self._called("withdraw_calibration")
        self.stated[image].append(self.stated[image][0])
        return self.calibration(image)

    def study_measurements(self, protocol: str) -> bytes:
        self._called("study_measurements")
        return b"image,protocol\n"

    def landmark_picture(self, protocol: str, landmark: str) -> bytes:
        self._called("landmark_picture")
        return self.pictures[landmark]

    def train(self, task: str, options: Mapping[str, Any] | None = None) -> None:
        self._called("train")
        self.trained_with = dict(options or {})

    def stop_training(self) -> None:
        self._called("stop_training")

    def cancel(self) -> None:
        pass

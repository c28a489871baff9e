"""A person who labels through MONAI Label's own client, on a server that trains by itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from app_server import Server
from app_spots import NAMES, SPOTS, spot_image, spot_points
from monailabel.client import MONAILabelClient
from PIL import Image

from monai_ext.images import read_frame
from monai_ext.landmarks import Landmarks
from monai_ext.landmarks.markups import write_markups
from monai_ext.phantoms import Phantom
from monai_ext.phantoms.fundus import make_fundus

#: Seconds that one training may take on a busy machine.
SECONDS = 400


@dataclass(frozen=True)
class Subject:
    """Images with known landmarks, and the protocol that finds them."""

    name: str
    protocol: str
    names: tuple[str, ...]
    image: Callable[[int], Image.Image]
    points: Callable[[int], np.ndarray]

    def write(self, studies: Path, protocols: Path, count: int) -> None:
        """Makes the studies and the protocol folder."""
        for folder in (studies, protocols):
            folder.mkdir(parents=True, exist_ok=True)
        (protocols / f"{self.name}.yaml").write_text(self.protocol)
        for index in range(count):
            self.image(index).save(studies / f"{image_id(index)}.png")


def image_id(index: int) -> str:
    return f"image_{index:02}"


def spots(**recipe: object) -> Subject:
    text = _with_recipe(SPOTS, {"batch_size": 2, "learning_rate": 0.002, "ema_decay": 0.0, **recipe})
    return Subject("spots", text, NAMES, spot_image, spot_points)


FUNDUS = """
name: eyes
title: Synthetic eyes
channels: rgb
landmarks:
  - {name: fovea, description: the fovea}
  - {name: optic_disc, description: the optic disc}
network: {input_size: {width: 96, height: 72}, decoder_channels: [32, 24, 16, 16, 16], sigma: 2.0, presence: false}
recipe: {}
"""


def eyes(**recipe: object) -> Subject:
    """Synthetic fundus photographs."""
    text = _with_recipe(FUNDUS, {"batch_size": 2, "learning_rate": 0.002, "ema_decay": 0.0, **recipe})

    def draw(index: int) -> Phantom:
        return make_fundus(np.random.default_rng([20, index]))

    names = ("fovea", "optic_disc")
    return Subject("eyes", text, names, lambda i: Image.fromarray(draw(i).image), lambda i: draw(i).points)


def _with_recipe(text: str, recipe: Mapping[str, object]) -> str:
    fields = ", ".join(f"{name}: {value}" for name, value in {"val_fraction": 0.3, **recipe}.items())
    return "\n".join([*text.strip().splitlines()[:-1], f"recipe: {{{fields}}}", ""])


class Annotator:
    """Labels images one after the other."""

    def __init__(self, server: Server, subject: Subject, studies: Path, folder: Path) -> None:
        self.client = MONAILabelClient(server.url, str(folder))
        self._subject, self._studies, self._folder = subject, studies, folder

    def stats(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client.info()["train_stats"][self._subject.name]
        return found

    def ask(self, index: int) -> tuple[str, np.ndarray]:
        """The version that answers for an image, and where it finds the landmarks, in pixels."""
        _, document = self.client.infer(self._subject.name, image_id(index), {})
        return document["model_version"], np.array([item["pixel"] for item in document["landmarks"]])

    def submit(self, index: int) -> None:
        """Saves the true points as the final label."""
        path = self._folder / "corrected.mrk.json"
        frame = read_frame(self._studies / f"{image_id(index)}.png")
        write_markups(path, Landmarks(self._subject.names, self._subject.points(index), frame))
        self.client.save_label(image_id(index), str(path), "final", {})

    def correct(self, index: int) -> str:
        """Looks at a proposal, moves its points to the true ones and submits; returns the version that proposed."""
        version, proposed = self.ask(index)
        self.submit(index)
        info = self.labels()[image_id(index)]
        distances = np.linalg.norm(proposed - self._subject.points(index), axis=1)
        assert (info["model_version"], info["unit"]) == (version, "px")
        np.testing.assert_allclose(list(info["displacement"].values()), distances, atol=2e-3)
        return version

    def labels(self) -> dict[str, dict[str, Any]]:
        """The info of each final label."""
        objects = self.client.datastore()["objects"]
        return {image: entry["labels"]["final"]["info"] for image, entry in objects.items() if entry["labels"]}

    def agreement(self) -> dict[str, tuple[int, float]]:
        """Of each version: how many of its proposals were corrected, and how far a landmark was moved on average."""
        moved: dict[str, list[float]] = {}
        for info in self.labels().values():
            if info["model_version"] is not None:
                moved.setdefault(info["model_version"], []).append(float(np.mean(list(info["displacement"].values()))))
        return {version: (len(values), float(np.mean(values))) for version, values in sorted(moved.items())}

    def wait_until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first progress that is as wanted."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            found = self.stats()
            if wanted(found):
                return found
            time.sleep(0.2)
        raise AssertionError(f"it stays {found}")

    def wait_for_training(self) -> dict[str, Any]:
        """How the training ended that begins by itself."""
        self.wait_until(lambda found: found["labels_since"] == 0)
        return self.wait_until(lambda found: found["status"] not in {"queued", "running"})

"""What the tests of the background scores share: an app with its worker, a looker that counts, and waiting."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app_requests import client_of
from fastapi.testclient import TestClient

from lib.pool import ImagePool, Sight
from monai_ext.active import find_measure
from monai_ext.experiments import PoolView, view_pool
from monai_ext.inferers import Predictor

SECONDS = 60
IMAGES = 4
NAMES = [f"spot_{i:02}" for i in range(IMAGES)]


class Counter:
    """Sees what the worker sees, and wants to see again what it is told to.

    Attributes:
        seen: the images in the order in which the worker looked at them, with the version of the model.
        wanted: images that it wants to see again, once each.
    """

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.wanted: set[str] = set()
        self.sights: list[Sight] = []

    def wants(self, protocol: str, image: str, model_version: str) -> bool:
        return image in self.wanted

    def look(self, sight: Sight) -> None:
        self.wanted.discard(sight.image)
        self.seen.append((sight.image, sight.model_version))
        self.sights.append(sight)

    @property
    def images(self) -> list[str]:
        return [image for image, _ in self.seen]


def wait_for(ready: Callable[[], Any]) -> None:
    """Returns once something is so."""
    deadline = time.monotonic() + SECONDS
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def scored(pool: ImagePool, images: int, protocol: str = "spots") -> dict[str, Any]:
    """The stats once so many images are scored and saved, and the worker has nothing to do."""
    wait_for(lambda: (s := pool.stats()[protocol])["scored"] == images and s["status"] == "idle")
    return pool.stats()[protocol]


class House:
    """An app whose worker runs, and what the worker looked at."""

    def __init__(self, app: Any, *, ready: bool = True) -> None:
        self.app, self.pool, self.counter = app, app.pool, Counter()
        self.pool.add_looker(self.counter)
        self.studies: Path = app.datastore().folder
        if ready:
            self.pool.start()

    @property
    def client(self) -> TestClient:
        return client_of(self.app)

    def view(self, name: str = "map_radius") -> PoolView:
        """What the library says of the same images."""
        predictor = Predictor.load(self.app.settings.model_root / "spots")
        paths = [self.studies / f"{name}.png" for name in NAMES]
        measure = find_measure(name, predictor.protocol, predictor.network)
        return view_pool([predictor], paths, measure, features=True, batch_size=1)

    def notes(self) -> dict[str, Any]:
        objects = self.app.datastore().objects
        return {image: entry.image.info.get("active", {}).get("spots") for image, entry in objects.items()}

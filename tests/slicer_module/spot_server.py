"""A real server with a small protocol of two spots, for images of each kind, and a proxy that spoils its answers."""

from __future__ import annotations

import contextlib
import http.client
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813
import torch
from app_server import Server, run_server
from app_spots import SPOTS, spot_image, spot_points, write_label
from LandmarkDetectionLib.server.http_client import HttpClient
from rude_server import RudeServer, Visit

from monai_ext.images import read_frame
from monai_ext.landmarks.markups import read_markups
from monai_ext.landmarks.protocol_file import read_protocol
from monai_ext.models import publish
from monai_ext.networks import build_network

APP_DIR = Path(__file__).resolve().parents[2] / "apps" / "landmarks"
#: The images that nobody labelled, in the order in which "first" gives them, and their files.
OPEN_IMAGES = {"a_film": "a_film.dcm", "b_photo": "b_photo.png", "c_scan": "c_scan.nrrd"}
#: What the client may learn of the pixel size: x, y and unit.
SPACINGS = {"a_film": (0.2, 0.4, "mm"), "b_photo": (1.0, 1.0, "px"), "c_scan": (0.5, 1.25, "mm")}
LABELLED = 6
PROTOCOL = SPOTS.replace("the bright spot}", 'the bright spot, color: "#00FF00"}').replace(
    "the dim spot,", 'the dim spot, color: "#FF00FF",'
)


class Place:
    """A running server with its folders.

    Attributes:
        truth: (2, 2) pixel points of the open images.
    """

    def __init__(self, server: Server, studies: Path) -> None:
        self.server, self.studies = server, studies
        self.url, self.client = server.url, HttpClient(server.url)
        self.truth = {name: spot_points(40 + i) for i, name in enumerate(OPEN_IMAGES)}

    def label(self, image: str, tag: str = "final") -> Any:
        """The label that the server has, read by the library, in pixels of the image file."""
        file = self.studies / OPEN_IMAGES[image]
        path = self.studies / "labels" / tag / f"{image}.mrk.json"
        return read_markups(path, read_frame(file), ("bright", "dim"))


def write_spots(path: Path, index: int) -> None:
    """Image ``index`` as a file whose kind decides on placement and pixel size."""
    picture = spot_image(index)
    if path.suffix.lower() == ".png":
        picture.save(path, format="PNG")
        return
    pixels = np.asarray(picture)
    image = sitk.GetImageFromArray(pixels[None] if path.suffix == ".dcm" else pixels)
    if path.suffix == ".dcm":
        image.SetSpacing((0.2, 0.4, 1.0))
    else:
        image.SetSpacing((0.5, 1.25))
        image.SetOrigin((-7.0, 11.0))
        image.SetDirection((-1.0, 0.0, 0.0, 1.0))
    sitk.WriteImage(image, str(path))


def make_studies(folder: Path) -> None:
    """Labelled PNG images to learn from, and one open image of each kind."""
    (folder / "labels" / "final").mkdir(parents=True)
    for i in range(LABELLED):
        path = folder / f"spot_{i:02}.png"
        write_spots(path, i)
        write_label(folder / "labels" / "final" / f"spot_{i:02}.mrk.json", path, spot_points(i))
    for i, name in enumerate(OPEN_IMAGES.values()):
        write_spots(folder / name, 40 + i)


@contextlib.contextmanager
def spot_server(root: Path, make: Callable[[Path], None] = make_studies, **further: str) -> Iterator[Place]:
    """The server with a network that has learnt nothing, as version v1, and further ``--conf`` values."""
    (root / "protocols").mkdir(parents=True)
    (root / "protocols" / "spots.yaml").write_text(PROTOCOL)
    protocol = read_protocol(root / "protocols" / "spots.yaml")
    torch.manual_seed(0)
    card: dict[str, Any] = {"protocol": protocol, "labels_used": 2, "val_images": ("a",), "val_error": 90.0}
    card |= {"unit": "px", "epochs": 1, "seed": 0, "date": "2026-01-01T00:00:00+00:00"}
    publish(root / "model" / "spots", build_network(protocol).state_dict(), card)
    conf = {"protocols": "spots", "protocol_dir": str(root / "protocols"), "model_dir": str(root / "model")}
    studies = root / "my studies"
    studies.mkdir()
    make(studies)
    with run_server(APP_DIR, studies, conf | further, root / "server.log") as server:
        yield Place(server, studies)


class Proxy(RudeServer):
    """Stands between a client and a server. Use it as a context manager.

    Attributes:
        spoil: looks at a request ``(method, path, headers)``; None lets it through. It may wait, and returns the
            status and body to answer instead; status 0 drops the connection.
        rewrite: changes a body on its way back, given the path.
    """

    def __init__(self, target: str) -> None:
        super().__init__(self._answer)
        self._target = target.removeprefix("http://")
        self.spoil: Callable[[str, str, dict[str, str]], tuple[int, bytes] | None] = lambda *_: None
        self.rewrite: Callable[[str, bytes], bytes] = lambda _path, body: body

    def wait(self, seconds: float) -> None:
        """For ``spoil``: the server is slow."""
        self._closing.wait(seconds)

    def _answer(self, visit: Visit) -> None:
        method, path, _ = visit.line.split()
        spoilt = self.spoil(method, path, visit.headers)
        if spoilt is not None:
            if spoilt[0]:
                visit.answer(*spoilt)
            return
        kept = {name: value for name, value in visit.headers.items() if name not in ("host", "connection")}
        with contextlib.suppress(http.client.HTTPException):  # the server may be killed
            onward = http.client.HTTPConnection(self._target, timeout=60)
            onward.request(method, path, visit.body, {**kept, "Connection": "close"})
            answer = onward.getresponse()
            content = self.rewrite(path, answer.read())
            onward.close()
            named = answer.headers.get("Content-Disposition")
            extra = {"Content_Disposition": named} if named else {}
            visit.answer(answer.status, content, answer.headers.get("Content-Type", ""), **extra)


class Ticks:
    """Measures the event loop: how long it ever stood still.

    Args:
        timer: a Qt timer class.
    """

    def __init__(self, timer: Any) -> None:
        self.longest, self.count, self._last = 0.0, 0, time.monotonic()
        self._timer = timer()
        self._timer.setInterval(5)
        self._timer.timeout.connect(self._tick)
        self._timer.start()

    def _tick(self) -> None:
        now = time.monotonic()
        self.longest, self._last, self.count = max(self.longest, now - self._last), now, self.count + 1

    def stop(self) -> None:
        self._timer.stop()

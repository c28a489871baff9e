"""Two annotators of the same images on the real server, one with MONAI Label's client and one with the module's own."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import requests
import SimpleITK as sitk  # noqa: N813
from app_server import Server, end_group, run_server
from app_spots import NAMES, SPOTS, spot_image
from LandmarkDetectionLib.errors import Refused
from LandmarkDetectionLib.server.http_client import HttpClient
from monailabel.client import MONAILabelClient

from monai_ext.images import read_frame
from monai_ext.landmarks import Landmarks, Status, read_markups, write_markups

pytestmark = pytest.mark.server

APP_DIR = Path(__file__).resolve().parents[2] / "apps" / "landmarks"
SCAN = "scan"
A, B = np.array([[20.25, 30.5], [60.0, 40.0]]), np.array([[22.75, 27.5], [61.0, 44.5]])
MISSING = (Status.DEFINED, Status.MISSING)


class Place:
    """A folder of six photographs and a scan whose pixels are not square, and what starts servers on it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.studies = folder, folder / "my studies"
        self.studies.mkdir()
        (folder / "protocols").mkdir()
        (folder / "protocols" / "spots.yaml").write_text(SPOTS)
        for i in range(6):
            spot_image(i).save(self.studies / f"spot_{i:02}.png")
        scan = sitk.GetImageFromArray(np.asarray(spot_image(7, (90, 60))))
        scan.SetSpacing((0.5, 1.25))
        scan.SetOrigin((-7.0, 11.0))
        sitk.WriteImage(scan, str(self.studies / f"{SCAN}.nrrd"))
        self._starts = 0

    def conf(self, readers: int) -> dict[str, str]:
        base = {"protocols": "spots", "protocol_dir": str(self.folder / "protocols"), "readers": str(readers)}
        return {**base, "model_dir": str(self.folder / "model")}

    @contextmanager
    def server(self, readers: int = 2) -> Iterator[Server]:
        self._starts += 1
        with run_server(APP_DIR, self.studies, self.conf(readers), self.folder / f"log{self._starts}") as server:
            yield server

    def frame(self, image: str):
        return read_frame(next(self.studies.glob(f"{image}.*")))

    def write(self, image: str, points: object, status: object = None) -> Path:
        path = self.folder / f"{threading.get_ident()}.mrk.json"
        write_markups(path, Landmarks(NAMES, points, self.frame(image), status))
        return path

    def read(self, image: str, content: bytes) -> Landmarks:
        path = self.folder / f"got {threading.get_ident()}.mrk.json"
        path.write_bytes(content)
        return read_markups(path, self.frame(image), NAMES)

    def on_disk(self, image: str, tag: str = "final") -> Landmarks:
        return read_markups(self.studies / "labels" / tag / f"{image}.mrk.json", self.frame(image), NAMES)


def as_reader(url: str, name: str) -> HttpClient:
    client = HttpClient(url)
    client.annotator = name
    return client


IMAGES = ["spot_00", "spot_01", SCAN]
#: Those that are saved again and again until the server is killed.
BUSY = ["spot_03", "spot_04", "spot_05"]


class Savers:
    """Both readers save their labels of the busy images, without end.

    Attributes:
        answered: points by reader and image whose saving the server answered.
        sent: those that were sent last.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self.answered: dict[tuple[str, str], np.ndarray] = {}
        self.sent: dict[tuple[str, str], np.ndarray] = {}

    def until_killed(self, server: Server, seconds: float) -> None:
        """Saves until some time after all images were saved, when the server is killed."""
        threads = [
            threading.Thread(target=self._save, args=(server.url, name, sign))
            for name, sign in (("ann", 1), ("ben", -1))
        ]
        before = len(self.answered)
        try:
            for thread in threads:
                thread.start()
            deadline = time.monotonic() + 60
            while len(self.answered) < max(6, before) and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(seconds)
        finally:
            end_group(server.process)
        for thread in threads:
            thread.join(60)

    def _save(self, url: str, name: str, sign: float) -> None:
        client = as_reader(url, name)
        for number in range(100_000):
            image, points = BUSY[number % 3], A + sign * (number % 40) / 8
            self.sent[name, image] = points
            try:
                client.save_label(image, self._place.write(image, points).read_bytes(), {"annotator": name})
            except Exception:  # the server is gone
                return
            self.answered[name, image] = points

    def check(self, server: Server) -> None:
        """No answered save of either reader is lost."""
        assert len(self.answered) == 6
        for (name, image), points in self.answered.items():
            found = self._place.read(image, as_reader(server.url, name).download_label(image, "final")).points
            kept = [np.abs(found - each).max() < 1e-9 for each in (points, self.sent[name, image])]
            assert any(kept), (name, image, found.tolist(), points.tolist())
        for image in BUSY:
            both = [self._place.on_disk(image, tag).points for tag in ("reader1", "reader2")]
            np.testing.assert_allclose(self._place.on_disk(image).points, np.mean(both, axis=0), atol=1e-9)
        entry = requests.get(f"{server.url}/datastore/", params={"output": "all"}, timeout=60).json()["objects"]
        names = {entry[BUSY[0]]["labels"][tag]["info"]["annotator"] for tag in ("reader1", "reader2")}
        assert names == {"ann", "ben"}
        assert "Traceback" not in server.log()
        assert json.loads((self._place.studies / "datastore_v2.json").read_text())


@pytest.mark.slow
def test_labels_of_two_readers_stay_apart_over_restarts_and_kills_and_their_mean_trains(tmp_path: Path) -> None:
    place = Place(tmp_path)
    savers = Savers(place)
    with place.server() as server:
        label_apart(place, server)
        train(server)
        savers.until_killed(server, 0.3)
    with place.server() as server:
        check_apart(place, server)
        savers.until_killed(server, 0.5)
    with place.server() as server:
        savers.check(server)
        check_apart(place, server)
    check_means(place)
    with place.server(readers=1) as server:
        found = place.read(SCAN, HttpClient(server.url).download_label(SCAN, "final"))
        np.testing.assert_allclose(found.points, [[21.5, 29.0], [60.5, 42.25]], atol=1e-9)
        assert HttpClient(server.url).images().counts == {"unlabeled": 1, "draft": 0, "final": 6}


def label_apart(place: Place, server: Server) -> None:
    """Each reader labels all images, and sees nothing of the other; who is no reader is refused."""
    ann, ben = MONAILabelClient(server.url, str(place.folder), client_id="ann"), as_reader(server.url, "ben")
    assert ann.info()["readers"] == ben.info().readers == 2
    for image in IMAGES:
        ann.save_label(image, str(place.write(image, A)), "final", {"protocol": "spots"})
        with pytest.raises(Refused, match="has no final label of 'ben'"):
            ben.download_label(image, "final")
        assert ben.images().get(image).labels == {}
    assert ann.next_sample("first", {})["id"] == "spot_02"
    assert ben.next_sample("first", {"client_id": "ben"}).image == SCAN
    for image in IMAGES[1:]:
        ben.save_label(image, place.write(image, B).read_bytes(), {"annotator": "ben"})
    ben.save_label("spot_00", place.write("spot_00", B, MISSING).read_bytes(), {"annotator": "ben"})
    with pytest.raises(Refused, match="This study has 2 readers"):
        HttpClient(server.url).download_label(SCAN, "final")
    with pytest.raises(Refused, match=r"has its 2 readers \(ann, ben\): a label of 'eve' is not accepted"):
        as_reader(server.url, "eve").save_label(SCAN, place.write(SCAN, A).read_bytes(), {"annotator": "eve"})


def train(server: Server) -> None:
    client = HttpClient(server.url)
    client.train("spots", {"max_epochs": 1})
    deadline = time.monotonic() + 200
    while client.info().train_stats["spots"].active and time.monotonic() < deadline:
        time.sleep(0.5)
    stats = client.info().train_stats["spots"]
    assert (stats.status, stats.labels_used) == ("done", 3), stats.message


def check_apart(place: Place, server: Server) -> None:
    """A server that was started again has each reader's own label."""
    for name, points in (("ann", A), ("ben", B)):
        client = as_reader(server.url, name)
        for image in IMAGES[1:]:
            found = place.read(image, client.download_label(image, "final"))
            np.testing.assert_allclose(found.points, points, atol=1e-9)
    missing = place.read("spot_00", as_reader(server.url, "ben").download_label("spot_00", "final"))
    assert [Status(code).word for code in missing.status] == ["defined", "missing"]


def check_means(place: Place) -> None:
    """The final label is the mean of both, and undefined where they disagree about a landmark's presence."""
    for image in IMAGES[1:]:
        np.testing.assert_allclose(place.on_disk(image).points, [[21.5, 29.0], [60.5, 42.25]], atol=1e-9)
    disputed = place.on_disk("spot_00")
    assert disputed.status.tolist() == [Status.DEFINED, Status.UNDEFINED]
    np.testing.assert_allclose(disputed.points[0], [21.5, 29.0], atol=1e-9)

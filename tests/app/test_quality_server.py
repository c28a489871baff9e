"""A real server with a calibrated network: agreement and flags as a client of MONAI Label brings them about."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_pair import PAIRED, until
from app_requests import publish_weights
from app_server import Server, run_server
from app_spots import NAMES, spot_image, write_label
from monailabel.client import MONAILabelClient

from monai_ext.images import read_frame
from monai_ext.landmarks import read_protocol
from monai_ext.landmarks.markups import read_markups
from monai_ext.models import Calibration, ConformalRadius, write_calibration

pytestmark = pytest.mark.server

APP_DIR = Path(__file__).resolve().parents[2] / "apps" / "landmarks"
#: Of both landmarks, in px: labels are far beyond twice as much.
RADIUS = 4.0


class Desk:
    """A server, the client, and the folders that they work with."""

    def __init__(self, server: Server, root: Path) -> None:
        self.server, self.root = server, root
        self.client = MONAILabelClient(server.url, tmpdir=str(root))
        self.studies, self.models = root / "studies", root / "model"

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.server.url}{path}", timeout=60) as answer:
            return json.load(answer)

    def post(self, path: str, body: Any) -> Any:
        request = urllib.request.Request(
            f"{self.server.url}{path}", json.dumps(body).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def proposed(self, image: str) -> tuple[np.ndarray, str]:
        """The (2, 2) points that the server proposes, and the version of the network."""
        path, answer = self.client.infer("spots", image, {})
        points = read_markups(Path(path), read_frame(self.studies / f"{image}.png"), NAMES).points
        assert [mark["radius"] for mark in answer["landmarks"]] == [RADIUS, RADIUS]
        return points, answer["model_version"]

    def save(self, image: str, points: np.ndarray, **params: Any) -> None:
        path = write_label(self.root / f"{image}.mrk.json", self.studies / f"{image}.png", points)
        self.client.save_label(image, str(path), tag="final", params={"protocol": "spots", **params})

    def note(self, image: str, version: str) -> dict[str, Any]:
        """The review of a final label by a version of the network, once there is one."""
        address = f"/datastore/label/info?label={image}&tag=final"

        def look() -> dict[str, Any] | None:
            note = self.get(address).get("review")
            return note if note and note["model_version"] == version else None

        return dict(until(look) or {})

    def flags(self, image: str) -> list[tuple[str, list[str]]]:
        page = self.get(f"/datastore/images?search={image}")
        return [(flag["kind"], flag["landmarks"]) for flag in page["images"][0]["flags"]]


def publish_calibrated(models: Path, protocols: Path, seed: int) -> str:
    """Publishes an untrained network that says that its points are at most RADIUS off."""
    version = publish_weights(models, read_protocol(protocols / "spots.yaml"), seed)
    radius = ConformalRadius(
        coverage=0.95, unit="px", landmarks=NAMES, counts=(19, 19), quantiles=(RADIUS, RADIUS), smoothing=0.0
    )
    write_calibration(models / "spots", Calibration(protocol="spots", version=version, images=19, radius=radius))
    return version


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    root = tmp_path_factory.mktemp("quality")
    for name in ("studies", "protocols"):
        (root / name).mkdir()
    (root / "protocols" / "spots.yaml").write_text(PAIRED)
    for i in range(4):
        spot_image(i).save(root / "studies" / f"spot_{i:02}.png")
    publish_calibrated(root / "model", root / "protocols", seed=1)
    conf = {"protocols": "spots", "protocol_dir": str(root / "protocols"), "model_dir": str(root / "model")}
    with run_server(APP_DIR, root / "studies", conf, root / "server.log") as server:
        yield Desk(server, root)


def test_labels_tell_how_the_network_does_and_flags_come_and_go(desk: Desk) -> None:
    points, version = desk.proposed("spot_00")
    apart = float(np.linalg.norm(points[0] - points[1]))
    assert apart > 3 * RADIUS  # else this network is no use for the test: take another seed
    desk.save("spot_00", points[::-1])
    note = desk.note("spot_00", version)
    assert [flag["kind"] for flag in note["flags"]] == ["swapped"]
    assert desk.flags("spot_00") == [("swapped", ["bright", "dim"])]

    desk.save("spot_00", points)  # corrected
    assert desk.note("spot_00", version)["flags"] == []
    assert desk.flags("spot_00") == []

    moved, _ = desk.proposed("spot_01")
    inward = np.where(moved < 30, 1.0, -1.0)  # away from the border of the image
    desk.save("spot_01", moved + inward * [[3.0, 4.0], [6.0, 8.0]])  # by 5 px and by 10 px
    far = desk.note("spot_01", version)
    assert [(flag["kind"], flag["landmarks"]) for flag in far["flags"]] == [("far", ["dim"])]
    assert far["flags"][0]["sentence"] == (
        "dim lies 10.0 px from the model's point, more than 2 times the 4.0 px that the model is usually off at most."
    )
    page = desk.get("/datastore/images?flagged=true")
    assert ([image["id"] for image in page["images"]], page["flagged"]) == (["spot_01"], 1)

    (row,) = desk.get("/info/")["agreement"]["spots"]
    # The exchanged label was the first that was submitted for spot_00: both points moved by their distance.
    expected = [round(apart, 4), round(apart, 4), 5.0, 10.0]
    assert (row["model_version"], row["unit"], row["labels"], row["points"]) == (version, "px", 2, 4)
    assert row["mean"] == pytest.approx(np.mean(expected), abs=1e-3)
    assert row["median"] == pytest.approx(np.median(expected), abs=1e-3)
    assert row["untouched"] == 0.0
    document = desk.post("/scoring/agreement", {"protocol": "spots"})["spots"]
    assert [label["image"] for label in document["labels"]] == ["spot_00", "spot_01"]
    assert document["labels"][1]["distances"] == {"bright": 5.0, "dim": 10.0}


def test_another_network_looks_at_the_labels_when_it_is_asked_to(desk: Desk) -> None:
    first, _ = desk.proposed("spot_02")
    desk.save("spot_02", first)
    version = publish_calibrated(desk.models, desk.root / "protocols", seed=4)
    second = desk.proposed("spot_03")[0]  # of the new network, whose points for spot_02 are not asked for
    assert desk.post("/scoring/review", {"protocol": "spots"})["spots"]["labels"] == 3
    note = desk.note("spot_02", version)
    assert [(flag["kind"], flag["landmarks"]) for flag in note["flags"]] == [("far", ["dim"]), ("far", ["bright"])]
    assert until(lambda: desk.get("/info/")["review_stats"]["spots"]["waiting"] == 0)
    stats = desk.get("/info/")["review_stats"]["spots"]
    assert (stats["labels"], stats["reviewed"]) == (3, 3)
    # What the worker saw was shown to nobody: a label that is saved now was not moved from there.
    desk.save("spot_02", first)
    info = desk.get("/datastore/label/info?label=spot_02&tag=final")
    assert info["model_version"] == "v1"
    assert set(info["displacement"].values()) == {0.0}
    assert second.shape == (2, 2)

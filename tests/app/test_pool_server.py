"""The choice of the next image on the real server, asked by MONAI Label's own client."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import requests
from app_server import ROOT, Server
from monailabel.client import MONAILabelClient

from monai_ext.active import DEFAULT_MEASURE

pytestmark = pytest.mark.server

SAMPLES = ROOT / "sample_data" / "fundus"
IMAGES = 6
SECONDS = 240


def fundus_studies(folder: Path, images: int) -> Path:
    """A studies folder with unlabelled photographs of the samples, each as often as is needed."""
    folder.mkdir()
    samples = sorted(SAMPLES.glob("*.jpg"))
    for i in range(images):
        shutil.copy(samples[i % len(samples)], folder / f"eye_{i:03}.jpg")
    return folder


def wait_until_scored(server: Server, images: int) -> dict[str, Any]:
    """The stats of the pool once all images are scored."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        stats: dict[str, Any] = requests.get(f"{server.url}/info/", timeout=30).json()["pool_stats"]["fundus"]
        if stats["scored"] == images and stats["status"] == "idle":
            return stats
        assert stats["status"] in {"idle", "running", "waiting"}, stats
        time.sleep(0.2)
    raise AssertionError(f"Not scored within {SECONDS} s: {stats}")


def test_the_next_image_by_scores_of_the_shipped_network(
    start_server: Callable[..., AbstractContextManager[Server]], tmp_path: Path
) -> None:
    studies = fundus_studies(tmp_path / "my studies", IMAGES)
    conf = {"protocols": "fundus", "model_dir": str(tmp_path / "models")}
    label = next((SAMPLES / "labels" / "final").iterdir())
    with start_server(studies, **conf) as server:
        ann, ben = (MONAILabelClient(server.url, str(tmp_path), client_id=name) for name in ("ann", "ben"))
        info = ann.info()
        assert (info["pool_stats"]["fundus"]["status"], info["pool_stats"]["fundus"]["scored"]) == ("idle", 0)
        assert set(info["strategies"]) >= {"first", "random", "uncertainty", "diversity", "hybrid"}
        assert all(strategy["description"] for strategy in info["strategies"].values())
        assert "background" in info["scoring"]["uncertainty"]["description"]

        sample = ann.next_sample("uncertainty", {})  # answered at once, before anything is known
        assert (sample["id"], sample["scored"], sample["of"]) == ("eye_000", 0, IMAGES)
        assert "none is scored yet" in sample["note"]
        stats = wait_until_scored(server, IMAGES)
        assert (stats["model_version"], stats["measure"]) == (
            info["models"]["fundus"]["model_version"],
            DEFAULT_MEASURE,
        )

        objects = ann.datastore()["objects"]
        scores = {image: entry["image"]["info"]["active"]["fundus"]["score"] for image, entry in objects.items()}
        assert len(set(scores.values())) == IMAGES
        ranked = sorted(scores.keys() - {"eye_000"}, key=lambda image: -scores[image])
        given = [client.next_sample("uncertainty", {})["id"] for client in (ann, ben, ben)]
        assert given == ranked[:3]
        left = set(ranked[3:])
        for strategy in ("diversity", "hybrid"):
            sample = ben.next_sample(strategy, {"protocol": "fundus"})
            assert (sample["protocol"], sample["id"] in left) == ("fundus", True)
            left.remove(sample["id"])
        message = MONAILabelClient(server.url, str(tmp_path), client_id="eve").next_sample("first", {})["message"]
        assert message.startswith(f"The last {IMAGES} images without a label are in other hands: {IMAGES} offered to")
        assert ann.next_sample("random", {})["id"] == "eye_000"  # her own, offered longest ago

        ann.save_label("eye_000", str(label), "final", {"protocol": "fundus"})
        answer = requests.post(f"{server.url}/scoring/uncertainty", json={"protocol": "fundus"}, timeout=30).json()
        assert answer["fundus"]["scored"] == IMAGES
        later = requests.get(f"{server.url}/scoring/", timeout=30).json()
        for stats in (answer["fundus"], later["fundus"]):
            assert stats.pop("status") in {"idle", "running"}  # it looks once whether anything is new
        assert later == answer
    assert (studies / ".pool" / "fundus.npz").is_file()
    assert "Traceback" not in server.log()


@pytest.mark.slow
def test_a_hundred_images_are_scored_while_the_server_answers(
    start_server: Callable[..., AbstractContextManager[Server]], tmp_path: Path
) -> None:
    """Prints how long it takes and how fast ``/info/`` is meanwhile."""
    studies = fundus_studies(tmp_path / "studies", 100)
    conf = {"protocols": "fundus", "model_dir": str(tmp_path / "models")}
    with start_server(studies, **conf) as server:
        idle = [_info_seconds(server) for _ in range(100)]
        requests.post(f"{server.url}/scoring/uncertainty", timeout=30).raise_for_status()
        start, busy, scored = time.monotonic(), [], 0
        while scored < 100 and time.monotonic() - start < 500:
            busy.append(_info_seconds(server))
            scored = requests.get(f"{server.url}/scoring/", timeout=30).json()["fundus"]["scored"]
            time.sleep(0.05)
        seconds = time.monotonic() - start
    assert scored == 100
    print(f"\n100 images in {seconds:.1f} s; /info/ p50 and p99 [ms]: idle {_p(idle)}, scoring {_p(busy)}")


def _info_seconds(server: Server) -> float:
    start = time.monotonic()
    requests.get(f"{server.url}/info/", timeout=30).raise_for_status()
    return time.monotonic() - start


def _p(seconds: list[float]) -> str:
    ranked = sorted(seconds)
    return f"{1000 * ranked[len(ranked) // 2]:.0f} and {1000 * ranked[int(len(ranked) * 0.99)]:.0f}"

"""A photograph, calibrated on the real server: equal millimetres in every answer, and after the process is killed."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from app_faces import picture, small_protocol, write_png
from app_server import Server, end_group

from lib.datastore import LandmarkDatastore
from monai_ext.images import StatedSize, read_stated_sizes
from monai_ext.landmarks import Landmarks
from monai_ext.landmarks.markups import write_markups
from monai_ext.phantoms.face_plan import NAMES
from monai_ext.studies import Studies

pytestmark = pytest.mark.server
FISSURE = "palpebral_fissure_length_right"
ADDRESS = "/datastore/image/calibration"
StartServer = Callable[..., AbstractContextManager[Server]]
Cli = Callable[..., str]


@pytest.fixture
def studies(tmp_path: Path) -> Path:
    """A labelled photograph, whose right palpebral fissure is 60 px, the same photograph without a label, another."""
    folder = tmp_path / "studies"
    folder.mkdir()
    face = picture(0, 256)
    write_png(folder / "labelled.png", face)
    write_png(folder / "same.png", face)
    write_png(folder / "other.png", picture(1, 256))
    points = face.landmarks.points.copy()
    inner, outer = NAMES.index("right_endocanthion"), NAMES.index("right_exocanthion")
    points[outer] = np.round(points[outer])
    points[inner] = points[outer] + (60.0, 0.0)
    path = Studies(folder).label_path("labelled")
    path.parent.mkdir(parents=True)
    write_markups(path, Landmarks(NAMES, points, face.landmarks.frame))
    return folder


def conf_of(folder: Path) -> dict[str, str]:
    """Settings of a server with a protocol that no model is shipped for: answers are matched with the labels."""
    protocols = small_protocol(folder / "protocols", 256, {}, {})
    return {"protocols": "faces", "protocol_dir": str(protocols), "model_dir": str(folder / "model")}


def infer(server: Server, image: str) -> dict[str, Any]:
    answer = requests.post(f"{server.url}/infer/faces?image={image}&output=json", timeout=120)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def fissure(document: dict[str, Any]) -> tuple[float, str]:
    (found,) = [entry for entry in document["measurements"] if entry["name"] == FISSURE]
    return found["value"], found["unit"]


def pixels(document: dict[str, Any]) -> float:
    at = {mark["name"]: np.array(mark["pixel"]) for mark in document["landmarks"]}
    return float(np.linalg.norm(at["right_endocanthion"] - at["right_exocanthion"]))


def measured(server: Server, image: str) -> tuple[float, str]:
    rows = requests.get(f"{server.url}/datastore/measurements?image={image}", timeout=60).json()["rows"]
    (found,) = [row for row in rows if row["measurement"] == FISSURE]
    return found["value"], found["unit"]


def measured_by_command(cli: Cli, studies: Path, image: str) -> tuple[float, str]:
    table = cli("measure", studies, "-p", studies.parent / "protocols" / "faces.yaml", "--image", image)
    (found,) = [row for row in csv.DictReader(table.splitlines()) if row["measurement"] == FISSURE]
    return float(found["value"]), found["unit"]


@pytest.mark.slow
def test_200_px_that_are_50_mm_make_60_px_15_mm_everywhere(
    studies: Path, start_server: StartServer, cli: Cli, tmp_path: Path
) -> None:
    line = {"how": "line", "line": [[20, 128], [220, 128]], "length_mm": 50, "annotator": "Ann"}
    conf = conf_of(tmp_path)
    with start_server(studies, **conf) as server:
        before = {image: infer(server, image) for image in ("same", "other")}
        assert fissure(before["same"]) == (pytest.approx(60, abs=0.2), "px")  # matched to the labelled one
        for image in ("same", "labelled"):
            answer = requests.put(f"{server.url}{ADDRESS}?image={image}", json=line, timeout=60)
            assert answer.status_code == 200, answer.text
            assert answer.json()["spacing"] == [0.25, 0.25]
        after = infer(server, "same")
        assert (round(fissure(after)[0], 1), fissure(after)[1]) == (15.0, "mm")
        assert fissure(after)[0] == pytest.approx(pixels(after) / 4, rel=1e-12)
        assert (after["spacing"], after["spacing_source"]) == ([0.25, 0.25], "a line of 50 mm drawn on the image")
        assert [mark["position"] for mark in after["landmarks"]] == [m["position"] for m in before["same"]["landmarks"]]
        other = infer(server, "other")
        assert (other["unit"], other["measurements"]) == ("px", before["other"]["measurements"])
        assert measured(server, "labelled") == (15.0, "mm")
        assert measured_by_command(cli, studies, "labelled") == (15.0, "mm")
        end_group(server.process)  # at once, by SIGKILL
    with start_server(studies, **conf) as server:
        told = requests.get(f"{server.url}{ADDRESS}?image=same", timeout=60).json()
        assert (told["spacing"], told["stated"]["annotator"]) == ([0.25, 0.25], "Ann")
        assert fissure(infer(server, "same")) == fissure(after)
        assert measured(server, "labelled") == (15.0, "mm")
        assert requests.post(f"{server.url}{ADDRESS}/undo?image=labelled", timeout=60).json()["unit"] == "px"
        assert measured(server, "labelled") == (60.0, "px")
        assert measured_by_command(cli, studies, "labelled") == (60.0, "px")


def test_two_processes_lose_no_statement_of_each_other(studies: Path, start_server: StartServer, tmp_path) -> None:
    conf = conf_of(tmp_path)
    store = LandmarkDatastore(str(studies), repair=False)
    rounds = 12
    with start_server(studies, **conf) as server:

        def by_server() -> None:
            for number in range(1, rounds + 1):
                body = {"how": "ruler", "mm_per_px": number / 100}
                url = f"{server.url}{ADDRESS}?image=other"
                assert requests.put(url, json=body, timeout=60).status_code == 200

        asking = threading.Thread(target=by_server)
        asking.start()
        for number in range(1, rounds + 1):
            store.state_size("same", StatedSize((number / 100, 0.5), "ruler"))
        asking.join(timeout=120)
        sizes = read_stated_sizes(studies)
        assert {image: size.mm_per_px for image, size in sizes.items()} == {"other": (0.12, 0.12), "same": (0.12, 0.5)}
        told = requests.get(f"{server.url}{ADDRESS}?image=same", timeout=60).json()
        assert told["spacing"] == [0.12, 0.5]
        assert requests.post(f"{server.url}{ADDRESS}/undo?image=same", timeout=60).json()["spacing"] == [0.11, 0.5]
    lines = [json.loads(line) for line in (studies / "journal.jsonl").read_text().splitlines()]
    assert [line["n"] for line in lines] == sorted({line["n"] for line in lines})
    stated = [line for line in lines if line["op"] == "calibration"]
    assert len(stated) == 2 * rounds + 1

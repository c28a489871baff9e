"""A label that may not be used is refused by every command and by the server with the same sentence."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_requests import put_label
from app_spots import NAMES, QUICK_SPOTS, spot_image, spot_points
from fastapi import FastAPI
from fastapi.testclient import TestClient

from lib.routes import install_routes
from lib.served_labels import survey_labels, training_set
from monai_ext.cli import main
from monai_ext.images import read_frame
from monai_ext.landmarks import InputError, Landmarks
from monai_ext.landmarks.markups import markups_document
from monai_ext.models import publish
from monai_ext.networks import build_network
from monai_ext.studies import Studies

COUNT, DPI = 4, (300, 300)


class Clinic:
    """Labelled JPEGs of 300 dpi, one of whose labels has a fault, and a model that nobody trained.

    Attributes:
        bad: the label with the fault.
        table: the points of all images as a table, where a table can hold the fault.
    """

    def __init__(self, root: Path, make_app: Callable[..., Any]) -> None:
        self.root, self.studies = root, root / "clinic"
        self._make_app = make_app
        self.studies.mkdir()
        (root / "spots.yaml").write_text(QUICK_SPOTS)
        for index in range(COUNT):
            self._save_image(index, dpi=DPI)
            write_json(self.label(index), self.document(index))
        self.bad, self.table = self.label(0), ""

    def label(self, index: int) -> Path:
        return Studies(self.studies).label_path(f"spot_{index:02}")

    def document(self, index: int, points: Any = None, status: Any = None) -> dict[str, Any]:
        frame = read_frame(self.studies / f"spot_{index:02}.jpg")
        return markups_document(Landmarks(NAMES, spot_points(index) if points is None else points, frame, status))

    def _save_image(self, index: int, **options: Any) -> None:
        spot_image(index).save(self.studies / f"spot_{index:02}.jpg", quality=95, **options)

    # Faults

    def far(self) -> None:
        write_json(self.bad, self.document(0, [[5000.0, 20.0], [30.0, 40.0]]))
        rows = [f"spot_{i:02}.jpg,{name},{5000 if (i, name) == (0, 'bright') else 30},20" for i in range(COUNT)
                for name in NAMES]  # fmt: skip
        self.table = "\n".join(["image,landmark,x,y", *rows])

    def empty(self) -> None:
        write_json(self.bad, self.document(0, np.full((2, 2), np.nan), [-1, -1]))

    def not_finite(self) -> None:
        document = self.document(0)
        document["markups"][0]["controlPoints"][1]["position"][0] = float("nan")
        write_json(self.bad, document)

    def repeated(self) -> None:
        document = self.document(0)
        document["markups"][0]["controlPoints"][1]["label"] = "bright"
        write_json(self.bad, document)

    def density_stripped(self) -> None:
        self._save_image(0)

    def density_changed(self) -> None:
        self._save_image(0, dpi=(72, 72))

    def saved_as_png(self) -> None:
        spot_image(0).save(self.studies / "spot_00.png")
        (self.studies / "spot_00.jpg").unlink()

    def another_size(self) -> None:
        spot_image(0, (88, 65)).save(self.studies / "spot_00.jpg", dpi=DPI)

    # Doors, each with what it says

    def command(self, *arguments: object) -> str:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["monai-landmarks", *map(str, arguments)])
            self.capsys.readouterr()
            try:
                main()
                self.code = 0
            except SystemExit as stop:
                self.code = int(stop.code or 0)
        captured = self.capsys.readouterr()
        return captured.out + captured.err

    def app(self) -> Any:
        return self._make_app(self.studies)

    def model(self) -> Path:
        from monai_ext.landmarks import read_protocol

        protocol = read_protocol(self.root / "spots.yaml")
        card = {"protocol": protocol, "labels_used": 2, "val_images": ("a",), "val_error": 9.0, "unit": "px"}
        publish(self.root / "m" / "spots", build_network(protocol).state_dict(),
                {**card, "epochs": 1, "seed": 0, "date": ""})  # fmt: skip
        return self.root / "m" / "spots"


def write_json(path: Path, document: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


@pytest.fixture
def clinic(tmp_path: Path, make_app: Callable[..., Any], capsys: Any) -> Clinic:
    clinic = Clinic(tmp_path, make_app)
    clinic.capsys = capsys
    return clinic


def train(clinic: Clinic) -> str:
    said = clinic.command("train", "-p", clinic.root / "spots.yaml", "-s", clinic.studies, "--models",
                          clinic.root / "published", "--device", "cpu", "--workers", 0)  # fmt: skip
    assert not (clinic.root / "published").exists()
    return said


def evaluate(clinic: Clinic) -> str:
    out = clinic.root / "evaluated"
    said = clinic.command("evaluate", "-s", clinic.studies, "-m", clinic.model(), "--split", "all", "-o", out)
    assert not out.exists()
    return said


def uncertainty(clinic: Clinic) -> str:
    return clinic.command("uncertainty", "-s", clinic.studies, "-m", clinic.model(), "--split", "all")


def cross_validate(clinic: Clinic) -> str:
    return clinic.command("cross-validate", clinic.studies, "-p", clinic.root / "spots.yaml", "-o",
                          clinic.root / "folds", "--folds", 2, "--device", "cpu")  # fmt: skip


def simulate_learning(clinic: Clinic) -> str:
    few = ("--strategies", "random", "--initial", 1, "--batch", 1, "--rounds", 1, "--seeds", 1, "--max-steps", 1)
    return clinic.command("simulate-active-learning", clinic.studies, "-p", clinic.root / "spots.yaml", "-o",
                          clinic.root / "rounds", "--device", "cpu", *few)  # fmt: skip


def simulate_camera(clinic: Clinic) -> str:
    out = clinic.root / "camera"
    said = clinic.command("simulate-camera-change", clinic.studies, "-p", clinic.root / "spots.yaml", "-o", out)
    assert not out.exists()
    return said


def review(clinic: Clinic) -> str:
    """The label is left out, and that is said; the others are reviewed."""
    said = clinic.command("review", clinic.studies, "-p", clinic.root / "spots.yaml", "--models", clinic.root / "m")
    clinic.code = clinic.code or 2 * ("Warning: The label of spot_00 is left out" in said)
    return said


def doctor(clinic: Clinic) -> str:
    said = clinic.command("doctor", "--studies", clinic.studies, "--protocol-dir", clinic.root, "--quick", "--port", 1)
    clinic.code *= 2
    return next(line for line in said.splitlines() if "Labels: " in line)


def upload(clinic: Clinic) -> str:
    content = clinic.bad.read_bytes()
    app, web = clinic.app(), FastAPI()
    install_routes(web, app.service, app)
    with TestClient(web, base_url="http://127.0.0.1:8000", client=("127.0.0.1", 50000)) as client:
        answer = put_label(client, content)
    assert answer.status_code == 400, answer.text
    clinic.code = 2
    return answer.json()["detail"]


def served_training(clinic: Clinic) -> str:
    app = clinic.app()
    with pytest.raises(InputError) as error:
        training_set(app.datastore(), app.settings.protocols["spots"], app.settings.protocols)
    clinic.code = 2
    return str(error.value)


def server_start(clinic: Clinic) -> str:
    app = clinic.app()
    logger = logging.getLogger("lib.served_labels")
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger.addHandler(handler)
    try:
        survey_labels(app.datastore(), app.settings.protocols)
    finally:
        logger.removeHandler(handler)
    clinic.code = 2
    return "\n".join(lines)


DOORS = [
    train, evaluate, uncertainty, cross_validate, simulate_learning, simulate_camera, review, doctor, upload,
    served_training, server_start,
]  # fmt: skip
OFF = r"88 x 64 pixels: check that the markups belong to this image"
MOVED = r"which would move its points by up to [\d.]+ pixels: put the image file back as it was, or map the label"
FAULTS = {
    "far": rf"The landmark 'bright' lies at pixel \(5000\.0, 20\.0\), outside the image of {OFF}",
    "empty": "Every landmark of the label is undefined: place one, mark one as missing, or save a draft",
    "not_finite": r"'dim' has the position \S*.*; it must be three finite numbers",
    "repeated": "has the label 'bright' more than once; keep one point per landmark",
    "density_stripped": "was made on another placement of its image (pixels of 0.08467 x 0.08467 mm, now 1 x 1 mm), ",
    "density_changed": "was made on another placement of its image (pixels of 0.08467 x 0.08467 mm, now 0.3528 x 0.35",
    "saved_as_png": "was made on another placement of its image (pixels of 0.08467 x 0.08467 mm, now 1 x 1 mm), ",
    "another_size": "was made on an image of 88 x 64 pixels, but the image has 88 x 65: put the former image back",
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_every_door_refuses_the_label_with_the_same_sentence(clinic: Clinic, door: Any, fault: str) -> None:
    getattr(clinic, fault)()

    said = " ".join(door(clinic).split())

    assert clinic.code == 2, said
    words = FAULTS[fault]
    pattern = words if "\\" in words else re.escape(words) + (MOVED if words.endswith("), ") else "")
    assert re.search(rf"spot_00\.mrk\.json:? (it )?{pattern}", said), said
    assert "Traceback" not in said


@pytest.mark.parametrize("door", DOORS[6:8] + DOORS[9:], ids=lambda door: door.__name__)
def test_without_the_fault_nothing_is_said(clinic: Clinic, door: Any) -> None:
    if door is served_training:
        app = clinic.app()
        assert len(training_set(app.datastore(), app.settings.protocols["spots"], app.settings.protocols)) == COUNT
        return
    assert "spot_00.mrk.json" not in door(clinic)


def test_a_table_with_a_point_far_outside_is_refused_before_anything_is_written(clinic: Clinic) -> None:
    clinic.far()
    (clinic.root / "t.csv").write_text(clinic.table)
    new = clinic.root / "new"
    said = " ".join(clinic.command("import", clinic.root / "t.csv", "-i", clinic.studies, "-s", new).split())
    assert (clinic.code, new.exists()) == (2, False)
    assert re.search(rf"spot_00\.jpg: {FAULTS['far']}", said)


def test_several_labels_are_counted(clinic: Clinic) -> None:
    for index in range(COUNT):
        clinic._save_image(index)
    assert f"; {COUNT - 1} more labels cannot be used: `monai-landmarks doctor" in " ".join(train(clinic).split())
    assert f"{COUNT} labels of {clinic.studies} cannot be used" in server_start(clinic)
    said = doctor(clinic)
    assert said.count("was made on another placement") == 3  # and how many others there are
    assert f"`monai-landmarks remap {clinic.studies}`" in said

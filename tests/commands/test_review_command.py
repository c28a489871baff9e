"""review: labels that look implausible, with a model and without."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from monai_ext.images import read_frame
from monai_ext.inferers import Predictor
from monai_ext.landmarks import Landmarks, read_protocol
from monai_ext.landmarks.markups import write_markups
from monai_ext.models import Calibration, ConformalRadius, publish, write_calibration
from monai_ext.networks import build_network
from monai_ext.studies import Studies

NAMES = ("left", "right", "nose")
EYES = """
name: eyes
title: Eyes
channels: grey
landmarks:
  - {name: left, description: left eye, pair: right}
  - {name: right, description: right eye, pair: left}
  - {name: nose, description: tip of the nose}
network: {input_size: {width: 64, height: 64}, decoder_channels: [16, 16, 16, 16, 16], sigma: 2.0, presence: false}
"""
HERE = np.array([[12.0, 20.0], [50.0, 22.0], [32.0, 50.0]])


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """21 labelled images, not square; a05 has its eyes exchanged, in a07 the nose lies above them."""
    root = tmp_path_factory.mktemp("eyes")
    (root / "eyes.yaml").write_text(EYES)
    rng = np.random.default_rng(3)
    (root / "studies" / "labels" / "final").mkdir(parents=True)
    for i in range(21):
        image = root / "studies" / f"a{i:02}.png"
        Image.fromarray(rng.integers(0, 255, (80, 64), np.uint8)).save(image)
        points = HERE + rng.normal(0, 1, (3, 2))
        if i == 5:
            points = points[[1, 0, 2]]
        if i == 7:
            points[2, 1] = 3.0
        label = Studies(root / "studies").label_path(f"a{i:02}")
        write_markups(label, Landmarks(NAMES, points, read_frame(image)))
    return root


@pytest.fixture(scope="module")
def model(study: Path) -> Path:
    """A network with random weights, calibrated for the eyes only."""
    protocol = read_protocol(study / "eyes.yaml")
    facts = {"labels_used": 1, "val_images": (), "val_error": 1.0, "unit": "px", "epochs": 1, "seed": 0, "date": ""}
    folder = study / "models" / "eyes"
    torch.manual_seed(0)
    publish(folder, build_network(protocol).state_dict(), {"protocol": protocol, **facts})
    radius = ConformalRadius(
        coverage=0.95, unit="px", landmarks=NAMES, counts=(19, 19, 3), quantiles=(5.0, 500.0, None)
    )
    write_calibration(folder, Calibration(protocol="eyes", version="v1", images=19, radius=radius))
    return folder


@pytest.fixture
def review(cli, study: Path):
    def run(*arguments: object, models: str = "none"):
        where = ("--protocol", study / "eyes.yaml", "--models", study / models, "--device", "cpu")
        return cli("review", study / "studies", *where, *arguments)

    return run


def test_without_a_model_the_other_labels_judge(review, tmp_path: Path) -> None:
    answer = review("--json", "--pictures", tmp_path / "pictures")

    assert answer.code == 0
    document = json.loads(answer.out)
    assert (document["model_version"], document["labels"], document["orders_judged"]) == (None, 21, True)
    assert document["distance_not_judged"] == list(NAMES)
    found = {row["image"]: [(flag["kind"], flag["landmarks"]) for flag in row["flags"]] for row in document["flagged"]}
    assert found == {"a05": [("swapped", ["left", "right"])], "a07": [("order", ["nose"])]}
    severities = [row["severity"] for row in document["flagged"]]
    assert severities == sorted(severities, reverse=True)
    pictures = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert pictures == [f"{i:03}_{row['image']}.png" for i, row in enumerate(document["flagged"], start=1)]
    with Image.open(tmp_path / "pictures" / pictures[0]) as drawn:
        assert drawn.width == 800  # the longer side, 80 px, is drawn 1000 px long


def test_table_says_what_stands_out_and_what_was_not_judged(review) -> None:
    answer = review()

    assert answer.code == 0
    assert "Eyes, no model, 21 labels" in answer.out
    assert "Worth a second look: 2 of 21 labels." in answer.out
    assert "There is no model: how far labels lie from where it finds the points was not judged." in answer.err


def test_with_a_model_distances_beyond_its_radii_are_told(review, study: Path, model: Path) -> None:
    answer = review("--json", "--model", model)

    document = json.loads(answer.out)
    assert (document["model_version"], document["distance_not_judged"]) == ("v1", ["nose"])
    predictor = Predictor.load(model)
    expected = {}
    studies = Studies(study / "studies")
    for image in ("a00", "a03", "a11"):
        found = predictor.predict(studies.image_path(image)).points[0]
        own = json.loads(studies.label_path(image).read_text())["markups"][0]["controlPoints"][0]["position"][:2]
        distance = float(np.hypot(*(np.abs(own) - found)))  # a PNG file lies at (x, y) mm
        expected[image] = distance / 10.0 if distance > 10.0 else None
    flags = {row["image"]: row["flags"] for row in document["flagged"]}
    told = {i: next((f["size"] for f in flags.get(i, []) if f["kind"] == "far"), None) for i in expected}
    assert told == {i: None if size is None else pytest.approx(size, abs=2e-3) for i, size in expected.items()}
    assert any(size is not None for size in expected.values())
    assert all(f["landmarks"] == ["left"] for row in flags.values() for f in row if f["kind"] == "far")
    assert "no calibrated radius for nose" in review("--model", model).err


def test_model_of_the_protocol_is_taken_where_there_is_one(review, model: Path) -> None:
    assert json.loads(review("--json", models="models").out)["model_version"] == "v1"


def test_too_few_labels_are_said(cli, study: Path, tmp_path: Path) -> None:
    (tmp_path / "labels" / "final").mkdir(parents=True)
    for name in ("a05.png", "labels/final/a05.mrk.json"):
        (tmp_path / name).write_bytes((study / "studies" / name).read_bytes())
    where = ("--protocol", study / "eyes.yaml", "--models", study / "none")

    answer = cli("review", tmp_path, *where)

    assert (answer.code, answer.out) == (0, "No label stands out.\n")
    assert "The order of landmarks was not checked: that requires 20 labels." in answer.err
    document = {"objects": {"a05": {"image": {"ext": ".png"}, "labels": {"final": {"ext": ".mrk.json", "info": {}}}}}}
    info = document["objects"]["a05"]["labels"]["final"]["info"]
    info |= {"protocol": "face"}
    (tmp_path / "datastore_v2.json").write_text(json.dumps(document))
    refused = cli("review", tmp_path, *where)
    assert (refused.code, refused.out) == (2, "")
    assert "has no final label of the protocol eyes" in refused.err


def test_damaged_images_hold_up_no_review(cli, study: Path, model: Path, tmp_path: Path) -> None:
    shutil.copytree(study / "studies", tmp_path / "all")
    (tmp_path / "two" / "labels" / "final").mkdir(parents=True)
    for name in ("a00.png", "a05.png", "labels/final/a00.mrk.json", "labels/final/a05.mrk.json"):
        shutil.copy(study / "studies" / name, tmp_path / "two" / name)
    for folder in ("all", "two"):
        image = tmp_path / folder / "a05.png"
        image.write_bytes(image.read_bytes()[:2000])  # the header can be read
    where = ("--protocol", study / "eyes.yaml", "--device", "cpu", "--json")

    seen = cli("review", tmp_path / "two", "--model", model, "--factor", 0.1, *where)
    drawn = cli("review", tmp_path / "all", "--models", study / "none", "--pictures", tmp_path / "pictures", *where)

    assert (seen.code, drawn.code) == (0, 0), seen.err + drawn.err
    assert [row["image"] for row in json.loads(seen.out)["flagged"]] == ["a00"]
    assert "The model has not looked at a05: " in seen.err
    flagged = [row["image"] for row in json.loads(drawn.out)["flagged"]]
    assert sorted(flagged) == ["a05", "a07"]
    assert [path.name for path in (tmp_path / "pictures").iterdir()] == [f"{1 + flagged.index('a07'):03}_a07.png"]
    assert "There is no picture of a05: " in drawn.err


def test_confirmed_labels_are_left_out_unless_all_are_wanted(review, study: Path) -> None:
    label = {"ext": ".mrk.json", "info": {"reviewed": True}}
    entry = {"image": {"ext": ".png"}, "labels": {"final": label}}
    replaced = {"ext": ".mrk.json", "info": {"reviewed": True, "protocol": "face"}, "sha256": "0" * 64}  # since then
    index = study / "studies" / "datastore_v2.json"
    objects = {"a05": entry, "a07": {**entry, "labels": {"final": replaced}}}
    index.write_text(json.dumps({"objects": objects}))
    try:
        some, everything = json.loads(review("--json").out), json.loads(review("--json", "--all").out)
        assert "Confirmed and left out: 1; --all lists them too." in review().err
    finally:
        index.unlink()
    assert [row["image"] for row in some["flagged"]] == ["a07"]
    assert {row["image"] for row in everything["flagged"]} == {"a05", "a07"}


@pytest.mark.parametrize("factor", ["0", "-1", "nan", "inf"])
def test_factor_that_is_no_positive_number_is_refused(review, factor: str) -> None:
    refused = review("--factor", factor)

    assert (refused.code, refused.out) == (2, "")
    assert "--factor is a positive number" in refused.err


def test_model_of_other_landmarks_is_refused(cli, study: Path, model: Path) -> None:
    refused = cli("review", study / "studies", "--protocol", "fundus", "--model", model)

    assert refused.code == 2
    assert "fovea, optic_disc" in refused.err or "not the landmarks of the protocol fundus" in refused.err

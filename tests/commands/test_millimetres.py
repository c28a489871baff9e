"""Millimetres that a person stated reach predict, evaluate, export and measure; nothing else changes."""

from __future__ import annotations

import csv
import io
import json
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
import torch
from filelock import FileLock
from PIL import Image

from monai_ext.images import read_frame, read_stated_sizes
from monai_ext.landmarks import Landmarks, Status, read_protocol
from monai_ext.landmarks.markups import write_markups
from monai_ext.models import publish
from monai_ext.networks import build_network
from monai_ext.studies import Studies

NAMES = ("inner", "outer", "brow")
EYE = """
name: eye
title: Eye
channels: grey
landmarks:
  - {name: inner, description: inner corner}
  - {name: outer, description: outer corner}
  - {name: brow, description: the brow}
measurements:
  - {name: fissure, between: [inner, outer]}
  - {name: rise, kind: height, between: [brow, inner, outer]}
  - {name: bend, kind: angle, between: [inner, outer, brow]}
network: {input_size: {width: 64, height: 64}, decoder_channels: [16, 16, 16, 16, 16], sigma: 2.0, presence: false}
"""


@pytest.fixture
def eyes(tmp_path: Path) -> Path:
    """Two photographs of 96 x 64 pixels and an NRRD of 0.5 x 0.25 mm, with a model of random weights."""
    (tmp_path / "eye.yaml").write_text(EYE)
    studies = tmp_path / "studies"
    studies.mkdir()
    rng = np.random.default_rng(1)
    for name in ("a.png", "b.png"):
        Image.fromarray(rng.integers(0, 255, (64, 96), np.uint8)).save(studies / name)
    image = sitk.GetImageFromArray(rng.integers(0, 255, (64, 96), np.uint8))
    image.SetSpacing((0.5, 0.25))
    sitk.WriteImage(image, str(studies / "own.nrrd"))
    protocol = read_protocol(tmp_path / "eye.yaml")
    torch.manual_seed(0)
    facts = {"labels_used": 1, "val_images": (), "val_error": 1.0, "unit": "px", "epochs": 1, "seed": 0, "date": ""}
    publish(tmp_path / "models" / "eye", build_network(protocol).state_dict(), {"protocol": protocol, **facts})
    return tmp_path


def label(root: Path, image: str, points: list[list[float]], status: list[Status] | None = None) -> None:
    studies = Studies(root / "studies")
    path = studies.label_path(image)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_markups(path, Landmarks(NAMES, points, read_frame(studies.image_path(image)), status))


POINTS = [[10.0, 20.0], [70.0, 20.0], [40.0, 60.0]]


def predict(cli, root: Path, *options: object):
    images = [root / "studies" / name for name in ("a.png", "b.png")]
    wanted = ["--model", root / "models" / "eye", "--no-overlays", "--output", root / "out", "--overwrite", "--json"]
    return cli("predict", *images, *wanted, *options)


def test_an_unreadable_image_is_left_out_also_where_a_pixel_size_is_stated(cli, eyes: Path) -> None:
    (eyes / "studies" / "broken.png").write_bytes(b"no image")

    answer = predict(cli, eyes, eyes / "studies" / "broken.png", "--mm-per-px", "0.25,0.5")

    assert answer.code == 1
    assert {item["image"]: item["spacing"] for item in json.loads(answer.out)} == {"a": [0.25, 0.5], "b": [0.25, 0.5]}
    assert "1 of 3 images were left out: " in " ".join(answer.err.split())
    assert "broken.png" in answer.err


def test_predict_measures_in_the_stated_millimetres(cli, eyes: Path) -> None:
    plain = json.loads(predict(cli, eyes).out)
    sized = json.loads(predict(cli, eyes, "--mm-per-px", "0.25,0.5").out)
    for before, after in zip(plain, sized, strict=True):
        assert (before["unit"], after["unit"]) == ("px", "mm")
        assert (after["spacing"], after["spacing_source"]) == ([0.25, 0.5], "stated")
        (ax, ay), (bx, by), _ = (mark["pixel"] for mark in before["landmarks"])
        assert [mark["pixel"] for mark in after["landmarks"]] == [mark["pixel"] for mark in before["landmarks"]]
        assert [mark["position"] for mark in after["landmarks"]] == [mark["position"] for mark in before["landmarks"]]
        assert after["measurements"][0]["unit"] == "mm"
        assert after["measurements"][0]["value"] == pytest.approx(np.hypot((bx - ax) * 0.25, (by - ay) * 0.5))
    square = json.loads(predict(cli, eyes, "--mm-per-px", "0.25").out)
    assert square[0]["measurements"][0]["value"] == pytest.approx(plain[0]["measurements"][0]["value"] / 4)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "1e-5", "11", "0.1,0", "0.1,0.1,0.1", "0,1x", ""])
def test_predict_refuses_sizes_that_cannot_be_true(cli, eyes: Path, text: str) -> None:
    answer = predict(cli, eyes, f"--mm-per-px={text}")
    assert answer.code == 2
    assert "--mm-per-px" in answer.err
    assert not (eyes / "out").exists()


def test_predict_keeps_the_size_of_a_file_unless_it_is_overruled(cli, eyes: Path) -> None:
    own = eyes / "studies" / "own.nrrd"
    refused = predict(cli, eyes, own, "--mm-per-px", "0.2")
    assert refused.code == 2
    assert "own.nrrd has pixels of 0.5 x 0.25 mm already (NRRD): leave it out, or use --overrule." in refused.err
    assert not (eyes / "out").exists()
    answers = json.loads(predict(cli, eyes, own, "--mm-per-px", "0.2", "--overrule").out)
    assert {a["image"]: (a["spacing"], a["spacing_source"]) for a in answers} == {
        "a": ([0.2, 0.2], "stated"),
        "b": ([0.2, 0.2], "stated"),
        "own": ([0.2, 0.2], "stated, overruling the file (NRRD)"),
    }
    assert predict(cli, eyes, "--overrule").code == 2


def test_measure_writes_every_measurement_or_why_there_is_none(cli, eyes: Path) -> None:
    label(eyes, "a", POINTS)
    label(eyes, "b", POINTS, [Status.DEFINED, Status.DEFINED, Status.MISSING])
    label(eyes, "own", [[10, 20], [10, 20], [40, 60]])
    (eyes / "studies" / "calibration.json").write_text(json.dumps({"a": {"mm_per_px": [0.25, 0.25], "how": "ruler"}}))
    answer = cli("measure", eyes / "studies", "-p", eyes / "eye.yaml", "-o", eyes / "m.csv")
    assert answer.code == 0, answer.err
    assert "9 measurements of 3 labels in" in answer.err
    assert "4 of them have no value, as b rise: brow is missing." in answer.err
    rows = list(csv.DictReader((eyes / "m.csv").open()))
    told = [(row["image"], row["measurement"], row["value"], row["unit"], row["reason"]) for row in rows]
    bend = rows[2]["value"]
    assert float(bend) == pytest.approx(np.degrees(np.arctan2(40, 30)))
    assert told == [
        ("a", "fissure", "15.0", "mm", ""),
        ("a", "rise", "10.0", "mm", ""),
        ("a", "bend", bend, "deg", ""),
        ("b", "fissure", "60.0", "px", ""),
        ("b", "rise", "", "px", "brow is missing"),
        ("b", "bend", "", "deg", "brow is missing"),
        ("own", "fissure", "0.0", "mm", ""),
        ("own", "rise", "", "mm", "the base of the height has no length"),
        ("own", "bend", "", "deg", "an arm of the angle has no length"),
    ]
    assert [row["spacing_source"] for row in rows[::3]] == ["ruler", "none", "NRRD"]
    assert rows[0]["points"] == "inner 10.0 20.0; outer 70.0 20.0"
    assert rows[4]["points"] == "brow; inner 10.0 20.0; outer 70.0 20.0"
    one = cli("measure", eyes / "studies", "-p", eyes / "eye.yaml", "--image", "b")
    assert [row["image"] for row in csv.DictReader(io.StringIO(one.out))] == ["b", "b", "b"]
    twice = cli("measure", eyes / "studies", "-p", eyes / "eye.yaml", "--image", "b", "--image", "b")
    assert twice.out == one.out
    document = json.loads(cli("measure", eyes / "studies", "-p", eyes / "eye.yaml", "--image", "a", "--json").out)
    assert document["rows"][0]["value"] == 15.0


def test_measure_takes_who_and_when_from_the_notes(cli, eyes: Path) -> None:
    label(eyes, "a", POINTS)
    label(eyes, "b", POINTS)
    notes = {"protocol": "eye", "annotator": "Ann", "user": "u", "model_version": "v3", "ts": 1_700_000_000}
    other = {"protocol": "ear", "ts": 1}
    entries = {
        image: {"image": {"ext": ".png"}, "labels": {"final": {"ext": ".mrk.json", "info": info}}}
        for image, info in (("a", notes), ("b", other))
    }
    (eyes / "studies" / "datastore_v2.json").write_text(json.dumps({"objects": entries}))
    answer = cli("measure", eyes / "studies", "-p", eyes / "eye.yaml")
    row, *_ = rows = list(csv.DictReader(io.StringIO(answer.out)))
    assert [r["image"] for r in rows] == ["a"] * 3
    assert (row["annotator"], row["model_version"], row["date"]) == ("Ann", "v3", "2023-11-14T22:13:20+00:00")
    assert "1 final labels of protocols other than eye are left out" in answer.err
    shipped = cli("measure", eyes / "studies")
    assert [r["reason"] for r in csv.DictReader(io.StringIO(shipped.out))] == [
        "The protocol 'eye' of the label is unknown here.",
        "The protocol 'ear' of the label is unknown here.",
    ]


def test_measure_refuses_what_it_cannot_measure(cli, eyes: Path) -> None:
    for options, words in (
        ((), "has no final label of eye"),
        (("--image", "a"), "The image 'a' has no final label"),
        (("--image", "c"), "has no image 'c'"),
    ):
        answer = cli("measure", eyes / "studies", "-p", eyes / "eye.yaml", *options)
        assert answer.code == 2
        assert words in answer.err


def test_export_states_the_millimetres_and_import_takes_them_back(cli, eyes: Path) -> None:
    label(eyes, "a", POINTS)
    label(eyes, "b", POINTS)
    (eyes / "studies" / "calibration.json").write_text(json.dumps({"a": {"mm_per_px": [0.25, 0.5], "how": "iris"}}))
    assert cli("export", eyes / "studies", "-f", "csv", "-o", eyes / "points.csv").code == 0
    with (eyes / "points.csv").open() as stream:
        sizes = {(row["image"][:1], row["mm_per_px_x"], row["mm_per_px_y"]) for row in csv.DictReader(stream)}
    assert sizes == {("a", "0.25", "0.5"), ("b", "", "")}
    again = cli("import", eyes / "points.csv", "-i", eyes / "studies", "-s", eyes / "again")
    assert again.code == 0, again.err
    (size,) = read_stated_sizes(eyes / "again").values()
    assert (size.mm_per_px, size.how, size.table) == ((0.25, 0.5), "table", "points.csv")
    assert read_frame(eyes / "again" / "a.png").spacing_source == "table points.csv"
    assert read_frame(eyes / "again" / "b.png").spacing is None


def test_import_refuses_a_pixel_size_that_cannot_be_true(cli, eyes: Path) -> None:
    (eyes / "t.csv").write_text("image,landmark,x,y,mm_per_px\na.png,inner,1,2,25\n")
    answer = cli("import", eyes / "t.csv", "-i", eyes / "studies", "-s", eyes / "again")
    assert answer.code == 2
    assert "'a.png': mm_per_px: a pixel of 25 mm is not plausible" in answer.err
    assert not (eyes / "again").exists()


def test_import_waits_for_a_server_that_changes_a_calibration(cli, eyes: Path) -> None:
    studies = eyes / "studies"
    (eyes / "t.csv").write_text("image,landmark,x,y,mm_per_px\na.png,inner,1,2,0.5\n")
    lock = FileLock(str(studies / ".lock"))
    answers: list[Any] = []
    with lock:
        waiting = threading.Thread(target=lambda: answers.append(cli("import", eyes / "t.csv", *folders(studies))))
        waiting.start()
        while waiting.is_alive() and not list((studies / "labels" / "final").glob(".*")):  # the staged label
            time.sleep(0.02)
        time.sleep(0.1)
        assert not (studies / "calibration.json").exists()
        (studies / "calibration.json").write_text(json.dumps({"b": {"mm_per_px": [0.1, 0.1], "how": "ruler"}}))
    waiting.join(timeout=60)
    assert answers[0].code == 0, answers[0].err
    assert {image: size.mm_per_px for image, size in read_stated_sizes(studies).items()} == {
        "a": (0.5, 0.5),
        "b": (0.1, 0.1),
    }


def folders(studies: Path) -> tuple[object, ...]:
    return "-i", studies, "-s", studies

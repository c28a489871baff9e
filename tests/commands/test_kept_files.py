"""Commands replace no image, label or earlier result unasked; an unreadable image costs no other its answer."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from monai_ext.inferers import Predictor
from monai_ext.landmarks.protocol_file import shipped_dir

SAMPLES = shipped_dir("protocols").parents[2] / "sample_data" / "fundus"
Cli = Callable[..., object]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for path in sorted(SAMPLES.glob("*.jpg"))[:2]:
        shutil.copy(path, folder / path.name)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def predict(cli: Cli, *arguments: object) -> object:
    return cli("predict", *arguments, "--model", "fundus", "--device", "cpu")


@pytest.mark.parametrize("place", ["photos", "studies/labels/final"])
def test_predict_never_writes_beside_images_or_among_labels(cli: Cli, photos: Path, tmp_path: Path, place: str) -> None:
    out = tmp_path / place
    out.mkdir(parents=True, exist_ok=True)
    before = contents(out)
    answer = predict(cli, photos, "--output", out, "--overwrite")
    what = "images" if place == "photos" else "labels"
    assert answer.code == 2
    assert f"{out} holds {what}, which results could replace: name another folder with --output." in answer.words
    assert contents(out) == before


@pytest.mark.slow
def test_predict_replaces_results_where_it_is_told_so(cli: Cli, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert predict(cli, photos, "--output", out).code == 0
    label = out / f"{next(photos.iterdir()).stem}.mrk.json"
    label.write_text("corrected")
    answer = predict(cli, photos, "--output", out)
    assert (answer.code, label.read_text()) == (2, "corrected")
    assert "exists: use --overwrite to replace it, or name another folder with --output." in answer.words
    assert predict(cli, photos, "--output", out, "--overwrite").code == 0
    assert label.read_text() != "corrected"


def test_predict_leaves_out_and_names_an_image_that_cannot_be_read(cli: Cli, photos: Path, tmp_path: Path) -> None:
    (photos / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n cut short")
    answer = predict(cli, photos, "--output", tmp_path / "out")
    assert answer.code == 1
    assert "1 of 3 images were left out: bad.png cannot be read as PNG" in answer.words
    images = {row["image"] for row in csv.DictReader((tmp_path / "out" / "landmarks.csv").open())}
    assert images == {path.name.removesuffix(".jpg") for path in photos.glob("*.jpg")}
    answers = json.loads((tmp_path / "out" / "answers.json").read_text())
    assert {entry["image"] for entry in answers} == images


def test_predict_leaves_out_an_image_for_which_the_memory_is_not_enough(
    cli: Cli, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large, small = sorted(photos.iterdir())
    predict_stages = Predictor.predict_stages

    def predict_small(self: Predictor, path: Path, **options: object) -> object:
        if path == large:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")
        return predict_stages(self, path, **options)

    monkeypatch.setattr(Predictor, "predict_stages", predict_small)
    answer = predict(cli, photos, "--output", tmp_path / "out")
    assert answer.code == 1
    assert f"1 of 2 images were left out: {large} needs more memory than there is: end other programs" in answer.words
    (entry,) = json.loads((tmp_path / "out" / "answers.json").read_text())
    assert entry["image"] == small.stem


def test_predict_without_a_readable_image_is_refused(cli: Cli, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"\x89PNG\r\n\x1a\n cut short")
    answer = predict(cli, tmp_path / "a.png", tmp_path / "b.png", "--output", tmp_path / "out")
    assert answer.code == 2
    assert "None of the 2 images could be read: a.png cannot be read as PNG" in answer.words
    assert not (tmp_path / "out" / "landmarks.csv").exists()


def test_measure_replaces_no_file_unasked(cli: Cli, tmp_path: Path) -> None:
    table = tmp_path / "points.csv"
    table.write_text("mine")
    answer = cli("measure", tmp_path, "--output", table)
    assert (answer.code, table.read_text()) == (2, "mine")
    assert f"{table} exists: use --overwrite to replace it." in answer.words


def test_an_output_that_cannot_be_written_is_one_sentence(cli: Cli, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    answer = predict(cli, photos, "--output", tmp_path / "file" / "out")
    assert answer.code == 2
    assert answer.words.startswith(f"Error: {tmp_path}/file/out cannot be read or written (not a directory)")

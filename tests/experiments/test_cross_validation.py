"""A cross-validation of a tiny network on a few blobs, with changed copies of the images."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from engine_study import write_study
from PIL import Image, ImageOps

from monai_ext.evaluation import Evaluation, Measures
from monai_ext.experiments import CrossValidation, CrossValidationSettings, OutOfFold, cell_folder, cross_validation
from monai_ext.experiments.cross_validation_results import write_cross_validation
from monai_ext.inferers import Predictor
from monai_ext.landmarks import Frame, InputError, Landmarks, Protocol
from monai_ext.landmarks.files import read_json
from monai_ext.models import read_card
from monai_ext.reports import find_sources, read_evaluated
from monai_ext.studies import Studies


class KilledError(Exception):
    """Stands for a kill in the middle of a run."""


PROTOCOL = Protocol.model_validate(
    {
        "name": "blobs",
        "title": "Blobs",
        "channels": "grey",
        "landmarks": [{"name": "bright", "description": "the bright"}, {"name": "dark", "description": "the dark"}],
        "network": {"decoder_channels": [16, 12, 8, 8, 8], "input_size": {"width": 64, "height": 64}},
        "recipe": {"max_epochs": 2, "batch_size": 2, "patience": 1},
    }
)
SETTINGS = CrossValidationSettings(folds=2, max_steps=2, validations=1, device="cpu", workers=0)


def validation_of(studies: Studies, output: Path, changed: Studies | None = None, **options: object) -> CrossValidation:
    return CrossValidation(PROTOCOL, studies, output, SETTINGS.model_copy(update=options), changed)


@pytest.fixture(scope="module")
def blobs(tmp_path_factory) -> Studies:
    studies = write_study(tmp_path_factory.mktemp("blobs"), 6)
    studies.write_splits({"image_000": "test", "image_001": "train", "image_002": "val"})
    return studies


@pytest.fixture(scope="module")
def copies(tmp_path_factory, blobs) -> Studies:
    """The same images with their values turned round, and their labels."""
    folder = tmp_path_factory.mktemp("copies")
    shutil.copytree(blobs.root / "labels", folder / "labels")
    for name, path in blobs.images().items():
        with Image.open(path) as picture:
            ImageOps.invert(picture).save(folder / f"{name}.png")
    return Studies(folder)


@pytest.fixture(scope="module")
def done(tmp_path_factory, blobs, copies) -> CrossValidation:
    validation = validation_of(blobs, tmp_path_factory.mktemp("done"), copies)
    validation.run()
    return validation


def test_every_image_but_those_of_the_test_split_is_held_out_once(done) -> None:
    held_out = [done.held_out(fold) for fold in done.cells]
    assert sorted(name for fold in held_out for name in fold) == [f"image_00{i}" for i in range(1, 6)]
    for fold, names in zip(done.cells, held_out, strict=True):
        document, card = done.finished(fold), read_card(done.output / "cells" / fold.name / "model")
        assert document["held_out"] == names
        assert document["steps"] == 2
        assert list(card.val_images) == names  # and all the others are trained on
        assert card.labels_used == 5
        assert [name for name, _, _ in done.pairs(fold)] == names


def test_copies_are_answered_by_the_model_that_has_not_seen_the_original(done, copies) -> None:
    for fold in done.cells:
        predictor = Predictor.load(done.output / "cells" / fold.name / "model")
        plain = {name: answer.points for name, _, answer in done.pairs(fold)}
        for name, _, answer in done.changed_pairs(fold):
            expected = predictor.predict(copies.image_path(name)).points
            np.testing.assert_allclose(answer.points, expected, atol=1e-3)
            assert not np.array_equal(answer.points, plain[name])
        assert [name for name, _, _ in done.changed_pairs(fold)] == done.held_out(fold)


def test_a_finished_one_trains_nothing_and_answers_no_copy_again(done, blobs, copies, monkeypatch) -> None:
    monkeypatch.setattr(cell_folder, "train_model", lambda *args, **options: pytest.fail("it was trained"))
    monkeypatch.setattr(cross_validation, "predict", lambda *args: pytest.fail("it was answered"))
    again = validation_of(blobs, done.output, copies)
    again.run(lambda progress: pytest.fail("there was work"))
    assert [again.finished(fold) for fold in again.cells] == [done.finished(fold) for fold in done.cells]


@pytest.mark.slow
def test_a_killed_one_goes_on_and_copies_may_come_later(done, blobs, copies, tmp_path, monkeypatch) -> None:
    finish = cell_folder.CellFolder.finish

    def kill(self, document, *, keep_weights):
        if self.cell.number == 2:
            raise KilledError
        finish(self, document, keep_weights=keep_weights)

    first = Path("cells") / done.cells[0].name
    shutil.copytree(done.output / first, tmp_path / first, ignore=shutil.ignore_patterns("changed.*"))
    with monkeypatch.context() as patch:
        patch.setattr(cell_folder.CellFolder, "finish", kill)
        with pytest.raises(KilledError):
            validation_of(blobs, tmp_path).run()
    broken, reports = validation_of(blobs, tmp_path), []
    assert [broken.finished(fold) is not None for fold in broken.cells] == [True, False]
    broken.run(reports.append)
    assert [report.cell.number for report in reports if report.finished] == [2]
    later = validation_of(blobs, tmp_path, copies, keep_weights=False)
    later.run(lambda progress: pytest.fail("there was work"))
    for mine, whole in zip(later.cells, done.cells, strict=True):
        for find in ("pairs", "changed_pairs"):
            answers, expected = getattr(later, find)(mine), getattr(done, find)(whole)
            for a, b in zip(answers, expected, strict=True):
                np.testing.assert_allclose(a[2].points, b[2].points, atol=1e-3)
    assert not list(tmp_path.rglob("*.safetensors"))


def test_what_is_written_is_what_evaluate_writes(done, blobs) -> None:
    measures = Measures((5.0, 10.0), 20.0, 40.0, between=("bright", "dark"), normalized_limit=30.0)
    readings, document = write_cross_validation(done, measures, "monai-landmarks cross-validate", pictures=True)
    assert list(readings) == ["images", "changed"]
    assert document == read_json(done.output / "cross_validation.json")
    for name, reading in readings.items():
        written = read_json(done.output / name / "metrics.json")
        assert Evaluation.from_dict(written) == reading.evaluation
        assert written["relative"] == document["relative"][name]
        assert [row["image"] for row in written["images"]] == [f"image_00{i}" for i in range(1, 6)]
        assert (done.output / name / "worst_cases.png").is_file()
    (evaluated,) = read_evaluated(find_sources([done.output / "images" / "metrics.json"]))
    assert evaluated.evaluation == readings["images"].evaluation
    table = (done.output / "table.md").read_text()
    assert "2 of 2 folds are finished" in table
    mean = readings["images"].rows[-1].mean
    assert f"| images | all | {mean:.2f} | " in table


def test_errors_are_told_in_three_units_and_failures_counted() -> None:
    def pair(name: str, size: tuple[int, int], truth: list, answer: list, status: list[int]):
        frame = Frame(*size)
        return name, Landmarks(("a", "b"), truth, frame, status), Landmarks(("a", "b"), answer, frame)

    pairs = [
        pair("wide", (200, 100), [[10, 10], [70, 90]], [[13, 14], [70, 90]], [1, 1]),  # distance 100; errors 5 and 0
        pair("tall", (50, 100), [[10, 10], [10, 30]], [[10, 10], [10, 40]], [1, 1]),  # distance 20; errors 0 and 10
        pair("part", (100, 100), [[10, 10], [0, 0]], [[11, 10], [9, 9]], [1, 0]),  # no distance; error 1
    ]
    between = OutOfFold.of(pairs, Measures((2.0,), 4.0, 8.0, between=("a", "b"), normalized_limit=30.0))
    a, b, both = between.rows
    assert (a.name, b.name, both.name) == ("a", "b", "all")
    assert (a.mean, b.mean, both.mean) == pytest.approx((2.0, 5.0, 16 / 5))
    assert (a.median, b.median, both.median) == pytest.approx((1.0, 5.0, 1.0))
    assert (a.of_width, b.of_width) == pytest.approx(((2.5 + 0 + 1) / 3, (0 + 20) / 2))
    assert (a.of_distance, b.of_distance) == pytest.approx(((5 + 0) / 2, (0 + 50) / 2))
    assert (a.worst, b.worst, both.worst) == (5, 10, 10)
    assert (a.failures, b.failures, both.failures) == (0, 1, 1)
    assert (a.images, b.images, both.images) == (3, 2, 3)
    assert a.low <= a.mean <= a.high
    lengths = OutOfFold.of(pairs, Measures((2.0,), 4.0, 8.0))
    assert [row.failures for row in lengths.rows] == [1, 1, 2]
    assert lengths.normalized is None
    assert lengths.to_dict()["relative"][0]["of_distance"] is None


def test_copies_must_be_there(blobs, tmp_path) -> None:
    other = write_study(tmp_path / "other", 2)
    with pytest.raises(InputError, match=r"no labelled image 'image_002', and 4 of 5 are missing"):
        validation_of(blobs, tmp_path / "out", other)

"""Finished cells whose images were given a pixel size later, and what is kept of landmarks called missing."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from ablation_study import protocol_of
from answering import NAMES, PROTOCOL, Blobs

from monai_ext.evaluation import Measures, evaluate_landmarks
from monai_ext.experiments import (
    Ablation,
    AblationMeasures,
    AblationSettings,
    CrossValidation,
    CrossValidationSettings,
    Simulation,
    SimulationSettings,
    learning_curves,
    write_cross_validation,
    write_simulation,
)
from monai_ext.landmarks import Frame, InputError, Landmarks
from monai_ext.landmarks.files import read_json

SMALL = {"max_steps": 10, "device": "cpu", "workers": 0}
MEASURES = Measures((2.0, 5.0), 10.0, 20.0)


@pytest.fixture
def blobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Blobs:
    """Six images, of which three lack the first landmark."""
    made = Blobs(tmp_path / "blobs", missing=frozenset({(0, 0), (1, 0), (2, 0)}))
    made.answer_in(monkeypatch)
    return made


def validated(blobs: Blobs, output: Path) -> CrossValidation:
    validation = CrossValidation(PROTOCOL, blobs.studies, output, CrossValidationSettings(folds=2, **SMALL))
    validation.run()
    return validation


@pytest.mark.parametrize("sizes", [(None, (0.5, 0.5)), ((0.5, 0.25), (0.05, 0.1)), ((0.5, 0.5), None)])
def test_finished_folds_are_measured_with_the_pixel_size_that_is_stated_now(blobs, tmp_path, sizes) -> None:
    before, now = sizes
    if before is not None:
        blobs.calibrate(before)
    validated(blobs, tmp_path / "out")
    (blobs.studies.root / "calibration.json").unlink(missing_ok=True)
    if now is not None:
        blobs.calibrate(now)

    readings, document = write_cross_validation(validated(blobs, tmp_path / "out"), MEASURES, "again")

    assert document["unit"] == ("px" if now is None else "mm")
    expected = np.hypot(*(np.array([3.0, 4.0]) * (now or (1.0, 1.0))))
    assert readings["images"].evaluation.overall.mre == pytest.approx(expected)
    assert readings["images"].rows[-1].of_width == pytest.approx(100 * expected / (400 * (now or (1.0,))[0]))


def test_finished_cells_of_an_ablation_follow_the_pixel_size(blobs, tmp_path) -> None:
    blobs.studies.write_splits({f"i{i}": "val" if i > 3 else "train" for i in range(6)})

    def errors() -> float:
        settings = AblationSettings(rows=("base",), sizes="4", seeds=1, **SMALL)
        ablation = Ablation(protocol_of(), blobs.studies, tmp_path / "out", settings)
        ablation.run()
        own, other = ablation.decoders
        (row,) = ablation.scores(AblationMeasures(unit=None, decoder=own, other_decoder=other))
        return row.spread("l2").mean

    assert errors() == pytest.approx(5.0)
    blobs.calibrate((0.5, 2.0))
    assert errors() == pytest.approx(np.hypot(1.5, 8.0))


def test_a_curve_has_one_unit_though_pixel_sizes_came_between_its_rounds(blobs, tmp_path) -> None:
    blobs.studies.write_splits({f"i{i}": "val" if i > 3 else "train" for i in range(6)})
    settings = SimulationSettings(strategies=("random",), initial=1, batch=1, rounds=2, seeds=1, **SMALL)

    def simulation() -> Simulation:
        return Simulation(PROTOCOL, blobs.studies, tmp_path / "out", settings)

    def stop(progress) -> None:
        if progress.finished and progress.number == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulation().run(stop)
    blobs.calibrate((0.1, 0.1))
    whole = simulation()
    whole.run()
    (curve,), document = write_simulation(whole, "again")

    assert curve.unit == "mm"
    assert [point.mean for point in curve.points] == pytest.approx([0.5, 0.5, 0.5])
    assert [cell["unit"] for cell in document["cells"]] == ["mm"] * 3


def test_a_curve_of_two_units_is_refused() -> None:
    cell = {"strategy": "random", "labels": 2, "seed": 0, "error": 5.0, "unit": "px"}
    with pytest.raises(InputError, match=r"some cells are in mm and of others in px"):
        learning_curves([cell, cell | {"labels": 4, "unit": "mm"}], ["random"])


def test_presence_counts_what_the_model_calls_missing_and_distances_the_likeliest_place(blobs, tmp_path) -> None:
    blobs.status["i5"] = [1, 0]  # the model misses a landmark that is there
    validation = validated(blobs, tmp_path / "out")
    readings, _ = write_cross_validation(validation, MEASURES, "validate")
    evaluation = readings["images"].evaluation

    frame, truths = Frame(400, 300), {f"i{i}": [int(i > 2), 1] for i in range(6)}
    called = [
        (name, *(Landmarks(NAMES, blobs.points[name], frame, status) for status in (truths[name], blobs.status[name])))
        for name in truths
    ]
    expected = evaluate_landmarks(called, (5.0,), 10.0, 20.0)
    kinds = ("misses", "false_alarms", "correct_absences", "unanswered")
    found = [[getattr(row, kind) for kind in kinds] for row in (evaluation.overall, *evaluation.landmarks)]
    assert found == [[1, 0, 3, 0], [0, 0, 3, 0], [1, 0, 0, 0]]
    assert found == [[getattr(row, kind) for kind in kinds] for row in (expected.overall, *expected.landmarks)]
    assert evaluation.overall.count == 9  # the missed one too
    assert evaluation.overall.mre == pytest.approx(5.0)
    written = read_json(tmp_path / "out" / "images" / "metrics.json")
    assert (written["overall"]["false_alarms"], written["overall"]["correct_absences"]) == (0, 3)
    with (tmp_path / "out" / "images" / "errors.csv").open() as stream:
        rows = {(row["image"], row["landmark"]): row for row in csv.DictReader(stream)}
    assert (rows["i0", "bright"]["status_true"], rows["i0", "bright"]["status_pred"]) == ("missing", "missing")
    assert (rows["i5", "dark"]["status_pred"], rows["i5", "dark"]["error"]) == ("missing", "5.00")
    assert "misses and false alarms count what the model calls it" in (tmp_path / "out" / "table.md").read_text()


def test_results_name_the_file_of_weights_as_the_protocol_does(blobs, tmp_path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "encoder.safetensors").write_bytes(b"weights")
    began = PROTOCOL.network.model_copy(update={"pretrained": "encoder.safetensors"})
    settings = CrossValidationSettings(folds=2, models=tmp_path / "models", **SMALL)
    given = PROTOCOL.model_copy(update={"network": began})
    validation = CrossValidation(given, blobs.studies, tmp_path / "out", settings)
    validation.run()

    _, document = write_cross_validation(validation, MEASURES, "validate")

    assert document["network"] == began.model_dump(mode="json")
    assert validation.protocol.network.pretrained == str(tmp_path / "models" / "encoder.safetensors")


def test_a_table_without_the_statuses_has_the_same_distances_and_no_counts(blobs, tmp_path) -> None:
    validation = validated(blobs, tmp_path / "out")
    new = write_cross_validation(validation, MEASURES, "validate")[0]["images"]
    for path in (tmp_path / "out").rglob("predictions.csv"):
        path.write_text(re.sub(r",[^,\n]*$", "", path.read_text(), flags=re.MULTILINE))

    old = write_cross_validation(validation, MEASURES, "validate")[0]["images"]

    assert old.rows == new.rows
    assert old.to_dict()["images"] == new.to_dict()["images"]
    written = read_json(tmp_path / "out" / "images" / "metrics.json")["overall"]
    assert [written[key] for key in ("misses", "false_alarms", "correct_absences", "unanswered")] == [None] * 4
    with (tmp_path / "out" / "images" / "errors.csv").open() as stream:
        assert {row["status_pred"] for row in csv.DictReader(stream)} == {""}

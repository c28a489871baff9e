from __future__ import annotations

import csv
import functools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from ablation_study import protocol_of, study_of

from monai_ext.engines.run import Run
from monai_ext.experiments import (
    Ablation,
    AblationMeasures,
    AblationSettings,
    Cell,
    Progress,
    Size,
    cell_folder,
    series,
)
from monai_ext.inferers import Predictor
from monai_ext.landmarks import InputError
from monai_ext.models import read_card


class KilledError(Exception):
    """Stands for a kill in the middle of a run."""


def settings_of(**options: object) -> AblationSettings:
    return AblationSettings(**{"rows": ("base",), "seeds": 1, "max_steps": 4, "device": "cpu", **options})


def folder_of(ablation: Ablation, cell: Cell) -> Path:
    return ablation.output / "cells" / cell.name


def answers(path: Path, decoder: str) -> dict[tuple[str, str], tuple[float, float]]:
    with (path / "predictions.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if (row["stage"], row["decoder"]) == ("answer", decoder)]
    return {(row["image"], row["landmark"]): (float(row["pred_x"]), float(row["pred_y"])) for row in rows}


@pytest.mark.slow
def test_every_row_size_and_seed_is_a_cell(finished) -> None:
    expected = [
        Cell(row, size, seed) for seed in (0, 1) for size in (Size("4", 4), Size("all", 8)) for row in ("base", "1roi")
    ]

    assert finished.cells == expected
    assert all(finished.finished(cell) for cell in expected)


def test_every_cell_made_the_steps_that_are_stated_whatever_its_size(tmp_path, ablation_studies, monkeypatch) -> None:
    made: dict[Run, int] = {}
    after_step = Run._after_step

    def count(self, engine) -> None:
        made[self] = made.get(self, 0) + 1
        after_step(self, engine)

    monkeypatch.setattr(Run, "_after_step", count)
    ablation = Ablation(protocol_of(), ablation_studies, tmp_path, settings_of(sizes="1,3,all", max_steps=9))

    ablation.run()

    steps = [ablation.finished(cell)["steps"] for cell in ablation.cells]
    assert list(made.values()) == steps == [9, 9, 9]


def test_rows_learn_from_the_same_nested_images_and_report_the_same_others(finished, ablation_studies) -> None:
    drawn = {}
    for cell in finished.cells:
        images = finished._images(cell)
        drawn[cell] = {image.id for image in images if image.split == "train"}
        assert {image.id for image in images if image.split == "val"} == {"image_000", "image_001", "image_002"}
        assert read_card(folder_of(finished, cell) / "model").labels_used == cell.size.count + 3

    for seed in (0, 1):
        small, large = (
            {c.row: drawn[c] for c in finished.cells if c.size.count == n and c.seed == seed} for n in (4, 8)
        )
        assert small["base"] == small["1roi"] < large["base"] == large["1roi"]
    assert not {"image_000", "image_001", "image_002"} & set().union(*drawn.values())


def test_the_reported_weights_are_the_last_ones(finished) -> None:
    for cell in finished.cells:
        document = finished.finished(cell)
        history = document["history"]
        assert [entry["epoch"] for entry in history][-1] == document["epochs"]
        assert document["val_error"] == history[-1]["val_error"]
        errors = [
            np.linalg.norm(truth.points[truth.defined] - found.points[truth.defined], axis=1)
            for reading, pairs in finished.predictions(cell).items()
            if reading == ("answer", "local_soft_argmax")
            for _, truth, found in pairs
        ]
        assert np.concatenate(errors).mean() == pytest.approx(history[-1]["val_error"], abs=1e-3)


def test_the_table_of_predictions_holds_what_the_model_answers(finished, ablation_studies) -> None:
    cell = Cell("1roi", Size("all", 8), 1)
    predictor = Predictor.load(folder_of(finished, cell) / "model")
    path = ablation_studies.images()["image_001"]
    landmarks = predictor.predict(path)

    found = answers(folder_of(finished, cell), predictor.protocol.network.decoder)

    assert found["image_001", "dark"] == pytest.approx(tuple(landmarks.point("dark")), abs=1e-9)
    assert {image for image, _ in found} == {"image_000", "image_001", "image_002"}


def test_stages_and_decoders_are_kept_and_a_missing_truth_has_no_place(finished) -> None:
    with (folder_of(finished, Cell("1roi", Size("4", 4), 0)) / "predictions.csv").open() as stream:
        rows = list(csv.DictReader(stream))

    kinds = {(row["stage"], row["decoder"]) for row in rows}
    missing = [row for row in rows if row["status_true"] == "missing"]
    assert kinds == {(s, d) for s in ("answer", "coarse") for d in ("local_soft_argmax", "argmax")}
    assert {(row["image"], row["landmark"], row["true_x"]) for row in missing} == {("image_000", "dark", "")}
    assert all(row["pred_x"] for row in missing)
    assert len(rows) == 4 * 3 * 2


def test_finished_cells_are_not_trained_again(finished, ablation_studies, monkeypatch) -> None:
    files = [path for path in (finished.output / "cells").rglob("*") if path.is_file()]
    before = {path: path.stat().st_mtime_ns for path in files}
    monkeypatch.setattr(cell_folder, "train_model", lambda *args, **options: pytest.fail("a finished cell was trained"))
    again = Ablation(protocol_of(), ablation_studies, finished.output, finished.settings)

    reports: list[Progress] = []
    again.run(reports.append)

    assert reports == []
    assert {path: path.stat().st_mtime_ns for path in files} == before


@pytest.mark.slow
def test_a_killed_ablation_goes_on_within_the_cell_and_ends_as_an_unbroken_one(
    tmp_path, finished, ablation_studies, monkeypatch
) -> None:
    options = functools.partial(series.TrainOptions, checkpoint_seconds=0)
    monkeypatch.setattr(series, "TrainOptions", options)
    settings = AblationSettings(rows=("1roi",), sizes="4,all", seeds=1, max_steps=4, device="cpu")

    def kill(progress: Progress) -> None:
        if progress.number == 2 and progress.done >= progress.total - 2 and progress.val_error is not None:
            raise KilledError

    with pytest.raises(KilledError):
        Ablation(protocol_of(), ablation_studies, tmp_path, settings).run(kill)
    ablation = Ablation(protocol_of(), ablation_studies, tmp_path, settings)
    states = [ablation.finished(cell) is not None for cell in ablation.cells]
    begun = json.loads((folder_of(ablation, ablation.cells[1]) / "begun.json").read_text())
    reports: list[Progress] = []
    ablation.run(reports.append)

    assert states == [True, False]
    assert {report.number for report in reports} == {2}
    assert reports[1].done > 0, "the cell began anew"
    assert 0 < begun["seconds"] < ablation.finished(ablation.cells[1])["seconds"]
    # the fixture has the same cells, run without a break and with another row between them
    for cell in ablation.cells:
        whole, broken = (answers(folder_of(run, cell), "local_soft_argmax") for run in (finished, ablation))
        assert broken.keys() == whole.keys()
        assert list(broken.values()) == [pytest.approx(point, abs=1e-3) for point in whole.values()]


def test_a_cell_that_was_trained_but_not_evaluated_is_only_evaluated(tmp_path, finished, ablation_studies, monkeypatch):
    shutil.copytree(finished.output, tmp_path / "copy")
    cell = finished.cells[0]
    folder = tmp_path / "copy" / "cells" / cell.name
    kept = (folder / "predictions.csv").read_text()
    (folder / "predictions.csv").unlink()
    (folder / "cell.json").unlink()
    monkeypatch.setattr(cell_folder, "train_model", lambda *args, **options: pytest.fail("it was trained"))

    ablation = Ablation(protocol_of(), ablation_studies, tmp_path / "copy", finished.settings)
    ablation.run()

    assert (folder / "predictions.csv").read_text() == kept
    assert ablation.finished(cell) == finished.finished(cell)


@pytest.mark.slow
def test_cells_of_other_options_or_labels_are_trained_anew_with_a_warning(tmp_path) -> None:
    studies = study_of(tmp_path / "blobs", train=4)
    first = Ablation(protocol_of(), studies, tmp_path / "out", settings_of(max_steps=2))
    first.run()
    before = answers(folder_of(first, first.cells[0]), "argmax")

    slower = Ablation(protocol_of(learning_rate=1e-6), studies, tmp_path / "out", settings_of(max_steps=2))
    assert slower.finished(slower.cells[0]) is None
    with pytest.warns(UserWarning, match="base_all_seed0 was made with other images, labels or options"):
        slower.run()

    assert answers(folder_of(slower, slower.cells[0]), "argmax") != before
    label = studies.label_path("image_005")
    label.write_text(label.read_text().replace('"defined"', '"undefined"', 1))
    relabelled = Ablation(protocol_of(learning_rate=1e-6), studies, tmp_path / "out", settings_of(max_steps=2))
    assert relabelled.finished(relabelled.cells[0]) is None


def test_weights_are_dropped_where_nobody_wants_them(tmp_path, ablation_studies) -> None:
    ablation = Ablation(protocol_of(), ablation_studies, tmp_path, settings_of(max_steps=1, keep_weights=False))
    ablation.run()

    assert not list(tmp_path.rglob("*.safetensors"))
    assert [row.row for row in ablation.scores(AblationMeasures())] == ["base"]
    assert ablation.finished(ablation.cells[0])


def test_test_images_are_reported_where_they_are_asked_for(tmp_path) -> None:
    studies = study_of(tmp_path / "blobs", train=4)
    with pytest.raises(InputError, match="no labelled image of the split 'test'"):
        Ablation(protocol_of(), studies, tmp_path / "out", settings_of(split="test"))
    splits = studies.splits() | {"image_006": "test"}
    studies.write_splits(splits)

    ablation = Ablation(protocol_of(), studies, tmp_path / "out", settings_of(split="test", max_steps=1))
    ablation.run()

    assert ablation.training_images == 3
    assert {image for image, _ in answers(folder_of(ablation, ablation.cells[0]), "argmax")} == {"image_006"}


def test_millimetres_of_images_without_calibration_are_refused_before_anything_is_trained(finished) -> None:
    finished.check(AblationMeasures(unit="px"))
    with pytest.raises(InputError, match="image_000 has no known pixel size"):
        finished.check(AblationMeasures(unit="mm"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "encoder", "rows"),
    [("faces", "face-resnet", ("FE", "FTP", "Com")), ("imagenet", "efficientnet-lite0", ("Com",))],
)
def test_rows_of_sources_that_need_no_file(
    tmp_path, ablation_studies, source: str, encoder: str, rows: tuple[str, ...]
) -> None:
    network = {"name": "deconv_net", "encoder": encoder, "input_size": {"width": 64, "height": 64}}
    protocol = protocol_of(network, cross_task={"source": source})
    settings = AblationSettings(
        rows=rows, sizes="4", seeds=1, max_steps=1, validations=1, device="cpu", models=tmp_path / "models"
    )
    ablation = Ablation(protocol, ablation_studies, tmp_path / "out", settings)
    ablation.run()
    assert [score.row for score in ablation.scores(AblationMeasures(decoder="dark", other_decoder="argmax"))] == list(
        rows
    )
    again = Ablation(protocol, ablation_studies, tmp_path / "out", settings)
    assert all(again.finished(cell) is not None for cell in again.cells)
    with pytest.raises(
        InputError, match=r"face-resnet and .* a efficientnet-b0|No ImageNet weights of 'efficientnet-b0'"
    ):
        Ablation(
            protocol, ablation_studies, tmp_path / "out", settings.model_copy(update={"backbone": "efficientnet-b0"})
        )


def test_a_source_that_is_not_there_is_refused_before_anything_is_trained(tmp_path, ablation_studies) -> None:
    network = {"name": "deconv_net", "encoder": "resnet18", "input_size": {"width": 64, "height": 64}}
    protocol = protocol_of(network, cross_task={"source": "nobody"})

    with pytest.raises(InputError, match="source classifier 'nobody', which does not exist"):
        Ablation(protocol, ablation_studies, tmp_path, settings_of(rows=("FT",)))

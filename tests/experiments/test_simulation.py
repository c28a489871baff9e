"""Active learning played through on a few blobs with a tiny network."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from ablation_study import protocol_of, study_of

from monai_ext.active import Candidates, find_measure, select
from monai_ext.experiments import Simulation, SimulationSettings, cell_folder, view_pool
from monai_ext.experiments.rounds import ChoiceFile
from monai_ext.inferers import Predictor
from monai_ext.landmarks import InputError
from monai_ext.landmarks.files import read_json

STRATEGIES = ("random", "hybrid")


class KilledError(Exception):
    """Stands for a kill in the middle of a run."""


def simulation_of(studies, output: Path, **options: object) -> Simulation:
    settings = {
        "strategies": STRATEGIES,
        "initial": 2,
        "batch": 2,
        "rounds": 2,
        "seeds": 1,
        "max_steps": 2,
        "measure": "map_radius",
    }
    own = SimulationSettings(**{**settings, "device": "cpu", "validations": 1, **options})
    return Simulation(protocol_of(), studies, output, own)


@pytest.fixture(scope="module")
def blobs(tmp_path_factory):
    return study_of(tmp_path_factory.mktemp("pool"), train=7, val=2)


@pytest.fixture(scope="module")
def played(tmp_path_factory, blobs) -> Simulation:
    run = simulation_of(blobs, tmp_path_factory.mktemp("played"), keep_weights=True)
    run.run()
    return run


def cells_of(run: Simulation) -> dict[str, dict]:
    return {cell.name: run.finished(cell) for cell in run.cells}


def folder_of(run: Simulation, name: str) -> Path:
    return run.output / "cells" / name


@pytest.mark.slow
def test_all_strategies_go_on_from_the_same_first_labels_and_add_a_batch(played) -> None:
    cells = cells_of(played)

    assert list(cells) == ["initial_2_seed0", "random_4_seed0", "hybrid_4_seed0", "random_6_seed0", "hybrid_6_seed0"]
    first = cells["initial_2_seed0"]["labelled"]
    for strategy in STRATEGIES:
        four, six = cells[f"{strategy}_4_seed0"]["labelled"], cells[f"{strategy}_6_seed0"]["labelled"]
        assert (four[:2], six[:4]) == (first, four)
        assert len(set(six)) == 6
    validated = {image.id for image in played.reported}
    assert not validated & set(cells["hybrid_6_seed0"]["labelled"])
    assert {document["steps"] for document in cells.values()} == {2}


def test_chance_is_a_prefix_of_one_order(played) -> None:
    cells = cells_of(played)
    everything = select("random", Candidates(tuple(f"image_{n:03d}" for n in range(2, 9)), seed=0), 7)

    assert cells["initial_2_seed0"]["labelled"] == everything[:2]
    assert cells["random_6_seed0"]["labelled"] == everything[:6]


def test_a_strategy_chooses_with_the_model_of_the_round_before(played, blobs) -> None:
    labelled = cells_of(played)["hybrid_4_seed0"]["labelled"]
    rest = sorted({f"image_{n:03d}" for n in range(2, 9)} - set(labelled))
    predictor = Predictor.load(folder_of(played, "hybrid_4_seed0") / "model")
    measure = find_measure("map_radius", predictor.protocol, predictor.network)
    images = blobs.images()
    scores, features = view_pool([predictor], [images[id] for id in rest], measure, features=True, batch_size=1)
    known = view_pool([predictor], [images[id] for id in labelled], features=True).features

    chosen = select("hybrid", Candidates(tuple(rest), scores, features, known), 2)

    assert cells_of(played)["hybrid_6_seed0"]["labelled"][4:] == chosen


def test_the_error_is_that_of_the_table_of_predictions(played) -> None:
    for name, document in cells_of(played).items():
        with (folder_of(played, name) / "predictions.csv").open() as stream:
            rows = [r for r in csv.DictReader(stream) if r["stage"] == "answer" and r["status_true"] == "defined"]
        errors = [
            np.hypot(float(r["pred_x"]) - float(r["true_x"]), float(r["pred_y"]) - float(r["true_y"])) for r in rows
        ]
        assert document["error"] == pytest.approx(np.mean(errors))
        assert document["error"] == pytest.approx(document["val_error"], abs=1e-3)
        assert document["unit"] == "px"


def test_a_finished_simulation_trains_nothing(played, blobs, monkeypatch) -> None:
    monkeypatch.setattr(cell_folder, "train_model", lambda *args, **options: pytest.fail("it was trained"))
    again = simulation_of(blobs, played.output, keep_weights=True)

    again.run(lambda progress: pytest.fail("there was work"))

    assert cells_of(again) == cells_of(played)


@pytest.mark.slow
def test_a_killed_one_goes_on_and_ends_as_an_unbroken_one(played, blobs, tmp_path, monkeypatch) -> None:
    finish = cell_folder.CellFolder.finish

    def kill(self, document, *, keep_weights):
        if self.cell.name == "hybrid_4_seed0":
            raise KilledError
        finish(self, document, keep_weights=keep_weights)

    for name in ("initial_2_seed0", "random_4_seed0"):
        shutil.copytree(folder_of(played, name), tmp_path / "cells" / name)
    shutil.copytree(played.output / "selections", tmp_path / "selections")
    with monkeypatch.context() as patch:
        patch.setattr(cell_folder.CellFolder, "finish", kill)
        with pytest.raises(KilledError):
            simulation_of(blobs, tmp_path).run()
    reports = []
    broken = simulation_of(blobs, tmp_path)
    done = [cell.name for cell in broken.cells if broken.finished(cell)]
    broken.run(reports.append)

    assert done == ["initial_2_seed0", "random_4_seed0"]
    assert [(r.cell.name, r.number, r.count) for r in reports if r.finished] == [
        ("hybrid_4_seed0", 3, 5),
        ("random_6_seed0", 4, 5),
        ("hybrid_6_seed0", 5, 5),
    ]
    assert (reports[-1].done, reports[-1].total) == (6, 6)
    whole = cells_of(played)
    for name, document in cells_of(broken).items():
        assert document["labelled"] == whole[name]["labelled"]
        assert document["error"] == pytest.approx(whole[name]["error"], abs=1e-4)
    # nothing depends on weights any more
    assert not list(tmp_path.rglob("*.safetensors"))


def test_another_measure_chooses_anew_and_keeps_what_does_not_depend_on_it(played, blobs) -> None:
    other = simulation_of(blobs, played.output, measure="entropy")

    states = {name: document is not None for name, document in cells_of(other).items()}

    assert states == {
        "initial_2_seed0": True,
        "random_4_seed0": True,
        "hybrid_4_seed0": False,
        "random_6_seed0": True,
        "hybrid_6_seed0": False,
    }


@pytest.mark.slow
def test_a_strategy_that_comes_later_makes_the_first_model_again(blobs, tmp_path) -> None:
    simulation_of(blobs, tmp_path, strategies=("random",), rounds=1).run()
    first = read_json(tmp_path / "cells" / "initial_2_seed0" / "cell.json")
    later = simulation_of(blobs, tmp_path, strategies=("random", "uncertainty"), rounds=1)

    with pytest.warns(UserWarning, match="initial_2_seed0 were deleted but are needed; training starts again"):
        later.run()

    cells = cells_of(later)
    assert cells["initial_2_seed0"]["error"] == pytest.approx(first["error"], abs=1e-4)
    assert cells["uncertainty_4_seed0"]["labelled"][:2] == first["labelled"]


@pytest.mark.slow
def test_a_warm_start_begins_with_the_round_before(blobs, tmp_path, monkeypatch) -> None:
    starts = []
    train = cell_folder.train_model

    def look(*args, pretrained=None, **options):
        starts.append(pretrained)
        return train(*args, pretrained=pretrained, **options)

    monkeypatch.setattr(cell_folder, "train_model", look)
    run = simulation_of(blobs, tmp_path, strategies=("random",), warm=True, keep_weights=True)
    run.run()

    assert starts == [None, *(folder_of(run, name) / "model" for name in ("initial_2_seed0", "random_4_seed0"))]
    errors = [cells_of(run)[cell.name]["error"] for cell in run.cells]
    # a model that is worse than that of the round before does not replace it
    assert errors == sorted(errors, reverse=True)
    for cell in run.cells[1:]:
        document, card = cells_of(run)[cell.name], read_json(folder_of(run, cell.name) / "model" / "card.json")
        assert document["published"] == (card["parent"] is not None and card["labels_used"] == cell.labels + 2)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"strategies": ("best",)}, "not 'best'"),
        ({"measure": "dropout"}, "blobs cannot have the measure 'dropout', as its network has no dropout layer"),
        ({"measure": "luck"}, "no measure of uncertainty 'luck'"),
        ({"initial": 7}, "--initial asks for 7 of 7"),
    ],
)
def test_a_wrong_request_is_refused_before_anything_is_trained(blobs, tmp_path, options, sentence) -> None:
    with pytest.raises(InputError, match=sentence):
        simulation_of(blobs, tmp_path, **options)
    assert not list(tmp_path.iterdir())


def test_a_damaged_choice_is_not_taken(tmp_path) -> None:
    choice = ChoiceFile(tmp_path, "hybrid_4_seed0", ["model", "hybrid"])
    assert choice.read() is None
    choice.write(["b", "a"])

    assert ChoiceFile(tmp_path, "hybrid_4_seed0", ["model", "hybrid"]).read() == ["b", "a"]
    assert ChoiceFile(tmp_path, "hybrid_4_seed0", ["another model", "hybrid"]).read() is None
    (tmp_path / "selections" / "hybrid_4_seed0.json").write_text("[]")
    with pytest.raises(InputError, match="not a list of chosen images; remove it"):
        choice.read()

from __future__ import annotations

import json

import pytest
import yaml
from answering import Blobs
from engine_study import write_study

from monai_ext.engines import labelled_images
from monai_ext.experiments import CrossValidation, fold_images
from monai_ext.studies import Studies

PROTOCOL = {
    "name": "blobs",
    "title": "Blobs",
    "channels": "grey",
    "landmarks": [{"name": "bright", "description": "the bright"}, {"name": "dark", "description": "the dark"}],
    "network": {"decoder_channels": [16, 12, 8, 8, 8], "input_size": {"width": 64, "height": 64}},
    "recipe": {"max_epochs": 2, "batch_size": 2},
}


@pytest.fixture
def validate(cli, tmp_path):
    write_study(tmp_path / "blobs", 4)
    (tmp_path / "blobs.yaml").write_text(yaml.safe_dump(PROTOCOL))

    def run(*arguments: object):
        where = ("--protocol", tmp_path / "blobs.yaml", "--output", tmp_path / "out")
        small = ("--folds", 2, "--max-steps", 1, "--device", "cpu", "--workers", 0)
        return cli("cross-validate", tmp_path / "blobs", *where, *small, *arguments)

    return run


@pytest.mark.slow
def test_a_stop_keeps_the_finished_folds_and_the_same_command_goes_on(validate, cli, tmp_path, monkeypatch) -> None:
    copies = tmp_path / "copies"
    changed = cli("simulate-camera-change", tmp_path / "blobs", "-p", tmp_path / "blobs.yaml", "-o", copies)
    assert changed.code == 0, changed.err
    run = CrossValidation._run

    def stop_at_the_second(self, fold, on_progress):
        if fold.number == 2:
            raise KeyboardInterrupt
        return run(self, fold, on_progress)

    with monkeypatch.context() as patch:
        patch.setattr(CrossValidation, "_run", stop_at_the_second)
        stopped = validate("--also", copies)
    assert stopped.code == 130
    assert "1 of 2 folds are finished; run the same command to resume" in stopped.err
    assert "1 of 2 folds are finished" in (tmp_path / "out" / "table.md").read_text()

    answer = validate("--also", copies, "--normalize-by", "bright,dark", "--json")
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    assert document == json.loads((tmp_path / "out" / "cross_validation.json").read_text())
    assert (document["folds_finished"], document["folds_asked_for"]) == (2, 2)
    settings = document["settings"]
    assert (settings["folds"], settings["max_steps"], settings["device"]) == (2, 1, "cpu")
    assert "models" not in settings  # a folder of this machine
    assert [row["name"] for row in document["relative"]["changed"]] == ["bright", "dark", "all"]
    assert document["relative"]["images"][-1]["images"] == 4
    assert "Cell 2 of 2 (fold 2 of 2, seed 0): error" in answer.err
    assert "fold 1" not in answer.err
    told = validate("--also", copies)
    assert "Written to" in told.out
    assert "changed/" in told.out
    report = cli("report", tmp_path / "out" / "images", tmp_path / "out" / "changed", "-o", tmp_path / "page.html")
    assert report.code == 0, report.err


def test_a_series_that_was_stopped_has_the_unit_of_all_its_images(validate, tmp_path, monkeypatch) -> None:
    blobs = Blobs(tmp_path / "six")
    (tmp_path / "blobs").rename(tmp_path / "four")
    (tmp_path / "six").rename(tmp_path / "blobs")
    blobs.studies = Studies(tmp_path / "blobs")
    blobs.answer_in(monkeypatch)
    blobs.calibrate((0.5, 0.5), *(image.id for image in fold_images(labelled_images(blobs.studies), 2, 0)[0]))
    run = CrossValidation._run

    def stop_at_the_second(self, fold, on_progress):
        if fold.number == 2:
            raise KeyboardInterrupt
        return run(self, fold, on_progress)

    monkeypatch.setattr(CrossValidation, "_run", stop_at_the_second)
    answer = validate()

    assert answer.code == 130
    assert "3 of 6 images have no known pixel size" in answer.words
    found = json.loads((tmp_path / "out" / "images" / "metrics.json").read_text())
    assert (found["unit"], found["thresholds"]) == ("px", [2.0, 5.0, 10.0])  # 1 % of a diagonal of 500 px: 5 px
    assert found["overall"]["mre"] == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--folds", 1), "A cross-validation needs at least 2 folds, not 1"),
        (("--folds", 9), "9 folds need at least as many labelled images, but there are 4"),
        (("--normalize-by", "bright,eye"), "--normalize-by needs two different landmarks"),
        (("--unit", "cm"), "'cm' is not one of 'auto', 'mm', 'px'"),
        (("--also", "nowhere"), "The studies folder nowhere does not exist"),
    ],
)
def test_a_wrong_request_is_one_sentence_and_trains_nothing(validate, tmp_path, arguments, sentence) -> None:
    answer = validate(*arguments)
    assert answer.code == 2
    assert sentence in answer.words
    assert "Traceback" not in answer.err
    assert not (tmp_path / "out").exists()

"""evaluate: errors in percent of a distance, and decoders side by side, of a network with random weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from engine_study import blob_protocol, write_study
from PIL import Image
from report_case import PageReader

from monai_ext.evaluation import Evaluation, mean_interval
from monai_ext.inferers import Predictor
from monai_ext.landmarks.markups import read_markups
from monai_ext.models import publish
from monai_ext.networks import build_network
from monai_ext.studies import Studies
from monai_ext.transforms.pipeline import inference_transforms

__all__ = ["blob_protocol"]

COUNT = 4


@pytest.fixture(scope="module")
def model(tmp_path_factory, blob_protocol):
    root = tmp_path_factory.mktemp("evaluated")
    write_study(root / "studies", COUNT)
    torch.manual_seed(3)
    facts = {"labels_used": 2, "val_images": (), "val_error": 1.0, "unit": "px", "epochs": 1, "seed": 0, "date": ""}
    publish(root / "model", build_network(blob_protocol).state_dict(), {"protocol": blob_protocol, **facts})
    return root


@pytest.fixture
def evaluate(cli, model, tmp_path):
    def run(*arguments: object):
        answer = cli(
            "evaluate", "--studies", model / "studies", "--model", model / "model", "--split", "all",
            "--output", tmp_path, "--worst", 0, *arguments,
        )  # fmt: skip
        return answer, tmp_path

    return run


def by_hand(model: Path, protocol) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Errors (N, K) of the plain argmax, and the distance of the two true points (N,), from the network itself."""
    predictor = Predictor.load(model / "model")
    studies = Studies(model / "studies")
    errors, distances = [], []
    for id, path in studies.images().items():
        sample = inference_transforms(protocol)({"image": str(path)})
        with torch.no_grad():
            maps = predictor.network(torch.as_tensor(sample["image"])[None]).heatmaps[0].numpy()
        peaks = [np.unravel_index(plane.argmax(), plane.shape)[::-1] for plane in maps]
        back = np.linalg.inv(sample["matrix"].numpy())
        width, height = sample["frame"].size
        points = np.array([(back @ (*peak, 1))[:2] for peak in peaks]).clip(-0.5, (width - 0.5, height - 0.5))
        truth = read_markups(studies.label_path(id), sample["frame"], protocol.landmark_names).points
        errors.append(np.linalg.norm(points - truth, axis=1))
        distances.append(np.linalg.norm(truth[0] - truth[1]))
    return np.array(errors), np.array(distances)


def test_decoders_stand_side_by_side(evaluate, model, blob_protocol) -> None:
    answer, out = evaluate("--decoder", "argmax", "--json", "--normalize-by", "bright,dark")

    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    own = blob_protocol.network.decoder
    assert list(document["decoders"]) == [own, "argmax"]
    assert document["decoders"][own]["overall"] == document["overall"]
    errors, distances = by_hand(model, blob_protocol)
    argmax = document["decoders"]["argmax"]
    found = np.array([[np.nan if e is None else e for e in row["errors"]] for row in argmax["images"]])
    known = ~np.isnan(found)
    assert known.any()
    np.testing.assert_allclose(found[known], errors[known], atol=1e-4)
    shares = [row["error"] for row in argmax["normalized"]["images"]]
    expected = 100 * np.nanmean(np.where(known, errors, np.nan), axis=1) / distances
    np.testing.assert_allclose(shares, expected, rtol=1e-4)
    assert argmax["normalized"]["me"] == pytest.approx(expected.mean(), rel=1e-4)
    written = json.loads((out / "metrics.json").read_text())
    assert written["decoders"] == document["decoders"]
    with Image.open(out / "ced.png") as picture:
        assert min(picture.size) > 200


def test_tables_show_percent_and_decoders(evaluate) -> None:
    answer, _ = evaluate("--decoder", "argmax, dark", "--normalize-by", "bright,dark", "--normalized-limit", 20)

    assert answer.code == 0, answer.err
    assert "bright and dark" in answer.out
    assert "Failure rate, image > 20 %" in answer.out
    rows = [line.split()[0] for line in answer.out.splitlines() if line.strip()]
    assert rows.index("argmax") < rows.index("dark", rows.index("argmax"))


def test_without_the_options_nothing_is_added(evaluate) -> None:
    answer, _ = evaluate("--json")

    assert not {"decoders", "normalized"} & json.loads(answer.out).keys()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--decoder", "argmax,peak"), "--decoder names decoders out of argmax"),
        (("--normalize-by", "bright"), "two different landmarks out of bright, dark, not 'bright'"),
        (("--normalize-by", "bright,bright"), "two different landmarks"),
        (("--normalize-by", "bright,nose"), "two different landmarks out of bright, dark, not 'bright,nose'"),
        (("--normalize-by", "bright,dark", "--normalized-limit", 0), "positive"),
    ],
)
def test_options_without_meaning_are_refused(evaluate, arguments, sentence) -> None:
    answer, _ = evaluate(*arguments)

    assert answer.code == 2
    assert sentence in " ".join(answer.err.split())


def test_points_and_origin_are_kept(evaluate, model) -> None:
    answer, out = evaluate("--worst", 1)

    assert answer.code == 0, answer.err
    written = json.loads((out / "metrics.json").read_text())
    studies = Studies(model / "studies")
    for recorded, scores in zip(written["points"]["images"], written["images"], strict=True):
        assert studies.images()[recorded["image"]].name == recorded["file"]
        for true, found, error in zip(recorded["truth"], recorded["prediction"], scores["errors"], strict=True):
            measured = true["status"] == found["status"] == "defined"
            assert (error is not None) == measured
            if measured:
                assert np.hypot(*np.subtract(true["point"], found["point"])) == pytest.approx(error)
    assert written["studies"] == (model / "studies").as_posix()
    assert written["command"].startswith("monai-landmarks evaluate --studies ")
    assert written["model_sha256"] == Predictor.load(model / "model").card.sha256
    assert written["machine"]["threads"] == torch.get_num_threads()
    assert "coarse" not in written


def test_intervals_are_over_the_subjects_that_the_folder_states(cli, model, tmp_path) -> None:
    shutil.copytree(model / "studies", tmp_path / "studies")
    Studies(tmp_path / "studies").write_subjects({"image_000": "S1", "image_001": "S2", "image_002": "S1"})

    answer = cli(
        "evaluate", "--studies", tmp_path / "studies", "--model", model / "model", "--split", "all", "--worst", 0,
        "--output", tmp_path / "out",
    )  # fmt: skip

    assert answer.code == 0, answer.err
    written = Evaluation.from_dict(json.loads((tmp_path / "out" / "metrics.json").read_text()))
    assert written.subjects == (0, 1, 0, 2)
    told = mean_interval([row.errors for row in written.images], [0, 1, 0, 2])
    (line,) = (line for line in answer.out.splitlines() if "interval of the mean" in line)
    assert " ".join(line.split()) == (
        f"│ 95 % interval of the mean, over subjects │ {told.low:.3f} to {told.high:.3f} px │"
    )


@pytest.fixture
def trained(cli, model, blob_protocol, tmp_path):
    """Evaluates a model that was validated on the fourth image, after its folder was given what a training notes."""

    def run(sides: dict[str, list[str]] | None, split: str = "all"):
        shutil.copytree(model / "studies", tmp_path / "studies")
        studies, folder = Studies(tmp_path / "studies"), tmp_path / "model"
        studies.write_splits({"image_000": "train", "image_001": "test", "image_003": "val"})
        facts = {"labels_used": 2, "val_error": 1.0, "unit": "px", "epochs": 1, "seed": 0, "date": ""}
        card = {"protocol": blob_protocol, "val_images": ("image_003",), **facts}
        publish(folder, Predictor.load(model / "model").network.state_dict(), card)
        if sides is not None:
            (folder / "settled_sides.json").write_text(json.dumps(sides))
        answer = cli(
            "evaluate", "--studies", studies.root, "--model", folder, "--split", split, "--worst", 0,
            "--output", tmp_path / "evaluation",
        )  # fmt: skip
        assert answer.code == 0, answer.err
        return answer, json.loads((tmp_path / "evaluation" / "metrics.json").read_text())

    return run


def test_images_that_trained_the_model_are_said_wherever_its_error_is(cli, trained, tmp_path) -> None:
    answer, written = trained({"train": ["image_000", "image_002", "elsewhere"], "val": []})

    sentence = (
        "2 of the 4 images trained blobs v1 (by their IDs): its errors on images that training has not seen are larger."
    )
    assert f"Warning: {sentence}" in answer.words
    assert (written["images_that_trained_the_model"], written["warnings"]) == (2, [sentence])
    for command in (
        ("report", tmp_path / "evaluation"),
        ("model-card", tmp_path / "model", "-e", tmp_path / "evaluation"),
    ):
        made = cli(*command, "--output", tmp_path / command[0])
        assert made.code == 0, made.err
    assert sentence in PageReader((tmp_path / "report" / "report.html").read_text(encoding="utf-8")).warnings()
    card = json.loads((tmp_path / "model-card" / "model_card.json").read_text())
    assert card["evaluations"][0]["warnings"] == [sentence]
    text = (tmp_path / "model-card" / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "\n**Warning:** 2 of the 4 images trained blobs v1" in text


@pytest.mark.parametrize("split", ["test", "val", "model"])
def test_images_that_did_not_train_the_model_need_no_word(trained, split) -> None:
    answer, written = trained({"train": ["image_000", "image_002"], "val": []}, split)

    assert "Warning" not in answer.err
    assert (written["images_that_trained_the_model"], written["warnings"]) == (0, [])


def test_where_the_folder_does_not_say_what_trained_the_model_the_split_is_told(trained) -> None:
    answer, written = trained(None)

    assert "1 of the 4 images are of the split train, and the folder of blobs v1 does not say which" in answer.words
    assert (written["images_that_trained_the_model"], len(written["warnings"])) == (None, 1)


def test_the_coarse_stage_is_measured_on_the_same_landmarks(cli, model, blob_protocol, tmp_path) -> None:
    network = {"name": "zian", "backbone": "unet_small", "roi_sizes": [32, 64], "presence": True}
    network["input_size"] = {"width": 96, "height": 64}
    zian = blob_protocol.model_validate(blob_protocol.model_dump() | {"network": network})
    torch.manual_seed(8)
    untrained = build_network(zian)
    torch.nn.init.normal_(untrained.presence_head.linear.weight, std=3)  # some landmarks are called missing
    facts = {"labels_used": 2, "val_images": (), "val_error": 1.0, "unit": "px", "epochs": 1, "seed": 0, "date": ""}
    publish(tmp_path / "model", untrained.state_dict(), {"protocol": zian, **facts})

    answer = cli(
        "evaluate", "--studies", model / "studies", "--model", tmp_path / "model", "--split", "all", "--json",
        "--output", tmp_path / "out", "--worst", 0,
    )  # fmt: skip

    assert answer.code == 0, answer.err
    coarse = json.loads(answer.out)["coarse"]["overall"]
    predictor, studies, errors = Predictor.load(tmp_path / "model"), Studies(model / "studies"), []
    for id, path in studies.images().items():
        found = predictor.predict_stages(path)
        truth = read_markups(studies.label_path(id), found.landmarks.frame, zian.landmark_names)
        errors += list(np.linalg.norm(found.coarse - truth.points, axis=1)[found.landmarks.defined])
    assert coarse["count"] == len(errors) == json.loads(answer.out)["overall"]["count"] == 4  # of 8
    assert coarse["mre"] == pytest.approx(np.mean(errors), rel=1e-6)


def test_a_folder_that_cannot_be_written_is_found_before_any_prediction(cli, model, tmp_path, monkeypatch) -> None:
    def predict(*arguments: object) -> None:
        raise AssertionError("an image was looked at")

    monkeypatch.setattr("monai_ext.evaluation.evaluate_model", predict)
    (tmp_path / "taken").write_text("a file")

    answer = cli(
        "evaluate", "--studies", model / "studies", "--model", model / "model", "--split", "all",
        "--output", tmp_path / "taken" / "results",
    )  # fmt: skip

    assert answer.code == 2
    assert "cannot be read or written (file exists)" in answer.err

"""The documents' figures against the files that they are said to come from."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
EVIDENCE = ROOT / "docs" / "evidence"
FOLDS = EVIDENCE / "fundus_cross_validation"


def test_every_file_that_the_index_names_is_there_and_readable() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)", (EVIDENCE / "README.md").read_text(encoding="utf-8"))
    assert len(links) > 10
    for link in links:
        path = (EVIDENCE / link).resolve()
        assert path.is_file(), link
        if path.suffix == ".json":
            assert json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["images", "changed"])
def test_the_rows_of_the_cross_validation_follow_from_its_errors(name: str) -> None:
    told = json.loads((FOLDS / "cross_validation.json").read_text(encoding="utf-8"))
    assert told["folds_finished"] == told["folds_asked_for"] == 5
    held_out = [image for fold in told["folds"] for image in fold["held_out"]]
    assert len(held_out) == len(set(held_out)) == 103
    document = json.loads((FOLDS / name / "metrics.json").read_text(encoding="utf-8"))
    changes = json.loads((FOLDS / "camera_change.json").read_text(encoding="utf-8"))["images"]
    names = [image["image"] for image in document["images"]]
    assert sorted(names) == sorted(held_out) == sorted(changes)
    px = np.array([image["errors_px"] for image in document["images"]])
    widths = np.array([changes[id]["size"][0] if name == "changed" else 1072 for id in names])
    for k, row in enumerate(told["relative"][name][:2]):
        assert row["images"] == 103
        assert row["mean"] == pytest.approx(px[:, k].mean(), abs=1e-6)
        assert row["median"] == pytest.approx(np.median(px[:, k]), abs=1e-6)
        assert row["worst"] == pytest.approx(px[:, k].max(), abs=1e-6)
        assert row["of_width"] == pytest.approx((100 * px[:, k] / widths).mean(), abs=1e-6)
    assert told["relative"][name][2]["mean"] == pytest.approx(px.mean(), abs=1e-6)


def test_the_benchmarks_tell_of_the_cross_validation_what_the_file_says() -> None:
    told = json.loads((FOLDS / "cross_validation.json").read_text(encoding="utf-8"))
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    for row in told["relative"]["images"] + told["relative"]["changed"]:
        figures = (
            f"| {row['mean']:.1f} ({row['low']:.1f} to {row['high']:.1f}) | {row['median']:.1f} | "
            f"{row['of_width']:.2f} | {row['of_distance']:.1f} | {row['failures']} of {row['images']} |"
        )
        assert figures in text


def test_the_index_tells_how_far_seeds_of_the_fundus_model_differ() -> None:
    text = (EVIDENCE / "README.md").read_text(encoding="utf-8").replace("\n", " ")
    (shipped,) = (ROOT / "apps" / "landmarks" / "pretrained" / "fundus").glob("*.training.json")
    records = [shipped, *(EVIDENCE / "fundus_seeds" / f"seed{seed}.training.json" for seed in (1, 2))]
    told = [json.loads(record.read_text(encoding="utf-8")) for record in records]
    assert [record["seed"] for record in told] == [0, 1, 2]
    assert len({(record["epochs"], record["labels_used"], record["keep"]) for record in told}) == 1
    first, second, third = (f"{record['val_error']:.1f} px" for record in told)
    assert f"seed 0 has {first}, seed 1 {second} and seed 2 {third}" in text


@pytest.mark.parametrize("name", ["wings12", "faces14"])
def test_the_benchmarks_tell_of_the_peer_what_the_file_says(name: str) -> None:
    told = json.loads((EVIDENCE / "peers" / f"{name}.json").read_text(encoding="utf-8"))
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    for run in told["results"].values():
        errors = [error for image in run["errors"].values() for error in image]
        assert np.mean(errors) == pytest.approx(run["mre"], abs=1e-6)
        assert f"| {run['mre']:.2f} | {run['median']:.2f} |" in text
        assert f"| {run['steps']} x {run['batch']} |" in text


def test_the_benchmarks_tell_of_the_face_model_what_the_file_says() -> None:
    told = json.loads((EVIDENCE / "face_model" / "results.json").read_text(encoding="utf-8"))
    shipped = ROOT / "apps" / "landmarks" / "pretrained" / "face"
    evaluated = json.loads((EVIDENCE / "face_validation" / "metrics.json").read_text(encoding="utf-8"))
    card = json.loads((shipped / "card.json").read_text(encoding="utf-8"))
    assert told["model_sha256"] == evaluated["model_sha256"] == card["sha256"]
    assert evaluated["normalized"]["me"] == pytest.approx(told["photographs"]["mean"], abs=1e-3)
    assert evaluated["overall"]["mre"] == pytest.approx(card["val_error"], abs=1e-2)  # the file has half the digits
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    composed = told["composed"]
    for row in (told["photographs"], composed["all"], *composed["sizes"].values(), told["other_camera"]):
        figures = (
            f"| {row['images']} | {row['mean']:.2f} | {row['median']:.2f} | {row['largest']:.2f} | "
            f"{row['failed']} | {row['landmarks_missed']} |"
        )
        assert figures in text
    for name, value in told["measurements"].items():
        assert f"| `{name}` | {value:.1f} | {composed['measurements'][name]:.1f} |" in text
    without = told["without_a_face"].values()
    assert f"Of {sum(row['pictures'] for row in without)} pictures without a face" in text
    assert sum(row["false_answers"] for row in without) == 0
    assert f"{told['photographs']['mean']:.2f} % of the distance" in (ROOT / "README.md").read_text(encoding="utf-8")

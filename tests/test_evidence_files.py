"""The documents' figures against the files that they are said to come from."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
EVIDENCE = ROOT / "docs" / "evidence"


def test_every_file_that_the_index_names_is_there_and_readable() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)", (EVIDENCE / "README.md").read_text(encoding="utf-8"))
    assert len(links) > 10
    for link in links:
        path = (EVIDENCE / link).resolve()
        assert path.is_file(), link
        if path.suffix == ".json":
            assert json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("folder", "version", "light"),
    [
        ("fundus_validation", "v5", "as they are"),
        ("fundus_validation_changed", "v5", "as other cameras would draw them"),
        ("fundus_former", "v4", "as they are"),
        ("fundus_former_changed", "v4", "as other cameras would draw them"),
    ],
)
def test_the_benchmarks_tell_of_the_fundus_model_what_the_errors_say(folder: str, version: str, light: str) -> None:
    told = json.loads((EVIDENCE / folder / "metrics.json").read_text(encoding="utf-8"))
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert told["model_version"] == version
    assert len(told["images"]) == 71
    failed = sum(image["error"] > 40 for image in told["normalized"]["images"])
    assert failed / 71 == pytest.approx(told["normalized"]["failure_rate"])
    for k, name in enumerate(("fovea", "optic disc")):
        errors = [image["errors_px"][k] for image in told["images"]]
        found = np.array([error for error in errors if error is not None])
        row = f"| {found.mean():.1f} | {np.median(found):.1f} | {71 - len(found)} | {failed} of 71 |"
        assert f"| {version} | {light} | {name} {row}" in text


def test_the_benchmarks_tell_of_missing_landmarks_what_the_file_says() -> None:
    told = json.loads((EVIDENCE / "fundus_presence" / "presence.json").read_text(encoding="utf-8"))
    text = " ".join((ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8").split())
    cut = told["cut_away_called_missing"]
    assert f"the disc is called missing in {cut['optic_disc']} of 71 parts without the disc" in text
    assert f"the fovea in {cut['fovea']} of 71 parts without the fovea" in text
    assert f"What a part shows is called missing {sum(told['shown_in_a_part_called_missing'].values())} times" in text
    assert set(told["whole_called_missing"].values()) == {0}


def test_the_readme_tells_of_the_fundus_model_what_the_file_says() -> None:
    told = json.loads((EVIDENCE / "fundus_validation" / "metrics.json").read_text(encoding="utf-8"))
    (fovea, disc), text = told["landmarks"], (ROOT / "README.md").read_text(encoding="utf-8")
    means, medians = ([100 * landmark[key] / 1072 for landmark in (fovea, disc)] for key in ("mre", "median"))
    assert f"mean error {means[0]:.2f} % (fovea) and {means[1]:.2f} % (disc)" in text
    assert f"medians {medians[0]:.2f} % and {medians[1]:.2f} %" in text


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

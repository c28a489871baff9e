"""The documents' figures against the files that they are said to come from."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from monai_ext.evaluation import Factors, difference_interval, find_causes

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


def test_every_section_and_program_that_the_index_names_is_there() -> None:
    index = (EVIDENCE / "README.md").read_text(encoding="utf-8")
    documents = {"README": "README.md", "benchmarks": "docs/benchmarks.md"}
    documents["active learning"] = "docs/active_learning.md"
    named = re.findall(rf"({'|'.join(documents)})[^*|;]*, \*([^*]+)\*", index)
    assert len(named) > 5
    for document, section in named:
        headings = re.findall(r"^#+ (.+)$", (ROOT / documents[document]).read_text(encoding="utf-8"), flags=re.M)
        assert any(heading.startswith(section) for heading in headings), (document, section)
    for program in re.findall(r"(?:docs|tests)/\S+?\.py", index):
        assert (ROOT / program).is_file(), program


@pytest.mark.parametrize("path", sorted((EVIDENCE / "timing").glob("runtime_*.json")), ids=lambda path: path.stem)
def test_the_benchmarks_tell_of_the_runtimes_what_the_file_says(path: Path) -> None:
    told = json.loads(path.read_text(encoding="utf-8"))
    name = path.stem.removeprefix("runtime_")
    card = json.loads((ROOT / f"apps/landmarks/pretrained/{name}/card.json").read_text(encoding="utf-8"))
    assert told["model"] == card["sha256"]
    text, times = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8"), told["milliseconds"]
    for runtime, own in times.items():
        ratios = [one / other for one, other in zip(times["torch"], own, strict=True)]
        told_of = "1" if runtime == "torch" else f"{min(times['torch']) / min(own):.2f}, {np.median(ratios):.2f}"
        assert f"| {min(own):.0f} | {np.median(own):.0f} | {told_of} |" in text


@pytest.mark.parametrize(
    ("folder", "version", "light"),
    [
        ("fundus_validation", "v7", "as they are"),
        ("fundus_validation_changed", "v7", "as other cameras would draw them"),
        ("fundus_former", "v6", "as they are"),
        ("fundus_former_changed", "v6", "as other cameras would draw them"),
    ],
)
def test_the_benchmarks_tell_of_the_fundus_model_what_the_errors_say(folder: str, version: str, light: str) -> None:
    told = json.loads((EVIDENCE / folder / "metrics.json").read_text(encoding="utf-8"))
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert told["model_version"] == version
    assert len(told["images"]) == 71
    measured = [image["error"] for image in told["normalized"]["images"] if image["error"] is not None]
    failed = sum(error > 40 for error in measured)
    assert failed / len(measured) == pytest.approx(told["normalized"]["failure_rate"])
    for k, name in enumerate(("fovea", "optic disc")):
        errors = [image["errors_px"][k] for image in told["images"]]
        found = np.array([error for error in errors if error is not None])
        row = f"| {found.mean():.1f} | {np.median(found):.1f} | {71 - len(found)} | {failed} of 71 |"
        assert f"| {version} | {light} | {name} {row}" in text


def test_the_benchmarks_tell_by_how_much_the_fundus_model_is_nearer_than_the_former() -> None:
    text = " ".join((ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8").split())
    found = {}
    for kind in ("", "_changed"):
        new, former = (
            json.loads((EVIDENCE / f"fundus_{name}{kind}" / "metrics.json").read_text(encoding="utf-8"))["images"]
            for name in ("validation", "former")
        )
        assert [image["image"] for image in new] == [image["image"] for image in former]
        errors = [np.array([image["errors_px"] for image in images], dtype=float) for images in (new, former)]
        for k, name in enumerate(("fovea", "disc")):
            one = difference_interval(*(values[:, k : k + 1] for values in errors))
            found[name + kind] = f"{one.mean:.1f} px [{one.low:.1f}, {one.high:.1f}]".replace("-0.0 px", "0.0 px")
    assert f"nearer than v6 to the disc (difference of the means {found['disc']}, 95 % bootstrap" in text
    assert f"on changed copies, to the fovea ({found['fovea_changed']})" in text
    assert f"of the fovea of unchanged photographs ({found['fovea']})" in text
    assert f"the disc of changed ones ({found['disc_changed']}) no difference is certain" in text


@pytest.mark.parametrize(
    ("folder", "light"), [("fundus_validation", "as they are"), ("fundus_validation_changed", "changed")]
)
def test_the_benchmarks_tell_how_the_fundus_model_fails(folder: str, light: str) -> None:
    told = json.loads((EVIDENCE / folder / "metrics.json").read_text(encoding="utf-8"))
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    errors = np.array([image["errors"] for image in told["images"]], dtype=float)
    found = find_causes(errors, ("fovea", "optic_disc"), Factors(**told["failures"]["factors"]), 20.0)
    again, kept = (pd.json_normalize(causes) for causes in (found.model_dump()["causes"], told["failures"]["causes"]))
    pd.testing.assert_frame_equal(again, kept, rtol=1e-9)  # processors differ in the last digit
    for cause in found.causes:
        figures = f"{cause.group.count} | {cause.group.mean:.1f} | {cause.rest.mean:.1f} | "
        figures += f"{100 * cause.group.failed:.1f} | {100 * cause.rest.failed:.1f} | {cause.ratio:.2f} ["
        assert re.search(rf"\| {light} \| {cause.name}[^|]* \| {re.escape(figures)}", text), figures


@pytest.mark.parametrize(("file", "version"), [("presence", "v7"), ("former", "v6")])
def test_the_benchmarks_tell_of_missing_landmarks_what_the_file_says(file: str, version: str) -> None:
    told = json.loads((EVIDENCE / "fundus_presence" / f"{file}.json").read_text(encoding="utf-8"))
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert told["model"] == f"fundus {version}"
    assert set(told["whole_called_missing"].values()) == {0}
    for part in ("halves", "windows"):
        counts = [
            f"{told[part][f'{kind}_called_missing'][name]} of {told[part][kind][name]}"
            for kind in ("cut_away", "shown")
            for name in ("fovea", "optic_disc")
        ]
        assert f"| {version} | {part} | {' | '.join(counts)} |" in text


def test_the_benchmarks_tell_of_the_radii_what_the_file_says() -> None:
    told = json.loads((EVIDENCE / "fundus_radii" / "uncertainty.json").read_text(encoding="utf-8"))
    shipped = ROOT / "apps" / "landmarks" / "pretrained" / "fundus"
    calibration = json.loads((shipped / f"{told['model_version']}.calibration.json").read_text(encoding="utf-8"))
    assert told["unit"] == calibration["radius"]["unit"] == calibration["scaled_radius"]["unit"] == "%"
    assert (calibration["images"], calibration["answers_with"]) == (told["images"], "scaled_radius")
    rows = {row["landmark"]: row for row in told["radii"]["rows"] if row["kind"] == "answers"}
    text = " ".join((ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8").split())
    assert f"they held {rows[None]['held']} of {rows[None]['points']} points" in text
    assert f"({100 * rows[None]['observed']:.1f} %)" in text
    means = [rows[name]["mean_radius"] for name in ("fovea", "optic_disc")]
    assert f"their mean is {means[0]:.1f} % of the diameter for the fovea and {means[1]:.1f} % for the disc" in text


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
    # the file has half the digits, which move the window of one of twelve images by a cell: its points by 0.15 px
    assert evaluated["overall"]["mre"] == pytest.approx(card["val_error"], abs=0.16 / 12)
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    composed = told["composed"]
    crops = told["other_camera"]
    for row in (told["photographs"], composed["all"], *composed["sizes"].values(), crops, *crops["parts"].values()):
        figures = (
            f"| {row['images']} | {row['mean']:.2f} | {row['median']:.2f} | {row['largest']:.2f} | "
            f"{row['failed']} | {row['landmarks_missed']} |"
        )
        assert figures in text
    flowing = " ".join(text.split())
    assert f"Of the crops {crops['without_answer']} get no point at all" in flowing
    assert f"{crops['failed']} of the other {crops['images'] - crops['without_answer']} fail" in flowing
    widened = crops["parts"]["widened"]
    answered = widened["images"] - widened["without_answer"]
    assert f"{widened['without_answer']} get no point, and {widened['failed']} of {answered} fail" in flowing
    for name, value in told["measurements"].items():
        assert f"| `{name}` | {value:.1f} | {composed['measurements'][name]:.1f} |" in text
    without = told["without_a_face"].values()
    assert f"Of {sum(row['pictures'] for row in without)} pictures without a face" in text
    assert sum(row["false_answers"] for row in without) == 0
    assert f"{told['photographs']['mean']:.2f} % of the distance" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_documents_tell_of_the_spur_model_what_the_files_say() -> None:
    told = json.loads((EVIDENCE / "spur_model" / "results.json").read_text(encoding="utf-8"))
    plain = json.loads((EVIDENCE / "spur_networks" / "heatmap.json").read_text(encoding="utf-8"))
    evaluated = json.loads((EVIDENCE / "spur_validation" / "metrics.json").read_text(encoding="utf-8"))
    card = json.loads((ROOT / "apps/landmarks/pretrained/scleral_spur/card.json").read_text(encoding="utf-8"))
    assert told["model_sha256"] == evaluated["model_sha256"] == card["sha256"]
    assert evaluated["overall"]["mre"] == pytest.approx(told["seen"]["all"]["mean_px"], abs=1e-3)
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    for network, figures in (("ZIAN", told), ("heatmap network", plain)):
        for setting in ("seen", "unseen"):
            errors = np.array([error for error in figures[setting]["errors_px"] if error is not None])
            assert errors.mean() == pytest.approx(figures[setting]["all"]["mean_px"], abs=5e-3)
            for angles in ("all", "open", "closed"):
                row = figures[setting][angles]
                assert (
                    f"| {network} | {setting} | {angles} | {row['spurs']} | {row['mean_px']:.1f} | "
                    f"{row['median_px']:.1f} | {row['mean_percent']:.2f} | {row['median_percent']:.2f} | "
                    f"{row['far']} | {row['called_missing']} |"
                ) in text
            outside = figures[setting]["outside"]
            assert f"{outside['called_missing']} of {outside['spurs']} ({network}, {setting})" in text
    unseen = told["unseen"]["all"]
    said = f"median error {unseen['median_percent']:.2f} % of the image's width (mean {unseen['mean_percent']:.2f} %)"
    assert said in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_benchmarks_tell_of_the_eyes_what_the_files_say() -> None:
    sides = ("right", "left")
    told = [
        json.loads((EVIDENCE / "face_model" / f"points_{name}.json").read_text(encoding="utf-8"))
        for name in ("train", "validation")
    ]
    text, eyes = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8"), [one["eyes"] for one in told]

    def row(*cells: str) -> str:
        return f"| {' | '.join(cells)} |"

    assert row(*(f"{one['photographs']['mean']:.2f}" for one in told)) in text
    for key in ("fissure_errors", "error_of_the_others_mean_share"):
        assert row(*(" / ".join(f"{one[key][side]['mean_absolute']:.1f}" for side in sides) for one in eyes)) in text
    for key in ("right_less_left_true", "right_less_left_found"):
        assert row(*(f"{one[key]['mean_absolute']:.1f}" for one in eyes)) in text
    assert row(*(f"{one['correlation_of_both_errors']:.2f}" for one in eyes)) in text
    corners = (one["corners_along_the_eyes"].values() for one in eyes)
    assert row(*(f"{max(abs(corner['mean']) for corner in four):.2f}" for four in corners)) in text
    pupils = ([one["photographs"]["landmarks"][f"{side}_pupil"] for side in sides] for one in told)
    assert row(*(f"{np.mean(two):.2f}" for two in pupils)) in text


def test_the_documents_tell_of_the_cephalograms_what_the_file_says() -> None:
    told = json.loads((EVIDENCE / "cephalograms" / "metrics.json").read_text(encoding="utf-8"))
    overall, text = told["overall"], (ROOT / "docs" / "reproduction.md").read_text(encoding="utf-8")
    assert (told["unit"], told["thresholds"], overall["count"]) == ("mm", [2, 2.5, 3, 4], 19 * 148)
    rates = " / ".join(f"{100 * rate:.1f}" for rate in overall["sdr"])
    assert f"(148 films) | {overall['mre']:.2f} | {rates} |" in text
    assert f"[{overall['mre']:.2f} mm on validation films]" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "points" not in told


def test_the_benchmarks_tell_of_the_fundus_model_out_of_fold_what_the_file_says() -> None:
    told = json.loads((EVIDENCE / "fundus_folds" / "cross_validation.json").read_text(encoding="utf-8"))
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert told["folds_finished"] == told["folds_asked_for"] == 5
    for key, light in (("images", "as they are"), ("changed", "as other cameras would draw them")):
        for row, name in zip(told["relative"][key], ("fovea", "optic disc"), strict=False):
            lengths = f"{row['mean']:.2f} [{row['low']:.2f}, {row['high']:.2f}] | {row['median']:.2f}"
            failed = f"{row['of_width']:.2f} | {row['worst']:.0f} | {row['failures']} of {row['images']}"
            assert f"| {light} | {name} | {lengths} | {failed} |" in text
    assert f"recipe for {told['length']['epochs'] * told['length']['epoch_steps']} steps" in text
    former = json.loads((EVIDENCE / "fundus_folds" / "former.json").read_text(encoding="utf-8"))["relative"]
    rows = [row for key in ("images", "changed") for row in former[key][:2]]
    for key, form, start in (("mean", ".2f", "the means"), ("worst", ".0f", "(largest errors")):
        *first, last = (format(row[key], form) for row in rows)
        assert f"{start} {', '.join(first)} and {last} px" in " ".join(text.split())
    more, words = json.loads((EVIDENCE / "fundus_folds" / "measure.json").read_text(encoding="utf-8")), text.split()
    assert more["whole_photographs"]["called_missing"] == {"fovea": 0, "optic_disc": 0}
    missed = more["changed_copies"]["called_missing"]
    held = next(row for row in more["radii"]["rows"] if (row["kind"], row["landmark"]) == ("answers", None))
    assert f"and {missed['fovea']} and {missed['optic_disc']} of their 432 changed copies" in " ".join(words)
    assert f"held {held['held']} of {held['points']} points of the copies ({100 * held['observed']:.1f} %)" in text


def test_the_benchmarks_tell_of_the_faces_out_of_fold_what_the_files_say() -> None:
    told, series = (
        json.loads((EVIDENCE / "face_folds" / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("points", "cross_validation")
    )
    text = " ".join((ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8").split())
    row, eyes = told["photographs"], told["eyes"]["fissure_errors"]
    assert f"{series['folds_finished']} of {series['folds_asked_for']} folds" in text
    assert f"trained for {series['length']['epochs'] * series['length']['epoch_steps']} steps" in text
    assert f"| out of fold | {row['images']} | {row['mean']:.2f} | {row['median']:.2f} | {row['largest']:.2f} |" in text
    both = [eyes[side]["mean_absolute"] for side in ("right", "left")]
    assert f"Palpebral fissures: right {both[0]:.1f} %, left {both[1]:.1f} % of their length" in text

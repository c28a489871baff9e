"""report: how a model fails, from the factors in its evaluation."""

from __future__ import annotations

import json

import numpy as np
import pytest
from report_case import PageReader, errors_of, make_pairs, write_evaluation, write_images

from monai_ext.evaluation import Factors, find_causes
from monai_ext.landmarks import Landmarks

NAMES = ("bright", "dark", "grey")


@pytest.fixture
def report(cli, tmp_path):
    def run(*arguments: object) -> PageReader:
        answer = cli("report", *arguments, "--output", tmp_path / "page.html")
        assert answer.code == 0, answer.err
        return PageReader((tmp_path / "page.html").read_text(encoding="utf-8"))

    return run


def test_how_a_model_fails_stands_first(report, tmp_path) -> None:
    ids = [f"image_{i:02d}" for i in range(24)]
    files = write_images(tmp_path / "studies", ids)
    pairs = make_pairs(ids, NAMES, 1, spread=0.5)
    errors = errors_of(pairs)
    worse = errors.copy()
    for i in range(6):  # one in four images is bright, and its predictions are eight times as far away
        truth, answer = pairs[i][1:]
        far = truth.points + 8 * (answer.points - truth.points)
        pairs[i] = (ids[i], truth, Landmarks(NAMES, far, answer.frame, answer.status, answer.confidence))
        worse[i] *= 8
    factors = Factors(
        line=None,
        of_image={"brightness": tuple(0.9 if i < 6 else i / 100 for i in range(24))},
        of_landmark={},
        missed=((False,) * 3,) * 24,
    )
    failures = find_causes(worse, NAMES, factors, 4.0).model_dump(mode="json")
    path = write_evaluation(
        tmp_path / "out", pairs, files, version="v9", studies=str(tmp_path / "studies"), failures=failures
    )

    page = report(path, "--worst", 2, "--median", 0)

    assert page.titles[1] == "How this model fails: dots v9"
    headings, bright, rest = page.table("Landmarks with larger errors")
    assert headings[4] == "> 4 px or missed"
    assert bright[0].startswith("bright image (most at ")
    assert bright[1:2] + bright[3:5] == ["18", f"{np.median(worse[:6]):.2f}", f"{100 * (worse[:6] > 4).mean():.1f} %"]
    assert bright[2].startswith(f"{worse[:6].mean():.2f} [")
    assert rest[:2] == ["the rest", "54"]
    assert rest[3] == f"{np.median(worse[6:]):.2f}"
    said = "Tested without finding larger errors than in the rest: dark image, landmark bright, landmark dark, landmark"
    assert any(text.startswith(said) for _, text in page.notes)
    assert page.captions[0].endswith("Bright image.")

    path.write_text(json.dumps(json.loads(path.read_text()) | {"subjects": [i // 2 for i in range(24)]}))
    caption = next(key for key in report(path, "--worst", 0).tables if key.startswith("Landmarks with larger errors"))
    assert caption.endswith("Intervals and p are over subjects.")

    without = report(
        write_evaluation(tmp_path / "plain", pairs, files, version="v9", studies=str(tmp_path / "studies"))
    )
    assert any("holds no factors of the images: write it again with evaluate." in text for _, text in without.notes)


def test_a_wholly_missed_group_has_dashes_and_names_keep_their_capitals(report, tmp_path) -> None:
    ids, names = [f"image_{i:02d}" for i in range(24)], ("ANS", "PNS")
    files = write_images(tmp_path / "studies", ids)
    pairs = make_pairs(ids, names, 1, spread=0.5)
    for i in range(6):
        truth, answer = pairs[i][1:]
        pairs[i] = (ids[i], truth, Landmarks(names, answer.points, answer.frame, [0, 0]))
    errors = errors_of(pairs)
    for i in range(6, 12):
        truth, answer = pairs[i][1:]
        pairs[i] = (ids[i], truth, Landmarks(names, truth.points + 9 * (answer.points - truth.points), answer.frame))
    errors[:6], errors[6:12] = np.nan, 9 * errors[6:12]
    factors = Factors(
        line=names,
        of_image={
            "brightness": tuple(0.9 if i < 6 else i / 100 for i in range(24)),
            "order": tuple(1.0 if 6 <= i < 12 else -1.0 for i in range(24)),
        },
        of_landmark={},
        missed=((True,) * 2,) * 6 + ((False,) * 2,) * 18,
    )
    failures = find_causes(errors, names, factors, 1e6).model_dump(mode="json")
    path = write_evaluation(
        tmp_path / "out", pairs, files, version="v9", studies=str(tmp_path / "studies"), failures=failures
    )

    page = report(path, "--worst", 1, "--median", 0)

    _, bright, *others = page.table("Landmarks with larger errors")
    assert bright[:6] == ["bright image", "0", "– [–, –]", "–", "100.0 %", "– [–, –]"]
    assert any(row[0].startswith("ANS right of PNS (most at ") for row in others)
    assert page.captions[0].endswith(" px. Dark image; ANS right of PNS.")


def test_damaged_causes_are_refused_by_name(cli, tmp_path) -> None:
    files = write_images(tmp_path / "studies", ["a"])
    path = write_evaluation(tmp_path / "out", make_pairs(["a"], NAMES, 1, spread=1.0), files, version="v1", studies="s")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"failures": {"tested": 3}}))

    answer = cli("report", path, "--output", tmp_path / "page.html")

    assert answer.code == 2
    assert "The causes of the evaluation are damaged (tested" in " ".join(answer.err.split())

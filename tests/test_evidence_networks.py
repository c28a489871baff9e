"""The figures of networks and augmentations in the documents against the files that they are said to come from."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import sem, t

ROOT = Path(__file__).resolve().parents[1]
EVIDENCE = ROOT / "docs" / "evidence"


def test_the_benchmarks_tell_of_other_fundus_networks_what_their_errors_say() -> None:
    folder = EVIDENCE / "fundus_networks"
    told = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    compare = runpy.run_path(str(folder / "compare.py"))
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    for kind, landmarks in told["photographs"].items():
        for landmark, photographs in landmarks.items():
            assert len(photographs) == 71
            found = compare["figures"](photographs, list(told["protocols"]))
            cells = [f"{mean:.1f} / {median:.1f}" for mean, median, _ in found["networks"].values()]
            for pair in (("two", "one"), ("two_small", "v6"), ("zian", "v6")):
                mean, low, high = found["differences"][pair]
                cells.append(f"{mean:.1f} [{low:.1f}, {high:.1f}]")
            assert f"| {kind} | {landmark.replace('_', ' ')} | {' | '.join(cells)} |" in text
    fovea, disc = (
        compare["figures"](part, list(told["protocols"])) for part in told["photographs"]["as they are"].values()
    )
    assert f"five lie {fovea['between_networks']:.1f} px from one another" in text
    to_disc = f"(disc: {disc['between_networks']:.1f} and {disc['to_reading']:.1f})"
    assert f"{fovea['to_reading']:.1f} px from the reading {to_disc}" in text
    assert (fovea["far"], fovea["far_and_agreed"]) == (10, 6)
    counts = {
        name: told["presence"][name]["halves"]["cut_away_called_missing"] for name in ("two", "two_small", "zian")
    }
    assert counts == {
        "two": {"fovea": 71, "optic_disc": 71},
        "two_small": {"fovea": 71, "optic_disc": 69},
        "zian": {"fovea": 21, "optic_disc": 0},
    }


def test_the_page_on_networks_tells_of_the_source_faces_what_the_cells_say() -> None:
    folder, text = EVIDENCE / "cross_task_faces_source", (ROOT / "docs" / "networks.md").read_text(encoding="utf-8")
    errors = {}
    for file in ("results", "fine_tune_rates", "sizes_25_100"):
        told = json.loads((folder / f"{file}.json").read_text(encoding="utf-8"))
        for row in told["rows"]:
            seeds = row["numbers"]["l2"]["seeds"]
            assert list(seeds) == list("01234")
            found = errors[file.replace("sizes_25_100", row["size"]), row["row"]] = np.array(list(seeds.values()))
            assert f"{found.mean():.2f} ± {found.std(ddof=1):.2f} px" in text
    for one, other in (
        (("results", "FT"), ("fine_tune_rates", "FT")),
        (("results", "ED"), ("results", "FT")),
        *(((file, "ED"), (file, "FT")) for file in ("fine_tune_rates", "25", "100")),
    ):
        difference = errors[one] - errors[other]
        low, high = t.interval(0.95, 4, difference.mean(), sem(difference))
        assert re.search(rf"{difference.mean():.2f} px,\s(95 % interval over seeds )?{low:.2f} to {high:.2f}\)", text)


def test_the_page_on_reproduction_tells_of_the_pretrained_rows_what_their_errors_say() -> None:
    folder = EVIDENCE / "zian_pretrained"
    told = json.loads((folder / "errors.json").read_text(encoding="utf-8"))
    found = runpy.run_path(str(folder / "measure.py"))["figures"](told["errors"], told["disc_diameters"])
    text = " ".join((ROOT / "docs" / "reproduction.md").read_text(encoding="utf-8").split())
    rows = {"1roi": "1 ROI", "1roi+sa": "1 ROI + SA", "mr+sa": "MR + SA", "zian": "ZIAN"}
    names = {("base", "answer"): "base", ("pretrained", "answer"): "U-Net"}
    for row, name in rows.items():
        names |= {(row, "coarse"): f"{name}, coarse stage", (row, "answer"): name}
    for key, name in names.items():
        row = found["rows"][key]
        assert (row["seeds"], row["points"]) == (3, 426)
        shares = " / ".join(f"{share:.1f}" for share in row["within"])
        numbers = f"{row['mean']:.2f} ± {row['sd']:.2f} | {row['median']:.2f} | {shares} | {row['beyond_disc']} of 426"
        assert f"| {name} | {numbers} |" in text
    answers = [(row, "answer") for row in ("base", *rows)]
    coarse = ("zian", "coarse")
    for one, other in (*zip(answers[1:], answers, strict=False), (coarse, answers[0]), (answers[-1], coarse)):
        between = found["differences"][one, other]
        interval = rf"\((95 % interval over photographs )?{between.low:.2f} to {between.high:.2f}\)"
        assert re.search(rf" {between.mean:.2f} px {interval}", text)
    between = found["differences"][("zian", "answer"), ("pretrained", "answer")]
    assert f"ZIAN less U-Net {between.mean:.2f} px ({between.low:.2f} to {between.high:.2f})" in text
    for file, row in (("results", "base"), *(("results", row) for row in rows), ("unet", "pretrained")):
        rows = json.loads((folder / f"{file}.json").read_text(encoding="utf-8"))["rows"]
        (means,) = (entry["numbers"]["l2"] for entry in rows if entry["row"] == row)
        assert means["mean"] == pytest.approx(found["rows"][row, "answer"]["mean"], abs=2e-3)


def test_the_page_on_networks_tells_of_initial_weights_what_the_errors_say() -> None:
    folder, text = EVIDENCE / "initial_weights", (ROOT / "docs" / "networks.md").read_text(encoding="utf-8")
    cells = json.loads((folder / "errors.json").read_text(encoding="utf-8"))["cells"]
    program = runpy.run_path(str(folder / "measure.py"))
    found = program["figures"](cells)
    rows = program["table"](found)

    assert [row for row in text.splitlines() if row in rows] == rows
    images = {"wings": 10, "eyes": 20, "faces": 131}
    assert all(len(cell["images"]) == images[cell["set"]] for cell in cells)
    # one figure again, from the cells themselves
    means = [np.mean(cell["images"]) for cell in cells if (cell["set"], cell["labels"]) == ("wings", 5)]
    starts = [cell["row"] for cell in cells if (cell["set"], cell["labels"]) == ("wings", 5)]
    pretrained = [mean for mean, start in zip(means, starts, strict=True) if start == "pretrained lite0"]
    assert found["wings", 5, "pretrained lite0"]["mean"] == pytest.approx(np.mean(pretrained))


def test_the_page_on_zian_tells_of_haze_and_spots_what_the_errors_say() -> None:
    folder, text = EVIDENCE / "light_augmentation", (ROOT / "docs" / "zian.md").read_text(encoding="utf-8")
    told = json.loads((folder / "errors.json").read_text(encoding="utf-8"))
    program = runpy.run_path(str(folder / "compare.py"))
    found = program["figures"](told["errors"], told["disc_diameters"])

    assert {numbers["photographs"] for numbers in found.values()} == {432}
    rows = program["table"](found)
    assert [row for row in text.splitlines() if row in rows] == rows


def test_the_pages_tell_of_the_regularisers_what_the_errors_say() -> None:
    folder, text = EVIDENCE / "cross_task_sources", (ROOT / "docs" / "networks.md").read_text(encoding="utf-8")
    told = json.loads((folder / "errors.json").read_text(encoding="utf-8"))
    program = runpy.run_path(str(folder / "measure.py"))
    found = program["figures"](told["cells"], told["subjects"])
    rows = [*program["table"](found, "crops"), *program["table"](found, "portraits")]

    assert [row for row in text.splitlines() if row in rows] == rows
    assert len(rows) == 8 + 6
    less = {key[:4]: numbers["less"] for key, numbers in found.items() if key[0] != "chosen_on" and numbers["less"]}
    regularised = {key: between for key, between in less.items() if key[3] in ("CD", "ED", "Com")}
    assert len(regularised) == 42
    without_0 = {key for key, between in regularised.items() if between.low * between.high > 0}
    assert without_0 == {("portraits", "imagenet", 25, "CD")}
    assert less["portraits", "imagenet", 25, "CD"].mean > 0
    bounds = {("crops", 25): 0.55, ("crops", 50): 0.5, ("crops", 100): 0.25, ("crops", 400): 0.25}
    assert all(between.low > -bounds.get((key[0], key[2]), 0.45) for key, between in regularised.items())
    frozen = {key[:3]: round(between.mean, 1) for key, between in less.items() if key[3] == "FE" and between.low > 0}
    assert {key[:2] for key in frozen} == {("portraits", "faces"), ("crops", "imagenet")}
    assert {frozen["portraits", "faces", labels] for labels in (10, 25, 56)} == {0.7, 0.6, 0.5}
    assert {frozen["crops", "imagenet", labels] for labels in (50, 100, 400)} == {0.4, 0.5, 0.3}
    # one figure again, from the cells themselves, and the reproduction's row of it
    of = [cell for cell in told["cells"] if (cell["set"], cell["source"], cell["labels"]) == ("crops", "faces", 100)]
    means = {row: {c["seed"]: np.mean(c["images"]) for c in of if c["row"] == row} for row in ("FT", "CD")}
    differences = [means["CD"][seed] - means["FT"][seed] for seed in means["CD"]]
    numbers = found["crops", "faces", 100, "CD", "5"]
    assert numbers["less"].mean == pytest.approx(np.mean(differences))
    assert all(len(cell["images"]) == len(told["subjects"]["crops"]) == 131 for cell in of)
    reproduction = (ROOT / "docs" / "reproduction.md").read_text(encoding="utf-8")
    assert f"| CD | 0.842 | 5.81 | 0.31 | {program['words'](numbers)} |" in reproduction


def test_the_interval_over_seeds_and_people_is_that_of_images_weighted_one_by_one() -> None:
    program = runpy.run_path(str(EVIDENCE / "trainings.py"))
    subjects = [0, 0, 1, 2, 2, 2]
    differences = np.random.default_rng(5).normal(0.3, 1.0, (4, 6))
    found = program["crossed_interval"](differences, subjects)

    rng, count = np.random.default_rng(0), program["RESAMPLES"]
    seeds, people = rng.multinomial(4, [1 / 4] * 4, count), rng.multinomial(3, [1 / 3] * 3, count)
    drawn = [
        np.average(differences, weights=np.outer(of_seed, of_person[subjects]))
        for of_seed, of_person in zip(seeds, people, strict=True)
    ]
    assert found.mean == pytest.approx(differences.mean())
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(drawn, (2.5, 97.5))))

"""report: the numbers of the page against NumPy, names that want to be code, and what must not stand side by side."""

from __future__ import annotations

import base64
import hashlib
import io
import json

import numpy as np
import pytest
from PIL import Image
from report_case import HEIGHT, WIDTH, PageReader, errors_of, make_pairs, write_evaluation, write_images

IDS = [f"image_{i:02d}" for i in range(12)]
NAMES = ("bright", "dark", "grey")


@pytest.fixture
def report(cli, tmp_path):
    def run(*arguments: object, cases: tuple[int, int] = (0, 0)) -> PageReader:
        shown = ("--worst", cases[0], "--median", cases[1])
        answer = cli("report", *arguments, *shown, "--output", tmp_path / "page.html")
        assert answer.code == 0, answer.err
        return PageReader((tmp_path / "page.html").read_text(encoding="utf-8"))

    return run


@pytest.fixture
def two(tmp_path):
    """Two models on the same images; one misses a landmark that is there, and one image lacks a landmark."""
    files = write_images(tmp_path / "studies", IDS)
    absent = {("image_03", "dark"): "both"}
    missed = absent | {("image_05", "grey"): "prediction"}
    pairs = {
        "v1": make_pairs(IDS, NAMES, 1, spread=2.0, missing=absent),
        "v2": make_pairs(IDS, NAMES, 2, spread=1.0, missing=missed),
    }
    paths = {
        version: write_evaluation(
            tmp_path / f"evaluation_{version}", given, files, version=version, studies=str(tmp_path / "studies")
        )
        for version, given in pairs.items()
    }
    return pairs, paths


def resampled(errors: np.ndarray) -> tuple[float, float]:
    """The interval as the page promises it, in one go."""
    drawn = np.random.default_rng(0).integers(0, len(errors), (9999, len(errors)))
    means = [np.nanmean(errors[rows]) for rows in drawn]
    return tuple(np.percentile(means, [2.5, 97.5]))


def test_the_numbers_are_those_of_the_points(report, two) -> None:
    pairs, paths = two

    page = report(*paths.values())

    errors = {version: errors_of(given) for version, given in pairs.items()}
    summary = page.table("Summary")
    assert summary[0][1] == "mean radial error, px [95 % interval]"
    for row, (version, found) in zip(summary[1:], errors.items(), strict=True):
        low, high = resampled(found)
        means = np.nanmean(found, axis=1)
        assert row[0] == f"dots {version}"
        assert row[1] == f"{np.nanmean(found):.2f} [{low:.2f}, {high:.2f}]"
        assert row[2] == f"{np.nanmedian(found):.2f}"
        assert row[3] == f"{100 * (means > 4).mean():.1f} % ({(means > 4).sum()}/12)"
        assert row[4] == f"{np.mean(np.clip(1 - means / 10, 0, None)):.3f}"
        assert row[5:] == ["12 (12)", "1" if version == "v2" else "0", "0"]
    rates = page.table("Share of all measured")
    assert rates[0] == ["model", "landmarks", "≤ 2 px", "≤ 4 px"]
    for row, found in zip(rates[1:], errors.values(), strict=True):
        known = found[~np.isnan(found)]
        shares = [f"{100 * (known <= t).mean():.1f} % ({(known <= t).sum()}/{len(known)})" for t in (2, 4)]
        assert row[1:] == [str(len(known)), *shares]
    for version, found in errors.items():
        rows = page.table(f"dots {version}")
        for k, name in enumerate(NAMES):
            known = found[:, k][~np.isnan(found[:, k])]
            expected = [name, str(len(known)), f"{known.mean():.2f}", f"{known.std(ddof=1):.2f}"]
            expected += [f"{np.median(known):.2f}", *(f"{100 * (known <= t).mean():.1f} %" for t in (2, 4))]
            assert rows[1 + k][:7] == expected
        assert rows[-1][:3] == ["all", str((~np.isnan(found)).sum()), f"{np.nanmean(found):.2f}"]


def test_two_models_are_compared_on_what_both_measured(report, two) -> None:
    pairs, paths = two

    page = report(*paths.values())

    difference = errors_of(pairs["v2"]) - errors_of(pairs["v1"])
    low, high = resampled(difference)
    assert high < 0
    expected = (
        f"Mean error of dots v2 less that of dots v1, on the same images: {np.nanmean(difference):+.2f} px, "
        f"95 % interval {low:+.2f} to {high:+.2f} (34 landmarks of 12 images): dots v2 is better on such images."
    )
    assert expected in [text for _, text in page.notes]


def test_intervals_are_over_the_subjects_that_an_evaluation_states(report, two) -> None:
    pairs, paths = two
    for path in paths.values():
        document = json.loads(path.read_text())
        path.write_text(json.dumps(document | {"subjects": [i // 3 for i in range(12)]}))

    page = report(*paths.values())

    first, second = (errors_of(pairs[version]).reshape(4, -1) for version in ("v1", "v2"))  # four of three images
    for row, found in zip(page.table("Summary. The interval is over subjects")[1:], (first, second), strict=True):
        low, high = resampled(found)
        assert row[1] == f"{np.nanmean(found):.2f} [{low:.2f}, {high:.2f}]"
    low, high = resampled(second - first)
    assert any(f"95 % interval {low:+.2f} to {high:+.2f} (34" in text for _, text in page.notes)


def test_the_order_of_images_in_a_file_does_not_matter(report, two, tmp_path) -> None:
    pairs, paths = two
    files = {id: tmp_path / "studies" / f"{id}.png" for id in IDS}
    mixed = write_evaluation(
        tmp_path / "mixed", pairs["v2"][::-1], files, version="v3", studies=str(tmp_path / "studies")
    )

    page = report(paths["v2"], mixed)

    assert page.table("Summary")[1][1:] == page.table("Summary")[2][1:]
    assert any("+0.00 px" in text for _, text in page.notes)


def test_the_page_needs_nothing_beside_it_and_no_script(report, two, tmp_path) -> None:
    page = report(*two[1].values())

    assert {"script", "link", "iframe", "object", "form"}.isdisjoint(page.tags)
    assert page.addresses
    assert all(address.startswith(("data:image/png;base64,", "#")) for address in page.addresses)
    html = (tmp_path / "page.html").read_text()
    assert "http://" not in html
    assert "https://" not in html
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src 'none'" in html
    assert "@media print" in html


def test_plots_and_pictures_lie_beside_the_page_and_inside_it(report, two, tmp_path) -> None:
    page = report(*two[1].values(), cases=(2, 1))

    inside = [base64.b64decode(src.split(",", 1)[1]) for _, src in page.images]
    beside = {path.name: path.read_bytes() for path in (tmp_path / "page_files").iterdir()}
    assert set(inside) == set(beside.values())
    assert {"ced.png", "landmarks.png", "model1_worst1.png", "model2_worst2.png", "model2_median1.png"} < set(beside)
    for data in inside:
        with Image.open(io.BytesIO(data)) as picture:
            assert picture.format == "PNG"
            assert min(picture.size) >= 100


def test_worst_and_median_images_are_named(report, two) -> None:
    pairs, paths = two

    page = report(paths["v1"], cases=(2, 1))

    means = np.nanmean(errors_of(pairs["v1"]), axis=1)
    order = np.argsort(means)
    assert page.captions[0].startswith(f"Worst 1: {IDS[order[-1]]}. Mean error {means[order[-1]]:.2f} px;")
    assert page.captions[1].startswith(f"Worst 2: {IDS[order[-2]]}.")
    assert page.captions[-1].startswith(f"About the median: {IDS[order[5]]}.")


def test_where_each_number_comes_from(report, two, tmp_path) -> None:
    paths = two[1]

    page = report(*paths.values())

    rows = page.table("Sources of all numbers")[1:]
    assert [row[0] for row in rows] == [str(path) for path in paths.values()]
    assert [row[2] for row in rows] == [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths.values()]
    assert rows[0][3:] == ["2026-01-02 03:04 UTC", "monai-landmarks evaluate --model dots"]
    assert any(text.startswith("monai-landmarks report ") for _, text in page.notes)


HOSTILE = '"><img src=x onerror=alert(1)>'
SCRIPT = "<script>alert('$x$ & more')</script>"


def test_names_are_words_whatever_they_hold(report, tmp_path) -> None:
    ids = [SCRIPT.replace("/", "|"), HOSTILE, "{{ 7 * 7 }}"]
    names = (SCRIPT, HOSTILE, "{% raw %}")
    files = write_images(tmp_path / "studies", ids)
    pairs = make_pairs(ids, names, 1, spread=2.0)
    path = write_evaluation(
        tmp_path / "out", pairs, files, version="<b>v1</b>", studies=str(tmp_path / "studies"), command=SCRIPT
    )

    page = report(path, "--title", SCRIPT, cases=(6, 3))

    assert "script" not in page.tags
    assert "b" not in page.tags
    assert page.titles[0] == SCRIPT
    assert [row[0] for row in page.table("dots <b>v1</b>")[1:4]] == list(names)
    assert any(caption.startswith(f"Worst 1: {ids[0]}") or ids[0] in caption for caption in page.captions)
    assert any("{{ 7 * 7 }}" in caption for caption in page.captions)
    assert len(page.images) == 2 + 3


def test_an_image_that_is_gone_is_said(report, two, tmp_path) -> None:
    (tmp_path / "studies" / "image_00.png").unlink()

    page = report(two[1]["v1"], cases=(12, 0))

    gone = [caption for caption in page.captions if "image_00" in caption]
    assert len(gone) == 1
    assert f"The image file image_00.png is not in {tmp_path / 'studies'}" in gone[0]
    assert len(page.images) == 2 + 11


def test_the_folder_of_the_images_can_be_named(report, two, tmp_path) -> None:
    moved = (tmp_path / "studies").rename(tmp_path / "elsewhere")

    without = report(two[1]["v1"], cases=(1, 0))
    given = report(two[1]["v1"], "--studies", moved, cases=(1, 0))

    assert "name the folder of the images with --studies" in without.captions[0]
    assert (len(without.images), len(given.images)) == (2, 3)


def test_no_file_outside_the_studies_is_read(report, tmp_path) -> None:
    write_images(tmp_path, ["secret"])
    files = {"image_00": tmp_path / "secret.png"}
    path = write_evaluation(
        tmp_path / "out", make_pairs(["image_00"], NAMES, 1, spread=1.0), files, version="v1", studies=str(tmp_path)
    )
    document = json.loads(path.read_text())
    document["points"]["images"][0]["file"] = "../secret.png"
    document["studies"] = str(tmp_path / "out")
    path.write_text(json.dumps(document))

    page = report(path, cases=(1, 0))

    assert any("'../secret.png', which is not a plain file name" in caption for caption in page.captions)
    assert len(page.images) == 2


def test_px_and_mm_stand_apart(report, two, tmp_path) -> None:
    files = {id: tmp_path / "studies" / f"{id}.png" for id in IDS}
    pairs = make_pairs(IDS, NAMES, 1, spread=2.0, spacing=(0.5, 0.25))
    path = write_evaluation(tmp_path / "mm", pairs, files, version="v7", studies=str(tmp_path / "studies"))

    page = report(two[1]["v1"], path)

    assert page.warnings()[0].startswith("These models make 2 groups that must not be compared")
    assert "their unit" in page.warnings()[0]
    alts = [alt for alt, _ in page.images]
    assert not any("dots v1" in alt and "dots v7" in alt for alt in alts)
    scaled = [
        np.hypot(*((p.points - t.points) * (0.5, 0.25)).T) for _, t, p in pairs
    ]  # each axis by its own millimetres per pixel
    heading, row = page.tables["Summary. The interval is over images (bootstrap, 9,999 resamples). again"]
    assert heading[1].startswith("mean radial error, mm")
    assert row[1].split()[0] == f"{np.mean(scaled):.3f}"


def test_other_images_and_other_truths_stand_apart(report, two, tmp_path) -> None:
    files = {id: tmp_path / "studies" / f"{id}.png" for id in IDS}
    studies = str(tmp_path / "studies")
    fewer = write_evaluation(
        tmp_path / "fewer", make_pairs(IDS[:5], NAMES, 3, spread=1.0), files, version="v3", studies=studies
    )
    moved = make_pairs(IDS, NAMES, 4, spread=1.0)  # image_03 has its dark landmark here
    relabelled = write_evaluation(tmp_path / "relabelled", moved, files, version="v4", studies=studies)

    page = report(two[1]["v1"], fewer, relabelled)

    assert "make 3 groups" in page.warnings()[0]
    assert "their images, the true points" in page.warnings()[0]
    assert len(page.images) == 3 * 2


@pytest.mark.parametrize("k", [1, 19])
def test_one_landmark_and_nineteen(report, tmp_path, k) -> None:
    names = tuple(f"landmark {j}" for j in range(k))
    files = write_images(tmp_path / "studies", IDS[:3])
    pairs = make_pairs(IDS[:3], names, 1, spread=2.0)
    path = write_evaluation(tmp_path / "out", pairs, files, version="v1", studies=str(tmp_path / "studies"))

    rows = report(path).table("dots v1")

    errors = errors_of(pairs)
    assert [row[2] for row in rows[1:]] == [f"{e:.2f}" for e in (*errors.mean(axis=0), errors.mean())]


def test_a_landmark_that_was_never_measured_has_dashes(report, tmp_path) -> None:
    files = write_images(tmp_path / "studies", IDS[:3])
    absent = {(id, "grey"): "truth" for id in IDS[:3]}
    pairs = make_pairs(IDS[:3], NAMES, 1, spread=2.0, missing=absent)
    path = write_evaluation(tmp_path / "out", pairs, files, version="v1", studies=str(tmp_path / "studies"))

    rows = report(path).table("dots v1")

    assert rows[3] == ["grey", "0", "–", "–", "–", "–", "–", "0", "3"]


def test_nothing_measured_at_all(report, tmp_path) -> None:
    files = write_images(tmp_path / "studies", IDS[:2])
    absent = {(id, name): "prediction" for id in IDS[:2] for name in NAMES}
    pairs = make_pairs(IDS[:2], NAMES, 1, spread=2.0, missing=absent)
    path = write_evaluation(tmp_path / "out", pairs, files, version="v1", studies=str(tmp_path / "studies"))

    page = report(path, cases=(3, 3))

    assert page.table("Summary")[1][1:] == ["–", "–", "–", "–", "2 (0)", "6", "0"]
    assert page.images == []


def test_an_evaluation_without_points_has_its_tables(report, two) -> None:
    path = two[1]["v1"]
    document = json.loads(path.read_text())
    del document["points"]
    path.write_text(json.dumps(document))

    page = report(path, cases=(1, 1))

    assert len(page.images) == 2
    assert any("holds no points" in text for text in page.warnings())
    assert page.table("Summary")[1][0] == "dots v1"


def test_models_of_one_name_are_told_apart(report, two, tmp_path) -> None:
    files = {id: tmp_path / "studies" / f"{id}.png" for id in IDS}
    again = write_evaluation(tmp_path / "again", two[0]["v1"], files, version="v1", studies=str(tmp_path / "studies"))

    page = report(two[1]["v1"], again)

    assert [row[0] for row in page.table("Summary")[1:]] == ["dots v1 (evaluation_v1)", "dots v1 (again)"]


def test_folders_hold_the_files(report, two, tmp_path) -> None:
    page = report(tmp_path / "evaluation_v1", two[1]["v1"])

    assert len(page.table("Sources of all numbers")) == 2  # the same file once


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "line 1: not valid JSON"),
        ("[1, 2]", "holds neither an evaluation nor"),
        ('{"some": 1}', "['some']"),
    ],
)
def test_a_file_of_another_kind_is_refused(cli, tmp_path, content, sentence) -> None:
    (tmp_path / "odd.json").write_text(content)

    answer = cli("report", tmp_path / "odd.json", "--output", tmp_path / "page.html")

    assert answer.code == 2
    assert sentence in " ".join(answer.err.split())
    assert not (tmp_path / "page.html").exists()


def test_a_damaged_evaluation_is_refused_by_name(cli, two, tmp_path) -> None:
    path = two[1]["v1"]
    document = json.loads(path.read_text())
    document["points"]["images"][0]["truth"][0]["status"] = "perhaps"
    path.write_text(json.dumps(document))

    answer = cli("report", path, "--output", tmp_path / "page.html")

    assert answer.code == 2
    assert "images.0.truth.0.status" in "".join(answer.err.split())


def test_nothing_to_report_is_said(cli, tmp_path) -> None:
    nothing = cli("report", "--output", tmp_path / "page.html")
    empty = cli("report", tmp_path, "--output", tmp_path / "page.html")
    nobody = cli("report", "--protocol", "fundus", "--output", tmp_path / "page.html")

    assert (nothing.code, empty.code, nobody.code) == (2, 2, 2)
    assert "nothing to report" in nothing.err
    assert "holds none of metrics.json" in " ".join(empty.err.split())
    assert "give --studies too" in " ".join(nobody.err.split())


def test_the_points_fit_the_images(two, tmp_path) -> None:
    document = json.loads(two[1]["v1"].read_text())

    first = document["points"]["images"][0]

    assert (first["file"], first["size"], first["spacing"]) == ("image_00.png", [WIDTH, HEIGHT], None)
    truth = two[0]["v1"][0][1]
    assert first["truth"][1] == {"status": "defined", "point": list(truth.points[1]), "confidence": None}
    assert document["points"]["images"][3]["truth"][1] == {"status": "missing", "point": None, "confidence": None}

"""Two readers imported beside each other, and how far they lie apart; pixels are not square."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from monai_ext.evaluation.readers import compare_noted, compare_predictions, compare_readers
from monai_ext.images import read_frame
from monai_ext.inferers import Predictor
from monai_ext.landmarks import Frame, InputError, Landmarks, Status, read_markups, read_protocol
from monai_ext.models import publish
from monai_ext.networks import build_network
from monai_ext.studies import ReadImage, Studies, consensus, read_readings

#: Millimetres of a pixel along x and y.
SIZE = (0.5, 2.0)
PROTOCOL = """
name: wing
title: A wing
channels: grey
landmarks:
  - {name: tip, description: the tip, optional: true}
  - {name: base, description: the base}
network: {input_size: {width: 64, height: 64}, decoder_channels: [16, 16, 16, 16, 16], sigma: 2.0, presence: false}
"""
#: What each reader says; None is missing.
ANN = {
    "a": {"tip": (10.0, 10.0), "base": (50.0, 30.0)},
    "b": {"tip": (11.5, 4.0), "base": (40.0, 31.0)},
    "c": {"tip": (20.0, 20.0), "base": (30.0, 30.0)},
}
BEN = {
    "a": {"tip": (16.0, 12.0), "base": (50.0, 30.0)},
    "b": {"tip": (11.5, 5.0), "base": (42.0, 31.0)},
    "c": {"tip": None, "base": (38.0, 31.5)},
}


def write_table(path: Path, says: dict) -> Path:
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["image", "landmark", "x", "y", "status", "mm_per_px_x", "mm_per_px_y"])
        for image, points in says.items():
            for name, point in points.items():
                place = ["", "", "missing"] if point is None else [*point, "defined"]
                writer.writerow([f"{image}.png", name, *place, *SIZE])
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    rng = np.random.default_rng(5)
    for name in ANN:
        Image.fromarray(rng.integers(0, 255, (40, 60), np.uint8)).save(tmp_path / "photos" / f"{name}.png")
    (tmp_path / "wing.yaml").write_text(PROTOCOL)
    write_table(tmp_path / "ann.csv", ANN)
    write_table(tmp_path / "ben.csv", BEN)
    return tmp_path


def imported(cli, source: Path, table: str, *options: object):
    return cli(
        "import", source / table, "--images", source / "photos", "--studies", source / "studies",
        "--protocol", source / "wing.yaml", *options,
    )  # fmt: skip


@pytest.fixture
def study(cli, source: Path) -> Path:
    for name in ("ann", "ben"):
        answer = imported(cli, source, f"{name}.csv", "--annotator", name)
        assert answer.code == 0, answer.err
    return source


def label(source: Path, image: str, tag: str = "final") -> Landmarks:
    path = source / "studies" / "labels" / tag / f"{image}.mrk.json"
    return read_markups(path, read_frame(source / "studies" / f"{image}.png"), ("tip", "base"))


def write_model(study: Path, val_images: tuple[str, ...]) -> None:
    protocol = read_protocol(study / "wing.yaml")
    torch.manual_seed(4)
    card = {"protocol": protocol, "labels_used": 2, "val_images": val_images, "val_error": 9.0, "unit": "mm"}
    card |= {"epochs": 1, "seed": 4, "date": "2026-01-01T00:00:00+00:00"}
    publish(study / "models" / "wing", build_network(protocol).state_dict(), card)


def agreement_of(cli, study: Path, *options: object):
    return cli(
        "agreement", study / "studies", "--protocol", study / "wing.yaml", "--output", study / "out", "--json", *options
    )  # fmt: skip


def agreement(cli, study: Path, *options: object):
    answer = agreement_of(cli, study, *options)
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


def test_both_readers_labels_lie_beside_each_other_and_their_mean_is_the_label(study: Path) -> None:
    assert label(study, "a", "reader1").points.tolist() == [[10, 10], [50, 30]]
    assert label(study, "a", "reader2").points.tolist() == [[16, 12], [50, 30]]
    np.testing.assert_allclose(label(study, "a").points, [[13, 11], [50, 30]], atol=1e-9)
    np.testing.assert_allclose(label(study, "b").points, [[11.5, 4.5], [41, 31]], atol=1e-9)
    assert label(study, "c").status.tolist() == [Status.UNDEFINED, Status.DEFINED]
    np.testing.assert_allclose(label(study, "c").points[1], [34, 30.75], atol=1e-9)
    assert Studies(study / "studies").labelled() == ["a", "b", "c"]


def test_distances_between_readers_are_exact_in_millimetres(cli, study: Path) -> None:
    document = agreement(cli, study)
    (found,) = document["comparisons"]
    assert (found["first"], found["second"], found["unit"], found["images"]) == ("ann", "ben", "mm", 3)
    tip = {"landmark": "tip", "points": 2, "mean": 3.5, "median": 3.5, "p95": pytest.approx(4.85)}
    base = {"landmark": "base", "points": 3, "mean": 2.0, "median": 1.0, "p95": pytest.approx(4.6)}
    assert found["landmarks"] == [{**tip, "stated": 3, "agreed": 2}, {**base, "stated": 3, "agreed": 3}]
    overall = {"points": 5, "mean": pytest.approx(2.6), "median": 2.0, "p95": 5.0, "stated": 6, "agreed": 5}
    assert found["overall"] == overall
    assert document["disagreements"] == [
        {"image": "c", "landmark": "tip", "placed_by": ["ann"], "missing_for": ["ben"]}
    ]
    assert document["protocol"] == "wing"
    written = json.loads((study / "out" / "agreement.json").read_text())
    assert written["comparisons"] == json.loads(json.dumps(document["comparisons"]))
    assert written["studies"].endswith("studies")
    rows = list(csv.DictReader((study / "out" / "distances.csv").open()))
    assert len(rows) == 6
    assert rows[0] == {
        "comparison": "ann – ben", "image": "a", "landmark": "tip", "distance": "5.00", "unit": "mm",
        "first_status": "defined", "second_status": "defined",
    }  # fmt: skip
    assert (rows[4]["distance"], rows[4]["first_status"], rows[4]["second_status"]) == ("", "defined", "missing")
    assert Image.open(study / "out" / "agreement.png").size[0] == 896


def test_in_pixels_the_pixel_size_does_not_count(cli, study: Path) -> None:
    (found,) = agreement(cli, study, "--unit", "px")["comparisons"]
    assert found["unit"] == "px"
    assert found["landmarks"][0]["mean"] == pytest.approx((np.hypot(6, 2) + 1) / 2)


def test_the_table_names_what_readers_dispute(cli, study: Path) -> None:
    answer = cli("agreement", study / "studies", "-p", study / "wing.yaml", "-o", study / "out")
    assert answer.code == 0, answer.err
    assert "A wing: ann – ben, 3 images" in answer.out
    assert "2 of 3" in answer.out
    assert "Placed by one reader and missing for the other: 1; these points do not train:" in answer.out
    assert "c tip: placed by ann, missing for ben" in answer.out


def test_a_model_stands_beside_the_readers(cli, study: Path) -> None:
    write_model(study, val_images=("a",))
    document = agreement(cli, study, "--model", study / "models" / "wing", "--device", "cpu")
    assert [(item["first"], item["second"]) for item in document["comparisons"]] == [
        ("ann", "ben"), ("network v1", "consensus"), ("network v1", "ann"), ("network v1", "ben"),
    ]  # fmt: skip
    predictor = Predictor.load(study / "models" / "wing")
    seen = {image: predictor.predict(study / "studies" / f"{image}.png").points for image in ANN}
    for item, says in zip(document["comparisons"][2:], (ANN, BEN), strict=True):
        expected = [np.linalg.norm((seen[i][1] - np.array(says[i]["base"])) * SIZE) for i in ANN]
        assert item["landmarks"][1]["mean"] == pytest.approx(np.mean(expected))
        assert item["landmarks"][1]["points"] == 3
    assert document["comparisons"][1]["landmarks"][0]["points"] == 2  # what readers dispute is no truth


def test_an_image_that_cannot_be_read_is_named_and_the_others_are_compared(cli, study: Path) -> None:
    write_model(study, val_images=("b",))
    (study / "models" / "wing" / "settled_sides.json").write_text('{"train": ["a", "c"]}')
    picture = study / "studies" / "b.png"
    picture.write_bytes(picture.read_bytes()[:60])  # the header is whole
    for damaged, counts, sentence in (
        (picture, [3, 2, 2, 2], "Warning: 1 image was not looked at: "),
        (study / "studies" / "a.png", [2, 1, 1, 1], "Warning: 2 images were not looked at: "),
    ):
        if damaged != picture:
            damaged.write_bytes(b"no image")
        answer = agreement_of(cli, study, "--model", study / "models" / "wing", "--device", "cpu")
        assert answer.code == 1, answer.err
        document = json.loads(answer.out)
        assert [item["images"] for item in document["comparisons"]] == counts
        assert sentence in answer.words
        assert f"{damaged.name} cannot be read as PNG" in answer.words
        trained = counts[0] - 1
        assert document["images_that_trained_the_model"] == trained
        assert f"{trained} of the {counts[0]} images trained wing v1 (by their IDs)" in answer.words
    assert agreement_of(cli, study).code == 1  # without a model too
    for name in ("b", "c"):
        (study / "studies" / f"{name}.png").write_bytes(b"no image")
    answer = agreement_of(cli, study)
    assert answer.code == 2
    assert "None of the 3 images could be read: " in answer.words


def test_what_the_server_noted_of_proposals_stands_beside_the_readers() -> None:
    frame = Frame(60, 40, spacing=SIZE, spacing_source="table")
    readers = {name: Landmarks(("tip",), [point], frame) for name, point in (("ann", (1, 1)), ("ben", (3, 1)))}

    def noted(distance: float | None, unit: str = "mm") -> dict:
        return {"model_version": "v3", "displacement": {"tip": distance}, "unit": unit, "ts": 1}

    proposed = {"ann": noted(0.25), "ben": noted(None), "": noted(1.5)}
    image = ReadImage("a", readers, consensus(list(readers.values())), proposed)
    by_hand = {"model_version": None, "displacement": None, "unit": "mm", "ts": 1}
    other = ReadImage("b", readers, consensus(list(readers.values())), {"ann": by_hand, "ben": noted(9.0, "px")})
    found, left_out = compare_noted([image, other], ("tip",))
    assert left_out == 1
    assert [item.title for item in found] == ["v3 – consensus", "v3 – ann", "v3 – ben"]
    assert [item.rows()[0].points for item in found] == [1, 1, 0]
    assert [item.rows()[0].mean for item in found[:2]] == [1.5, 0.25]
    (between,) = compare_readers([image, other])
    assert between.rows()[0].mean == 1.0


def test_notes_on_labels_that_were_replaced_since_then_are_none_on_the_new_ones(study: Path) -> None:
    studies, task = Studies(study / "studies"), read_protocol(study / "wing.yaml")
    info = {"protocol": "wing", "model_version": "v3", "displacement": {"tip": 1.0}, "unit": "mm", "ts": 1}
    labels = {}
    for tag in ("final", "reader1", "reader2"):
        own = hashlib.sha256(studies.label_path("a", tag).read_bytes()).hexdigest()
        labels[tag] = {"ext": ".mrk.json", "info": info, "sha256": own}
    labels["reader2"] = {**labels["reader2"], "info": {**info, "protocol": "face"}, "sha256": "0" * 64}
    entry = {"image": {"ext": ".png", "info": {}}, "labels": labels}
    (study / "studies" / "datastore_v2.json").write_text(json.dumps({"objects": {"a": entry}}))

    images = read_readings(studies, task)

    assert [read.image for read in images] == ["a", "b", "c"]
    found, _ = compare_noted(images, ("tip",))
    assert [(item.title, item.images) for item in found] == [("v3 – consensus", ("a",)), ("v3 – ann", ("a",))]


def test_three_people_in_pairs_are_told_together_and_by_pair() -> None:
    frame = Frame(60, 40)

    def read(image: str, **points: tuple[float, float]) -> ReadImage:
        readers = {name: Landmarks(("tip",), [point], frame) for name, point in points.items()}
        return ReadImage(image, readers, consensus(list(readers.values())))

    found = compare_readers([read("a", ann=(0, 0), ben=(3, 4)), read("b", eve=(0, 0), ann=(1, 0))])
    assert [(item.title, item.unit, item.rows()[0].mean) for item in found] == [
        ("one reader – the other", "px", 3.0), ("ann – ben", "px", 5.0), ("ann – eve", "px", 1.0),
    ]  # fmt: skip


def test_two_spellings_of_a_name_are_one_reader() -> None:
    frame = Frame(60, 40)

    def read(image: str, **points: tuple[float, float]) -> ReadImage:
        readers = {name: Landmarks(("tip",), [point], frame) for name, point in points.items()}
        proposed = {name: {"model_version": "v3", "displacement": {"tip": 2.0}, "unit": "px"} for name in readers}
        return ReadImage(image, readers, consensus(list(readers.values())), proposed)

    images = [read("a", Anna=(0, 0), carl=(3, 4)), read("b", CARL=(0, 0), anna=(1, 0))]
    (found,) = compare_readers(images)
    assert (found.title, found.images, found.distances.tolist()) == ("Anna – carl", ("a", "b"), [[5.0], [1.0]])
    answers = {image: Landmarks(("tip",), [(0, 0)], frame) for image in "ab"}
    against = compare_predictions(images, "network", answers)
    assert [(item.second, item.images) for item in against] == [
        ("consensus", ("a", "b")), ("Anna", ("a", "b")), ("carl", ("a", "b")),
    ]  # fmt: skip
    assert against[1].distances.tolist() == [[0.0], [1.0]]
    noted, _ = compare_noted(images, ("tip",))
    assert [(item.title, item.images) for item in noted] == [("v3 – Anna", ("a", "b")), ("v3 – carl", ("a", "b"))]
    with pytest.raises(InputError, match="b has two labels of one reader: 'Eve' and 'eve'"):
        compare_readers([*images, read("b", Eve=(0, 0), eve=(1, 0))])


def test_a_study_without_a_second_reader_is_one_sentence(cli, source: Path) -> None:
    assert imported(cli, source, "ann.csv", "--annotator", "ann").code == 0
    np.testing.assert_allclose(label(source, "a").points, [[10, 10], [50, 30]], atol=1e-9)
    answer = cli("agreement", source / "studies", "--protocol", source / "wing.yaml")
    assert answer.code == 2
    assert "no image with labels of two readers for wing" in " ".join(answer.err.split())


def test_a_third_reader_and_a_second_import_are_refused_and_write_nothing(cli, study: Path) -> None:
    before = {path: path.read_bytes() for path in (study / "studies").rglob("*.json")}
    third = imported(cli, study, "ann.csv", "--annotator", "eve")
    assert third.code == 2
    assert "has its 2 readers (ann, ben): a label of 'eve' is too many" in " ".join(third.err.split())
    again = imported(cli, study, "ann.csv", "--annotator", "Ann")
    assert again.code == 2
    assert "has a label of 'Ann': use --overwrite to replace it" in " ".join(again.err.split())
    assert {path: path.read_bytes() for path in (study / "studies").rglob("*.json")} == before
    moved = {image: {**points, "base": (20.0, 20.0)} for image, points in ANN.items()}
    write_table(study / "moved.csv", moved)
    assert imported(cli, study, "moved.csv", "--annotator", "Ann", "--overwrite").code == 0
    np.testing.assert_allclose(label(study, "a").points, [[13, 11], [35, 25]], atol=1e-9)


def test_labels_that_name_nobody_become_the_first_reading(cli, source: Path) -> None:
    assert imported(cli, source, "ann.csv").code == 0
    assert not (source / "studies" / "labels" / "reader1").exists()
    assert imported(cli, source, "ben.csv", "--annotator", "ben").code == 0
    np.testing.assert_allclose(label(source, "a", "reader1").points, [[10, 10], [50, 30]], atol=1e-9)
    np.testing.assert_allclose(label(source, "a").points, [[13, 11], [50, 30]], atol=1e-9)
    assert agreement(cli, source)["comparisons"][0]["second"] == "reader1"


def test_one_landmark_in_dispute_leaves_no_label_to_train_on(cli, source: Path) -> None:
    (source / "wing.yaml").write_text(PROTOCOL.replace("  - {name: base, description: the base}\n", ""))
    for name, point in (("ann", (10.0, 10.0)), ("ben", None)):
        write_table(source / f"{name}.csv", {"a": {"tip": point}})
        assert imported(cli, source, f"{name}.csv", "--annotator", name).code == 0
        assert Studies(source / "studies").labelled() == (["a"] if name == "ann" else [])
    document = agreement(cli, source)
    assert document["comparisons"][0]["overall"] == {
        "points": 0, "mean": None, "median": None, "p95": None, "stated": 1, "agreed": 0,
    }  # fmt: skip
    assert not (source / "out" / "agreement.png").exists()


def test_a_reader_s_own_labels_are_exported_by_their_tag(cli, study: Path) -> None:
    answer = cli("export", study / "studies", "--format", "csv", "--tag", "reader2", "--output", study / "ben_out.csv")
    assert answer.code == 0, answer.err
    rows = {(row["image"], row["landmark"]): row for row in csv.DictReader((study / "ben_out.csv").open())}
    assert (float(rows["a.png", "tip"]["x"]), float(rows["a.png", "tip"]["y"])) == (16.0, 12.0)
    assert rows["c.png", "tip"]["status"] == "missing"


@pytest.mark.parametrize("name", ["", "ann, ben"])
def test_a_name_that_cannot_be_noted_is_refused(cli, source: Path, name: str) -> None:
    answer = imported(cli, source, "ann.csv", "--annotator", name)
    assert answer.code == 2
    assert "is not a name" in answer.err
    assert not (source / "studies").exists()

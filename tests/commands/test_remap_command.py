"""remap: labels follow images whose placement changed; tables and pixels stay as they were."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813  (its own idiom)
from PIL import Image

from monai_ext.images import read_frame
from monai_ext.landmarks import read_markups
from monai_ext.landmarks.markups import read_stated_frame
from monai_ext.studies import Studies

POINTS = {"a": ((20.0, 11.5), (70.25, 40.0)), "b": ((30.0, 12.0), (60.5, 33.0)), "c": ((25.0, 10.0), (66.0, 20.0))}
PIXELS = np.random.default_rng(1).integers(0, 255, (48, 80), np.uint8)


@pytest.fixture
def clinic(cli: Any, tmp_path: Path) -> Path:
    """Three images of three formats, imported from a table: JPEG of 300 dpi, TIFF of 300 x 150 dpi, MHA."""
    photos = tmp_path / "photos"
    photos.mkdir()
    picture = Image.fromarray(PIXELS)
    picture.save(photos / "a.jpg", dpi=(300, 300))
    picture.save(photos / "b.tif", dpi=(300, 150))
    write_mha(photos / "c.mha", (0.1, 0.2))
    names = {"a": "a.jpg", "b": "b.tif", "c": "c.mha"}
    rows = [f"{names[i]},{n},{x},{y}" for i, points in POINTS.items() for n, (x, y) in zip("pq", points, strict=True)]
    (tmp_path / "t.csv").write_text("\n".join(["image,landmark,x,y", *rows]))
    answer = cli("import", tmp_path / "t.csv", "-i", photos, "-s", tmp_path / "clinic", "--new-protocol",
                 tmp_path / "p.yaml")  # fmt: skip
    assert answer.code == 0, answer.err
    return tmp_path / "clinic"


def write_mha(path: Path, spacing: tuple[float, float]) -> None:
    image = sitk.GetImageFromArray(PIXELS)
    image.SetSpacing(spacing)
    sitk.WriteImage(image, str(path))


def assert_pixels(clinic: Path) -> None:
    """Every label has the points of the table, by our reading and by ITK's of the image file."""
    studies = Studies(clinic)
    for id, path in studies.images().items():
        label = studies.label_path(id)
        np.testing.assert_allclose(read_markups(label, read_frame(path)).points, POINTS[id], atol=1e-9)
        itk = sitk.ReadImage(str(path))
        for point, expected in zip(control_points(label), POINTS[id], strict=True):
            pixel = itk.TransformPhysicalPointToContinuousIndex(point["position"][:2])
            np.testing.assert_allclose(pixel, expected, atol=1e-9)


def control_points(label: Path) -> list[dict[str, Any]]:
    return json.loads(label.read_text())["markups"][0]["controlPoints"]


def change_placement(clinic: Path, how: str) -> None:
    picture = Image.fromarray(PIXELS)
    if how == "stripped":
        picture.save(clinic / "a.jpg")
        picture.save(clinic / "b.tif")
        write_mha(clinic / "c.mha", (0.1, 0.21))
    elif how == "changed":
        picture.save(clinic / "a.jpg", dpi=(72, 96))
        picture.save(clinic / "b.tif", dpi=(118, 118), resolution_unit=3)
        write_mha(clinic / "c.mha", (1.0, 2.0))
    else:
        for name in ("a.jpg", "b.tif", "c.mha"):
            (clinic / name).unlink()
            picture.save(clinic / f"{name[0]}.png")


@pytest.mark.parametrize("how", ["stripped", "changed", "as png"])
def test_labels_keep_their_pixels(cli: Any, clinic: Path, how: str) -> None:
    assert_pixels(clinic)
    change_placement(clinic, how)
    before = {path: path.read_bytes() for path in clinic.rglob("*.mrk.json")}
    refused = cli("review", clinic, "-p", clinic.parent / "p.yaml", "--models", clinic.parent)
    assert refused.err.count("was made on another placement of its image") == 3
    assert refused.code == 2

    asked = cli("remap", clinic, "--dry-run")
    assert (asked.code, asked.out.splitlines()[-1]) == (0, "3 labels to map; nothing was changed.")
    assert {path: path.read_bytes() for path in clinic.rglob("*.mrk.json")} == before
    answer = cli("remap", clinic)

    assert answer.code == 0, answer.err
    assert answer.out.splitlines()[-1] == (
        "3 labels mapped; the former ones are kept as earlier versions in labels/.history."
    )
    assert_pixels(clinic)
    kept = {path.parent.name: path.read_bytes() for path in (clinic / "labels" / ".history").rglob("*.mrk.json")}
    assert kept == {path.name.split(".")[0]: content for path, content in before.items()}
    again = cli("remap", clinic)
    assert again.out.strip() == "No label to map; 3 made on the present placement of their images."
    assert sorted(path.name for path in clinic.iterdir() if path.name.startswith(("datastore", "journal"))) == []


def test_the_same_command_maps_back_when_the_image_is_put_back(cli: Any, clinic: Path, tmp_path: Path) -> None:
    before = {path: json.loads(path.read_text()) for path in clinic.rglob("*.mrk.json")}
    change_placement(clinic, "changed")
    assert cli("remap", clinic).code == 0
    for photo in (tmp_path / "photos").iterdir():
        shutil.copy(photo, clinic)
    assert cli("remap", clinic).code == 0
    for path, document in before.items():
        after = json.loads(path.read_text())
        assert after["imageFrame"] == document["imageFrame"]
        for new, old in zip(control_points(path), document["markups"][0]["controlPoints"], strict=True):
            np.testing.assert_allclose(new["position"], old["position"], atol=1e-9)


def test_an_image_of_another_size_is_refused_and_the_others_are_mapped(cli: Any, clinic: Path) -> None:
    change_placement(clinic, "stripped")
    Image.fromarray(PIXELS[:40]).save(clinic / "a.jpg")
    before = Studies(clinic).label_path("a").read_bytes()
    answer = cli("remap", clinic)
    assert answer.code == 1
    assert "a.mrk.json was made on an image of 80 x 48 pixels, but the image has 80 x 40: put the former" in answer.err
    assert answer.out.splitlines()[-1].startswith("2 labels mapped")
    assert Studies(clinic).label_path("a").read_bytes() == before


def test_one_image_alone_and_all_of_its_labels(cli: Any, clinic: Path) -> None:
    drafts = clinic / "labels" / "draft"
    drafts.mkdir()
    shutil.copy(Studies(clinic).label_path("a"), drafts)
    change_placement(clinic, "stripped")
    answer = cli("remap", clinic, "--image", "a", "--json")
    document = json.loads(answer.out)
    assert [(item["image"], item["tag"]) for item in document["mapped"]] == [("a", "draft"), ("a", "final")]
    assert document["mapped"][0]["made_on"]["x_step"] == pytest.approx([25.4 / 300, 0, 0])
    assert document["mapped"][0]["image_frame"]["x_step"] == [1, 0, 0]
    assert read_stated_frame(Studies(clinic).label_path("b")).placement[0, 0] == pytest.approx(25.4 / 300)
    assert cli("remap", clinic, "--image", "x").code == 2


def test_an_image_may_be_named_in_the_other_unicode_form_and_twice(cli: Any, clinic: Path) -> None:
    composed, decomposed = "\u00e9ye", "e\u0301ye"
    (clinic / "a.jpg").unlink()
    Image.fromarray(PIXELS).save(clinic / f"{decomposed}.jpg")
    labels = clinic / "labels" / "final"
    (labels / "a.mrk.json").rename(labels / f"{decomposed}.mrk.json")

    answer = cli("remap", clinic, "--image", composed, "--image", composed, "--json")

    assert answer.code == 0, answer.err
    assert [item["image"] for item in json.loads(answer.out)["mapped"]] == [decomposed]
    label = read_markups(labels / f"{decomposed}.mrk.json", read_frame(clinic / f"{decomposed}.jpg"))
    np.testing.assert_allclose(label.points, POINTS["a"], atol=1e-9)


def test_labels_that_state_no_frame_are_left_and_counted(cli: Any, clinic: Path) -> None:
    path = Studies(clinic).label_path("a")
    document = json.loads(path.read_text())
    del document["imageFrame"]
    path.write_text(json.dumps(document))
    change_placement(clinic, "stripped")
    answer = cli("remap", clinic)
    assert answer.code == 0
    assert answer.out.splitlines()[-1].endswith("Labels without a recorded placement, left unchanged: 1.")
    assert json.loads(path.read_text()) == document


def test_a_damaged_journal_is_refused_and_nothing_is_changed(cli: Any, clinic: Path) -> None:
    (clinic / "datastore_v2.json").write_text('{"name": "x", "objects": {}}')
    (clinic / "journal.jsonl").write_bytes(b'{"n": 1, "op": "snapshot", "objects": {}}\n{"n": 2')
    change_placement(clinic, "stripped")
    before = {path: path.read_bytes() for path in clinic.rglob("*") if path.is_file() and path.name != ".lock"}
    answer = cli("remap", clinic)
    assert (answer.code, "journal.jsonl is damaged; start the server once" in answer.err) == (2, True)
    assert {path: path.read_bytes() for path in clinic.rglob("*") if path.is_file() and path.name != ".lock"} == before

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_ext.formats import FORMAT_NAMES, FORMATS, read_table
from monai_ext.images import upright_to_stored
from monai_ext.landmarks import Frame, Landmarks, read_markups, write_markups
from monai_ext.studies import Studies

NAMES = ["tip", "base"]


@pytest.fixture
def studies(tmp_path: Path) -> Path:
    """Two final labels, one of them with a missing landmark, and a draft."""
    root = tmp_path / "studies"
    root.mkdir()
    study = Studies(root)
    for name in ("a.png", "b.png", "c.png"):
        Image.fromarray(np.full((40, 60), 90, np.uint8)).save(root / name)
    frame, nowhere = Frame(60, 40), [np.nan, np.nan]
    write_markups(study.label_path("a"), Landmarks(NAMES, [[10.25, 3.5], [50, 30]], frame))
    write_markups(study.label_path("b"), Landmarks(NAMES, [[11, 4], nowhere], frame, [1, 0], [0.75, np.nan]))
    write_markups(study.label_path("c", "draft"), Landmarks(NAMES, [[12, 5], nowhere], frame, [1, -1]))
    study.write_splits({"a": "train", "b": "val"})
    return root


@pytest.mark.parametrize("format", FORMAT_NAMES)
def test_every_format_gives_back_the_points(cli, studies, tmp_path, format) -> None:
    if format in ("deeplabcut-h5", "sleap"):
        pytest.importorskip("tables" if format == "deeplabcut-h5" else "sleap_io")
    out = tmp_path / "out"

    answer = cli("export", studies, "--format", format, "--output", out, "--json")

    assert answer.code == 0, answer.err
    result = json.loads(answer.out)
    assert (result["images"], result["landmarks"]) == (2, NAMES)
    lost = " ".join(result["lost"])
    assert ("1 missing landmarks are left out" in lost) == ("missing" not in FORMATS[format].holds)
    assert ("those of 2 images are left out" in lost) == (format != "csv")
    assert ("holds no names" in lost) == (format == "tps")
    assert ("holds no confidences: those of 1 landmarks are left out" in lost) == (format not in ("mrk", "fcsv"))
    for sentence in result["lost"]:
        assert sentence in " ".join(answer.err.split())
    table = read_table(out, NAMES, frames=lambda image: Frame(60, 40))
    first = next(iter(table.images.values())).points
    assert [(first[name].x, first[name].y) for name in NAMES] == [
        pytest.approx((10.25, 3.5)),
        pytest.approx((50.0, 30.0)),
    ]
    found = [item.points[NAMES[0]].confidence for item in table.images.values()]
    assert found == ([None, 0.75] if format in ("mrk", "fcsv") else [None, None])


@pytest.mark.parametrize("format", FORMAT_NAMES)
def test_what_is_exported_can_be_imported(cli, studies, tmp_path, format) -> None:
    if format in ("deeplabcut-h5", "sleap"):
        pytest.importorskip("tables" if format == "deeplabcut-h5" else "sleap_io")
    images = tmp_path / "images"
    shutil.copytree(studies, images / "labeled-data/images" if format.startswith("deeplabcut") else images)
    (tmp_path / "names.txt").write_text("\n".join(NAMES))
    assert cli("export", studies, "--format", format, "--output", tmp_path / "out").code == 0

    answer = cli(
        "import", tmp_path / "out", "--images", images, "--studies", tmp_path / "back",
        "--names", tmp_path / "names.txt",
    )  # fmt: skip

    assert answer.code == 0, answer.err
    back = Studies(tmp_path / "back")
    frame, prefix = Frame(60, 40), "labeled-data_images_" if format.startswith("deeplabcut") else ""
    first = read_markups(back.label_path(f"{prefix}a"), frame, NAMES)
    second = read_markups(back.label_path(f"{prefix}b"), frame, NAMES)
    np.testing.assert_allclose(first.points, [[10.25, 3.5], [50, 30]], atol=1e-9)
    np.testing.assert_allclose(second.points[0], [11, 4], atol=1e-9)
    assert second.status.tolist() == [1, 0 if "missing" in FORMATS[format].holds else -1]


@pytest.mark.parametrize("format", ["mrk", "fcsv", "labelme", "csv", "tps"])
def test_what_a_person_wrote_of_a_point_is_kept_where_a_format_has_a_place_for_it(
    cli, studies, tmp_path, format
) -> None:
    study, words, kept = Studies(studies), 'hidden by a lash, "about" here', format in ("mrk", "fcsv", "labelme")
    label = study.label_path("b")
    document = json.loads(label.read_text())
    first = document["markups"][0]["controlPoints"][0]
    first["description"] = f"{words}; {first['description']}"
    label.write_text(json.dumps(document))

    answer = cli("export", studies, "--format", format, "--output", tmp_path / "out", "--json")
    assert answer.code == 0, answer.err
    assert ("holds no descriptions: those of 1 landmarks are left out" in answer.words) == (not kept)
    (tmp_path / "names.txt").write_text("\n".join(NAMES))
    place = ("--images", studies, "--names", tmp_path / "names.txt")
    for reader in ((), ("--annotator", "Ann")):
        back = Studies(tmp_path / f"back{len(reader)}")
        made = cli("import", tmp_path / "out", *place, "--studies", back.root, *reader)
        assert made.code == 0, made.err
        point = json.loads(back.label_path("b", "reader1" if reader else "final").read_text())["markups"][0][
            "controlPoints"
        ]
        stated = {"mrk": f"{words}; confidence 0.750", "fcsv": f"{words}; confidence 0.750", "labelme": words}
        assert point[0]["description"] == stated.get(format, "")


def test_splits_and_status_are_kept_where_a_format_has_them(cli, studies, tmp_path) -> None:
    assert cli("export", studies, "--format", "csv", "--output", tmp_path / "p.csv").code == 0
    assert (tmp_path / "p.csv").read_text().splitlines() == [
        "image,landmark,x,y,width,height,split,status",
        "a.png,tip,10.25,3.5,60,40,train,defined",
        "a.png,base,50.0,30.0,60,40,train,defined",
        "b.png,tip,11.0,4.0,60,40,val,defined",
        "b.png,base,,,60,40,val,missing",
    ]


def test_drafts_and_single_images(cli, studies, tmp_path) -> None:
    assert cli("export", studies, "-f", "wide", "-o", tmp_path / "d.csv", "--tag", "draft").code == 0
    assert cli("export", studies, "-f", "wide", "-o", tmp_path / "b.csv", "--image", "b").code == 0
    assert (tmp_path / "d.csv").read_text() == "image,tip_x,tip_y,base_x,base_y\nc.png,12.0,5.0,,\n"
    assert (tmp_path / "b.csv").read_text() == "image,tip_x,tip_y,base_x,base_y\nb.png,11.0,4.0,,\n"


def test_an_image_may_be_named_in_the_other_unicode_form_and_twice(cli, tmp_path) -> None:
    root, frame = tmp_path / "studies", Frame(60, 40)
    root.mkdir()
    composed, decomposed = "\u00e9ye", "e\u0301ye"
    Image.fromarray(np.full((40, 60), 90, np.uint8)).save(root / f"{decomposed}.png")
    write_markups(Studies(root).label_path(decomposed), Landmarks(NAMES, [[10.25, 3.5], [50, 30]], frame))

    answer = cli(
        "export", root, "--format", "csv", "-o", tmp_path / "t.csv", "--image", composed, "--image", decomposed
    )

    assert answer.code == 0, answer.err
    assert list(read_table(tmp_path / "t.csv").images) == [f"{decomposed}.png"]


@pytest.mark.parametrize(("format", "file"), [("csv", "out"), ("labelme", "out/b.json"), ("mrk", "out/b.mrk.json")])
def test_what_exists_is_replaced_only_with_overwrite(cli, studies, tmp_path, format, file) -> None:
    arguments = ("export", studies, "--format", format, "--output", tmp_path / "out")
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("mine")

    refused = cli(*arguments)

    assert refused.code == 2
    assert f"{tmp_path / file} exists: use --overwrite to replace it." in " ".join(refused.err.split())
    assert (tmp_path / file).read_text() == "mine"
    assert format == "csv" or [item.name for item in (tmp_path / "out").iterdir()] == [Path(file).name]
    assert cli(*arguments, "--overwrite").code == 0
    assert "tip" in (tmp_path / file).read_text()


@pytest.mark.parametrize("orientation", [2, 3, 6, 8])
def test_points_on_a_turned_photograph_are_written_where_the_other_program_shows_them(
    cli, studies, tmp_path, orientation
) -> None:
    picture = Image.fromarray(np.full((40, 60), 90, np.uint8))
    exif = picture.getexif()
    exif[0x0112] = orientation
    picture.save(studies / "a.png", exif=exif)

    shown = cli("export", studies, "-f", "labelme", "-o", tmp_path / "shown")
    stored = cli("export", studies, "-f", "deeplabcut", "-o", tmp_path / "stored.csv")

    assert "1 images have an EXIF orientation" in shown.err
    assert "EXIF" not in stored.err
    entry = read_table(tmp_path / "shown").images["a.png"]
    assert entry.size == ((40, 60) if orientation > 4 else (60, 40))
    point = entry.points["tip"]
    assert upright_to_stored([point.x, point.y], orientation, (60, 40)).tolist() == pytest.approx([10.25, 3.5])
    point = read_table(tmp_path / "stored.csv").images["labeled-data/images/a.png"].points["tip"]
    assert (point.x, point.y) == (10.25, 3.5)


def test_the_pixel_size_of_an_image_is_the_scale_of_tps(cli, tmp_path) -> None:
    sitk = pytest.importorskip("SimpleITK")
    root = tmp_path / "studies"
    root.mkdir()
    image = sitk.GetImageFromArray(np.full((40, 60), 90, np.uint8))
    image.SetSpacing((0.25, 0.25))
    sitk.WriteImage(image, str(root / "a.nrrd"))
    placement = np.array([[0.25, 0, 0], [0, 0.25, 0], [0, 0, 0]])
    write_markups(Studies(root).label_path("a"), Landmarks(["tip"], [[10, 3]], Frame(60, 40, placement)))

    assert cli("export", root, "-f", "tps", "-o", tmp_path / "x.tps").code == 0

    assert (tmp_path / "x.tps").read_text() == "LM=1\n10.0 36.0\nIMAGE=a.nrrd\nID=0\nSCALE=0.25\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "dicom"], f"There is no format 'dicom'; the formats are {', '.join(FORMAT_NAMES)}."),
        (["--format", "csv", "--image", "c"], "The image 'c' of {studies} has no label with the tag 'final'"),
        (["--format", "csv", "--image", "d"], "has no image 'd'"),
        (["--format", "csv", "--tag", "mine"], "has no label with the tag 'mine'"),
    ],
)
def test_a_wrong_request_is_refused_before_anything_is_written(cli, studies, tmp_path, arguments, message) -> None:
    answer = cli("export", studies, "--output", tmp_path / "out", *arguments)
    assert answer.code == 2
    assert message.format(studies=studies) in " ".join(answer.err.split())
    assert not (tmp_path / "out").exists()


def test_a_label_that_is_none_of_its_image_is_refused(cli, studies, tmp_path) -> None:
    write_markups(Studies(studies).label_path("b"), Landmarks(NAMES, [[500, 4], [1, 1]], Frame(60, 40)))
    answer = cli("export", studies, "--format", "csv", "--output", tmp_path / "out")
    assert answer.code == 2
    assert "b.mrk.json: The landmark 'tip' lies at pixel (500.0, 4.0), outside the image" in " ".join(
        answer.err.split()
    )
    assert not (tmp_path / "out").exists()


def test_the_help_names_every_format(cli) -> None:
    answer = cli("export", "--help")
    assert all(name in answer.out for name in FORMAT_NAMES)

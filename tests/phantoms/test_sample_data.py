from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_ext.landmarks import Frame, InputError, Status, find_protocol
from monai_ext.landmarks.markups import read_markups
from monai_ext.phantoms import make_sample_data, phantom_stream
from monai_ext.phantoms.sample_data import SAMPLE_PROTOCOLS
from monai_ext.studies import Studies


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("sample")
    make_sample_data(output, count=7, seed=3)
    return output


@pytest.mark.parametrize("protocol", SAMPLE_PROTOCOLS)
def test_folder_is_a_studies_folder_of_the_protocol(sample, protocol):
    studies, names = Studies(sample / protocol), find_protocol(protocol).landmark_names
    images, labelled = studies.images(), studies.labelled()
    assert list(images) == [f"synthetic_{protocol}_{i:03d}" for i in range(1, 8)]
    assert len(labelled) == 4
    assert studies.splits().keys() == set(labelled)
    assert sorted(studies.splits().values()) == ["train", "train", "train", "val"]
    for image in labelled:
        picture = Image.open(images[image])
        assert "dpi" not in picture.info
        assert (picture.mode == "L") is (protocol == "scleral_spur")
        frame = Frame(*picture.size)
        landmarks = read_markups(studies.label_path(image), frame, names)
        assert landmarks.defined.all()
        assert frame.contains(landmarks.points).all()
    assert "SYNTHETIC" in (sample / protocol / "README.md").read_text()


def test_labels_are_the_points_of_the_drawn_image(tmp_path):
    folder = make_sample_data(tmp_path, ["scleral_spur"], count=1, seed=1, labelled=1.0)["scleral_spur"]
    image = np.asarray(Image.open(folder / "synthetic_scleral_spur_001.png"))
    landmarks = read_markups(Studies(folder).label_path("synthetic_scleral_spur_001"), Frame(*image.shape[::-1]))
    # The chamber just inside each spur is dark, the wall just outside it bright.
    inward = np.array([[12.0, -6.0], [-12.0, -6.0]])
    outward = np.array([[-8.0, -12.0], [8.0, -12.0]])
    for point, inner, outer in zip(landmarks.points, inward, outward, strict=True):
        (x, y), (u, v) = (point + inner).round().astype(int), (point + outer).round().astype(int)
        assert image[y - 2 : y + 3, x - 2 : x + 3].mean() < 0.6 * image[v - 2 : v + 3, u - 2 : u + 3].mean()


def test_whole_sections_are_stored_as_the_scanner_does_and_a_cut_spur_is_missing(tmp_path):
    made = make_sample_data(tmp_path, ["scleral_spur"], count=1, seed=5, labelled=1.0, variant="unseen")
    studies = Studies(made["scleral_spur"])
    with Image.open(studies.images()["synthetic_scleral_spur_001"]) as picture:
        assert (picture.format, picture.mode, picture.size) == ("JPEG", "L", (2130, 998))
        frame = Frame(*picture.size)
    label = read_markups(studies.label_path("synthetic_scleral_spur_001"), frame)
    assert sorted(label.status) == [Status.MISSING, Status.DEFINED]
    assert "of the setting `unseen`" in (made["scleral_spur"] / "README.md").read_text()


def test_equal_arguments_write_equal_bytes_whatever_the_count(sample, tmp_path):
    make_sample_data(tmp_path / "again", ["face"], count=7, seed=3)
    assert contents(tmp_path / "again" / "face") == contents(sample / "face")
    make_sample_data(tmp_path / "few", ["face"], count=2, seed=3)
    few, many = contents(tmp_path / "few" / "face"), contents(sample / "face")
    assert all(few[name] == many[name] for name in few if name.endswith(".jpg"))
    make_sample_data(tmp_path / "other", ["face"], count=2, seed=4)
    assert all(contents(tmp_path / "other" / "face")[name] != few[name] for name in few if name.endswith(".jpg"))


def test_progress_counts_all_images(tmp_path):
    seen: list[tuple[int, int]] = []
    make_sample_data(tmp_path, ["face", "scleral_spur"], count=2, on_progress=lambda *step: seen.append(step))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_folder_that_is_not_empty_is_refused_before_anything_is_written(tmp_path):
    (tmp_path / "fundus").mkdir()
    (tmp_path / "fundus" / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match=r"fundus is not empty; .*overwrite"):
        make_sample_data(tmp_path, ["face", "fundus"], count=1)
    assert contents(tmp_path) == {"fundus/mine.txt": b"keep"}


def test_overwrite_replaces_the_sample_and_keeps_other_files(tmp_path):
    folder = make_sample_data(tmp_path, ["face"], count=4)["face"]
    (folder / "mine.txt").write_text("keep")
    (folder / "synthetic_face_001_edited.png").write_text("keep")
    (folder / "labels" / "draft").mkdir()
    (folder / "labels" / "draft" / "synthetic_face_001.mrk.json").write_text("{}")
    make_sample_data(tmp_path, ["face"], count=2, seed=9, overwrite=True)
    fresh = make_sample_data(tmp_path / "fresh", ["face"], count=2, seed=9)["face"]
    assert contents(folder) == contents(fresh) | {"mine.txt": b"keep", "synthetic_face_001_edited.png": b"keep"}


def test_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "face").write_text("")
    with pytest.raises(InputError, match="face is a file"):
        make_sample_data(tmp_path, ["face"], count=1, overwrite=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"protocols": ["cephalometric"]}, "'cephalometric'; use fundus, scleral_spur, face"),
        ({"protocols": ["face"], "variant": "unseen"}, "face has no phantoms 'unseen'; use sample"),
        ({"protocols": ["scleral_spur"], "variant": "x"}, "no phantoms 'x'; use sample, scanner, unseen"),
        ({"count": 0}, "1 to 100000, not 0"),
        ({"count": 100_001}, "1 to 100000, not 100001"),
        ({"labelled": 1.5}, "between 0 and 1, not 1.5"),
        ({"seed": -1}, "from 0, not -1"),
    ],
)
def test_wrong_arguments_are_refused(tmp_path, arguments, message):
    with pytest.raises(InputError, match=message):
        make_sample_data(tmp_path / "out", **arguments)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("labelled", "expected"), [(0.0, 0), (0.5, 2), (1.0, 4)])
def test_labelled_share(tmp_path, labelled, expected):
    folder = make_sample_data(tmp_path, ["scleral_spur"], count=4, labelled=labelled)["scleral_spur"]
    assert len(Studies(folder).labelled()) == expected


def test_stream_repeats_with_its_seed_and_never_ends_early():
    first, again = (list(itertools.islice(phantom_stream("scleral_spur", 5), 3)) for _ in range(2))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a.image, b.image)
    assert not np.array_equal(first[0].points, first[1].points)
    assert not np.array_equal(first[0].points, next(phantom_stream("scleral_spur", 6)).points)
    with pytest.raises(InputError, match="no phantom for the protocol 'wings'"):
        phantom_stream("wings", 0)

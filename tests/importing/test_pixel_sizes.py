"""The size of a pixel that a table states makes lengths millimetres wherever the image is used."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from PIL import Image

from monai_ext.images import (
    StatedSize,
    read_frame,
    read_image,
    read_stated_sizes,
    with_stated_sizes,
    with_statement_undone,
)
from monai_ext.importing import StudiesChange
from monai_ext.landmarks import Frame, InputError
from monai_ext.studies import Studies


@pytest.fixture
def folder(tmp_path):
    Image.fromarray(np.zeros((6, 8), np.uint8)).save(tmp_path / "i.png")
    Image.fromarray(np.zeros((6, 8), np.uint8)).save(tmp_path / "e\u0301.jpg", dpi=(300, 300))
    image = sitk.GetImageFromArray(np.zeros((6, 8), np.uint8))
    image.SetSpacing((0.5, 0.25))
    sitk.WriteImage(image, str(tmp_path / "own.nii.gz"))
    return tmp_path


def state(folder, **sizes) -> None:
    (folder / "calibration.json").write_text(
        json.dumps({k: {"mm_per_px": v, "how": "ruler"} for k, v in sizes.items()})
    )


def test_the_stated_size_is_that_of_the_frame_and_the_placement_stays(folder) -> None:
    before = read_frame(folder / "e\u0301.jpg")
    state(folder, i=[0.1, 0.2], **{"\u00e9": [0.3, 0.4]})
    for frame in (read_frame(folder / "i.png"), read_image(folder / "i.png")[1]):
        assert (frame.spacing, frame.unit) == ((0.1, 0.2), "mm")
        assert frame.spacing_source == "ruler"
        np.testing.assert_array_equal(frame.placement, Frame(8, 6).placement)
    after = read_frame(folder / "e\u0301.jpg")
    assert (before.spacing, after.spacing) == (None, (0.3, 0.4))
    np.testing.assert_array_equal(before.placement, after.placement)


def test_the_size_that_a_file_states_itself_wins(folder) -> None:
    state(folder, own=[9, 9])
    frame = read_frame(folder / "own.nii.gz")
    assert (frame.spacing, frame.spacing_source) == ((0.5, 0.25), "NIfTI")


def test_a_changed_file_is_read_anew(folder) -> None:
    state(folder, i=[0.1, 0.2])
    assert read_frame(folder / "i.png").spacing == (0.1, 0.2)
    state(folder, i=[0.5, 0.25])
    os.utime(folder / "calibration.json", (1, 1))
    assert read_frame(folder / "i.png").spacing == (0.5, 0.25)
    (folder / "calibration.json").unlink()
    assert read_frame(folder / "i.png").spacing is None


@pytest.mark.parametrize("value", [[0, 1], [1], [1, -1], ["1", 1], None, 0.1, [1, float("inf")], [True, 1]])
def test_a_malformed_size_is_refused(folder, value) -> None:
    state(folder, i=value)
    with pytest.raises(InputError, match=r"calibration\.json: the mm_per_px of 'i' must be two numbers above 0"):
        read_frame(folder / "i.png")


def test_sizes_are_added_and_further_fields_stay(folder) -> None:
    (folder / "calibration.json").write_text('{"x": {"mm_per_px": [1, 2], "by": "me"}}')
    with StudiesChange(Studies(folder)) as change:
        change.add_pixel_sizes({"i": StatedSize((0.1, 0.2), "table", table="t.csv")})
        change.commit()
    document = json.loads((folder / "calibration.json").read_text())
    assert document["x"] == {"mm_per_px": [1, 2], "by": "me"}
    assert document["i"].items() >= {"mm_per_px": [0.1, 0.2], "how": "table", "table": "t.csv"}.items()
    assert read_stated_sizes(folder)["i"] == StatedSize((0.1, 0.2), "table", table="t.csv")


def test_a_file_of_an_earlier_version_is_read_and_undone(folder) -> None:
    old = {"i": {"mm_per_px": [0.1, 0.2], "how": "table points.csv", "time": "2026-01-31T12:00:00+00:00"}}
    (folder / "calibration.json").write_text(json.dumps(old))
    size = read_stated_sizes(folder)["i"]
    assert (size.how, size.table, size.when) == ("table", "points.csv", "2026-01-31T12:00:00+00:00")
    assert read_frame(folder / "i.png").spacing_source == "table points.csv"
    changed = with_stated_sizes(folder, {"i": StatedSize((0.3, 0.3), "ruler")})
    assert changed["i"]["earlier"] == [None, old["i"]]
    (folder / "calibration.json").write_text(json.dumps(changed))
    undone = with_statement_undone(folder, "i")
    assert undone["i"] == {**old["i"], "earlier": [None]}
    (folder / "calibration.json").write_text(json.dumps(undone))
    assert with_statement_undone(folder, "i") == {}


def test_a_size_overrules_that_of_a_file_only_by_that_word(folder) -> None:
    (folder / "calibration.json").write_text(json.dumps({"own": {"mm_per_px": [1, 0.5], "how": "overrule"}}))
    frame = read_frame(folder / "own.nii.gz")
    assert (frame.spacing, frame.spacing_source) == ((1.0, 0.5), "stated, overruling the file (NIfTI)")
    assert read_frame(folder / "own.nii.gz", stated=False).spacing == (0.5, 0.25)
    assert read_image(folder / "own.nii.gz", stated=False)[1].spacing == (0.5, 0.25)

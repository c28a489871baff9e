"""A label states the frame that it was made on, and is refused or mapped where the image has another one now."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from monai_ext.landmarks import Frame, InputError, Landmarks, parse_markups, read_markups, write_markups
from monai_ext.landmarks.label_frame import frame_field, moved_by, stated_frame
from monai_ext.landmarks.markups import mapped_document, read_stated_frame


def placed(frame: Frame, placement: np.ndarray) -> Frame:
    return Frame(frame.width, frame.height, placement)


@pytest.fixture
def label(tmp_path, mixed):
    path = tmp_path / "x.mrk.json"
    write_markups(path, mixed)
    return path


def test_a_label_states_the_frame_of_its_image_exactly(label, mixed):
    stated = read_stated_frame(label)
    assert stated.size == mixed.frame.size
    np.testing.assert_array_equal(stated.placement, mixed.frame.placement)
    assert stated.spacing is None
    assert moved_by(stated, mixed.frame) == 0.0


def test_a_label_that_states_no_frame_opens_as_before(label, mixed, same):
    document = json.loads(label.read_text())
    del document["imageFrame"]
    label.write_text(json.dumps(document))
    assert read_stated_frame(label) is None
    same(read_markups(label, mixed.frame), mixed)
    elsewhere = placed(mixed.frame, mixed.frame.placement * 1.001)
    np.testing.assert_allclose(read_markups(label, elsewhere).lps[:2], mixed.lps[:2], atol=0.2)


def moves(frame: Frame) -> dict[str, np.ndarray]:
    """Placements of the same pixels: another pixel size, origin, side or depth."""
    shift, mirrored = np.zeros((3, 3)), frame.placement.copy()
    shift[:, 2] = frame.placement[:, 0]  # by one pixel along x
    mirrored[:, 0] *= -1
    depth = np.zeros((3, 3))
    depth[:, 2] = 0.5 * np.cross(frame.placement[:, 0], frame.placement[:, 1])
    return {
        "size": frame.placement * 1.0026,  # 300 dots per inch written as 118 per centimetre, and the reverse
        "origin": frame.placement + shift,
        "side": mirrored,
        "depth": frame.placement + depth,
    }


@pytest.mark.parametrize("kind", ["size", "origin", "side", "depth"])
def test_another_placement_is_refused_with_how_far_points_would_lie_off(label, mixed, kind):
    frame = placed(mixed.frame, moves(mixed.frame)[kind])
    with pytest.raises(InputError) as error:
        read_markups(label, frame)
    sentence = str(error.value)
    assert sentence.startswith(f"{label} was made on another placement of its image (pixels of ")
    far = float(re.search(r"up to (\S+) pixels", sentence)[1])
    assert far == pytest.approx(moved_by(mixed.frame, frame), rel=1e-3)
    assert far > 0.05
    assert "monai-landmarks remap" in sentence


def test_the_distance_is_that_of_the_worst_corner():
    """A JPEG of 300 dpi whose density is stripped: its last pixel centre at 0.0847 mm times 99 is at pixel 8.38."""
    made = Frame(100, 60, np.diag([25.4 / 300, 25.4 / 300, 0.0]))
    far = np.hypot(99, 59) * (1 - 25.4 / 300)
    assert moved_by(made, Frame(100, 60)) == pytest.approx(far, rel=1e-12)


def test_rounding_of_a_header_is_no_other_placement(label, mixed, same):
    rounded = placed(mixed.frame, mixed.frame.placement.astype(np.float32).astype(np.float64))
    same(read_markups(label, rounded), mixed, atol=0.01)


def test_an_image_of_another_size_is_refused_and_not_mapped(label, mixed):
    larger = Frame(mixed.frame.width * 2, mixed.frame.height, mixed.frame.placement)
    for refused in (lambda: read_markups(label, larger), lambda: mapped_document(label, larger)):
        with pytest.raises(InputError, match=rf"was made on an image of {mixed.frame.width} x {mixed.frame.height} "):
            refused()


@pytest.mark.parametrize("system", ["LPS", "RAS"])
@pytest.mark.parametrize("kind", ["size", "origin", "side", "depth"])
def test_a_mapped_label_has_the_same_pixels_and_all_else(label, mixed, same, kind, system):
    document = json.loads(label.read_text())
    markup = document["markups"][0]
    if system == "RAS":
        markup["coordinateSystem"] = "RAS"
        for point in markup["controlPoints"]:
            point["position"] = (np.array(point["position"]) * [-1, -1, 1]).tolist()
    markup["display"] = {"textScale": 7.0}
    document["author"] = "ann"
    label.write_text(json.dumps(document))
    frame = placed(mixed.frame, moves(mixed.frame)[kind])

    label.write_text(json.dumps(mapped_document(label, frame)))

    same(read_markups(label, frame), mixed)
    after = json.loads(label.read_text())
    assert (after["author"], after["markups"][0]["display"]) == ("ann", {"textScale": 7.0})
    expected = frame.placement @ [3.25, 17.5, 1] * ([1, 1, 1] if system == "LPS" else [-1, -1, 1])
    np.testing.assert_allclose(after["markups"][0]["controlPoints"][0]["position"], expected, atol=1e-9)
    assert after["imageFrame"] == frame_field(frame)
    label.write_text(json.dumps(mapped_document(label, mixed.frame)))
    same(read_markups(label, mixed.frame), mixed)


def test_a_label_without_a_frame_is_not_mapped(label, mixed):
    document = json.loads(label.read_text())
    del document["imageFrame"]
    label.write_text(json.dumps(document))
    with pytest.raises(InputError, match="does not contain the frame"):
        mapped_document(label, mixed.frame)


GOOD = {"size": [4, 3], "origin": [0, 0, 0], "x_step": [1, 0, 0], "y_step": [0, 1, 0]}


@pytest.mark.parametrize(
    "field",
    [
        "here",
        [],
        {},
        GOOD | {"size": [4]},
        GOOD | {"size": [4.5, 3]},
        GOOD | {"size": [0, 3]},
        GOOD | {"size": [True, 3]},
        GOOD | {"origin": [0, 0, float("nan")]},
        GOOD | {"origin": [10**400, 0, 0]},
        GOOD | {"x_step": None},
        GOOD | {"y_step": [1, 0, 0]},
    ],
)
def test_a_malformed_frame_is_refused(label, field):
    document = json.loads(label.read_text()) | {"imageFrame": field}
    with pytest.raises(InputError, match="which is not the frame of an image"):
        stated_frame(document, label)


def test_a_frame_is_added_to_the_content_and_all_else_stays_byte_for_byte(label, mixed):
    content = b'\xef\xbb\xbf {\n "markups": [ {"type" : "Fiducial", "n": 1.50, "x": NaN} ]}'
    stated = parse_markups(content, "x").with_frame(mixed.frame)
    assert stated.content.endswith(content[len(b"\xef\xbb\xbf {") :])
    for markups in (stated, parse_markups(stated.content, "x")):
        np.testing.assert_array_equal(markups.frame.placement, mixed.frame.placement)
    kept = parse_markups(label.read_bytes(), "x").with_frame(Frame(1, 1))
    assert kept.content == label.read_bytes()


def test_points_outside_and_likely_places_do_not_matter_to_the_mapping(tmp_path):
    made = Frame(40, 30, np.diag([0.1, 0.2, 0.0]))
    write_markups(tmp_path / "x.mrk.json", Landmarks(["a", "b"], [[-3, 50], [7, 8]], made, [1, 0]))
    now = Frame(40, 30)
    document = mapped_document(tmp_path / "x.mrk.json", now)
    first, second = document["markups"][0]["controlPoints"]
    np.testing.assert_allclose(first["position"], [-3, 50, 0], atol=1e-9)
    assert second["positionStatus"] == "missing"

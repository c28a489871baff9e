"""What two readers say together, to the exact point; and the file that is made of their labels."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from monai_ext.landmarks import Frame, InputError, Landmarks, Status, markups_document, read_markups
from monai_ext.studies import (
    checked_name,
    consensus,
    consensus_content,
    reader_key,
    stated_annotator,
    stated_sources,
)

#: Not square, turned, and with pixels that are not square either.
FRAME = Frame(120, 70, np.array([[0.0, -0.4, 12.0], [0.25, 0.0, -3.0], [0.0, 0.0, 5.0]]), (0.25, 0.4), "NRRD")
NAN = (np.nan, np.nan)
D, M, U = int(Status.DEFINED), int(Status.MISSING), int(Status.UNDEFINED)


def reading(points: object, status: object, names: tuple[str, ...] = ("a", "b", "c", "d")) -> Landmarks:
    return Landmarks(names, points, FRAME, status)


def content(landmarks: Landmarks, **fields: object) -> bytes:
    return json.dumps({**fields, **markups_document(landmarks)}, indent=1).encode()


def read(content: bytes, folder: Path) -> Landmarks:
    path = folder / "found.mrk.json"
    path.write_bytes(content)
    return read_markups(path, FRAME)


def test_defined_points_are_averaged_and_disagreement_is_never() -> None:
    first = reading([(10, 20), (30, 5.5), NAN, (7, 8)], [D, D, M, D])
    second = reading([(13, 24), NAN, NAN, NAN], [D, M, M, U])
    found = consensus([first, second])
    assert found.landmarks.status.tolist() == [D, U, M, D]
    assert found.landmarks.points[0].tolist() == [11.5, 22.0]
    assert np.isnan(found.landmarks.points[1]).all()
    assert found.landmarks.points[3].tolist() == [7.0, 8.0]
    assert found.disagreements == ("b",)
    assert found.says_something


def test_what_neither_says_stays_undefined_and_what_one_says_counts() -> None:
    first = reading([NAN, NAN, (1, 2), NAN], [U, M, D, U])
    second = reading([NAN, NAN, NAN, NAN], [U, U, U, U])
    found = consensus([first, second])
    assert found.landmarks.status.tolist() == [U, M, D, U]
    assert found.landmarks.points[2].tolist() == [1.0, 2.0]
    assert found.disagreements == ()


def test_names_are_matched_whatever_their_order() -> None:
    first = reading([(10, 20), (30, 40)], [D, D], ("a", "b"))
    second = reading([(32, 44), (12, 24), (1, 1)], [D, D, D], ("b", "a", "c"))
    found = consensus([first, second]).landmarks
    assert found.names == ("a", "b", "c")
    assert found.points.tolist() == [[11, 22], [31, 42], [1, 1]]


def test_one_landmark_on_which_readers_disagree_makes_no_label() -> None:
    found = consensus([reading([(5, 6)], [D], ("spur",)), reading([NAN], [M], ("spur",))])
    assert not found.says_something
    assert found.disagreements == ("spur",)
    contents = {
        "reader1": content(reading([(5, 6)], [D], ("spur",))),
        "reader2": content(reading([NAN], [M], ("spur",))),
    }
    assert consensus_content(contents, FRAME).content is None


def test_the_file_of_two_readings_holds_their_mean_and_states_them(tmp_path: Path) -> None:
    a = content(reading([(10.25, 20), (30, 5.5)], [D, D], ("p", "q")), annotator="ann")
    b = content(reading([(13, 24.5), NAN], [D, M], ("p", "q")), annotator="ben")
    made = consensus_content({"reader1": a, "reader2": b}, FRAME).content
    assert made is not None
    document = json.loads(made)
    assert stated_sources(document) == {t: hashlib.sha256(c).hexdigest() for t, c in (("reader1", a), ("reader2", b))}
    assert stated_annotator(document) == "ann, ben"
    assert document["imageFrame"]["size"] == [120, 70]
    found = read(made, tmp_path)
    assert found.status.tolist() == [D, U]
    np.testing.assert_allclose(found.points[0], [11.625, 22.25], rtol=0, atol=1e-9)


def test_the_file_of_one_reading_is_its_own_but_for_one_field(tmp_path: Path) -> None:
    own = content(reading([(10.25, 20), (30, 5.5)], [D, D], ("p", "q")), annotator="ann")
    made = consensus_content({"reader1": own}, FRAME).content
    assert made is not None
    assert "consensusOf" in json.loads(made)
    assert {k: v for k, v in json.loads(made).items() if k != "consensusOf"} == json.loads(own)
    assert own[own.index(b"markups") :] in made


def test_a_reading_made_on_another_image_is_refused_by_its_tag() -> None:
    other = Landmarks(("p",), [(1, 2)], Frame(50, 60), [D])
    with pytest.raises(InputError, match=r"^The label 'reader2' was made on an image of 50 x 60 pixels"):
        consensus_content({"reader1": content(reading([(1, 2)], [D], ("p",))), "reader2": content(other)}, FRAME)


def test_names_are_the_same_in_any_case_and_form() -> None:
    assert reader_key(" J\u00fcrgen ") == reader_key("ju\u0308rgen")
    assert reader_key("ann") != reader_key("anna")
    assert checked_name("  ann b. ") == "ann b."
    assert checked_name("\u5c71\u7530\u3000\u592a\u90ce") == "\u5c71\u7530\u3000\u592a\u90ce"  # with a wide space


@pytest.mark.parametrize("name", ["", "  ", "ann, ben", "a\nb", "x" * 201])
def test_names_that_cannot_be_noted_are_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"^The annotator .* is not a name: use 1 to 200 printable characters"):
        checked_name(name)

from __future__ import annotations

import json

import numpy as np
import pytest

from monai_ext.landmarks import (
    Frame,
    InputError,
    Landmarks,
    markups_document,
    parse_markups,
    read_markups,
    write_markups,
)

FRAME = Frame(64, 48)


def save(path, points=None, document=None, **fields):
    """A markups file with one list; ``document`` replaces it whole."""
    points = (
        [{"label": "a", "position": [1, 2, 0]}, {"label": "b", "position": [3, 4, 0]}] if points is None else points
    )
    whole = {"markups": [{"type": "Fiducial", "controlPoints": points} | fields]} if document is None else document
    path.write_text(whole if isinstance(whole, str) else json.dumps(whole), encoding="utf-8")
    return path


@pytest.fixture
def file(tmp_path):
    return tmp_path / "x.mrk.json"


def test_write_then_read_is_the_identity(file, mixed, same):
    write_markups(file, mixed)
    same(read_markups(file, mixed.frame), mixed)
    same(read_markups(file, mixed.frame, mixed.names), mixed)


@pytest.mark.parametrize("count", [1, 19])
def test_round_trip_of_any_number(file, frame, same, count):
    points = np.random.default_rng(count).uniform(-10, 400, (count, 2))
    landmarks = Landmarks([f"p{k}" for k in range(count)], points, frame)
    write_markups(file, landmarks)
    same(read_markups(file, frame), landmarks)


def test_the_file_holds_lps_positions_in_landmark_order(frame):
    landmarks = Landmarks(["a", "b"], [[10, 3], [0.5, 2]], frame, [1, 1], [0.93, np.nan])
    (markup,) = markups_document(landmarks)["markups"]
    assert (markup["type"], markup["coordinateSystem"], markup["coordinateUnits"]) == ("Fiducial", "LPS", "mm")
    assert [point["label"] for point in markup["controlPoints"]] == ["a", "b"]
    assert [point["id"] for point in markup["controlPoints"]] == ["1", "2"]
    assert [point["description"] for point in markup["controlPoints"]] == ["confidence 0.930", ""]
    for point, pixel in zip(markup["controlPoints"], [[10, 3, 1], [0.5, 2, 1]], strict=True):
        np.testing.assert_allclose(point["position"], frame.placement @ pixel)


def test_a_point_without_a_place_is_written_as_zeros_with_its_status():
    landmarks = Landmarks(["a", "b", "c"], [[np.nan] * 2, [np.nan] * 2, [7, 8]], FRAME, [0, -1, 0], [0.9, np.nan, 0.2])
    points = markups_document(landmarks)["markups"][0]["controlPoints"]
    assert [(p["positionStatus"], p["position"]) for p in points] == [
        ("missing", [0, 0, 0]),
        ("undefined", [0, 0, 0]),
        ("missing", [7, 8, 0]),
    ]
    assert points[0]["description"] == "confidence 0.900"


def test_a_likely_place_is_not_read_back_as_a_point(file):
    write_markups(file, Landmarks(["a"], [[7, 8]], FRAME, [0]))
    got = read_markups(file, FRAME)
    assert got.status.tolist() == [0]
    assert np.isnan(got.points).all()


def test_the_colour_is_the_lists():
    display = markups_document(Landmarks(["a"], [[1, 2]], FRAME), color="#3366FF")["markups"][0]["display"]
    assert display == {"color": [0.2, 0.4, 1.0], "selectedColor": [0.2, 0.4, 1.0]}
    with pytest.raises(InputError, match="'#rrggbb', not 'blue'"):
        markups_document(Landmarks(["a"], [[1, 2]], FRAME), color="blue")


@pytest.mark.parametrize(
    ("system", "expected"),
    [("LPS", [1, 2]), ("1", [1, 2]), (1, [1, 2]), (None, [1, 2]), ("RAS", [-1, -2]), ("0", [-1, -2])],
)
def test_coordinate_systems(file, system, expected):
    fields = {} if system is None else {"coordinateSystem": system}
    assert read_markups(save(file, **fields), FRAME).points[0].tolist() == expected


@pytest.mark.parametrize(
    ("word", "status"), [("defined", 1), (None, 1), ("preview", 1), ("undefined", -1), ("missing", 0)]
)
def test_position_status(file, word, status):
    point = {"label": "a", "position": [1, 2, 0]} | ({} if word is None else {"positionStatus": word})
    got = read_markups(save(file, [point]), FRAME)
    assert got.status.tolist() == [status]
    assert np.isfinite(got.points).all() == (status == 1)


@pytest.mark.parametrize("position", ["", None, [], [1, 2], [1, 2, None], [float("nan")] * 3])
def test_a_preview_without_a_position_is_undefined(file, position):
    got = read_markups(save(file, [{"label": "a", "position": position, "positionStatus": "preview"}]), FRAME)
    assert got.status.tolist() == [-1]
    got = read_markups(save(file, [{"label": "a", "positionStatus": "preview"}]), FRAME)
    assert got.status.tolist() == [-1]


def test_hidden_and_unselected_points_of_older_schemas_are_points(file):
    old = {"label": "a", "position": [1.5, 2.25, 0], "visibility": False, "selected": False}
    older = {"label": "b", "position": [3, 4, 0], "orientation": [1, 0, 0, 0]}
    got = read_markups(save(file, [old, older], coordinateSystem="LPS"), FRAME)
    np.testing.assert_array_equal(got.points, [[1.5, 2.25], [3, 4]])
    assert got.status.tolist() == [1, 1]


@pytest.mark.parametrize("position", ["", None, [], [0, 0, 9999], [float("nan")] * 3])
def test_the_position_of_an_undefined_point_is_not_looked_at(file, position):
    got = read_markups(save(file, [{"label": "a", "position": position, "positionStatus": "undefined"}]), FRAME)
    assert got.status.tolist() == [-1]


def test_reading_does_not_depend_on_the_order_in_the_file(file):
    got = read_markups(save(file), FRAME, ["b", "c", "a"])
    np.testing.assert_array_equal(got.points, [[3, 4], [np.nan, np.nan], [1, 2]])
    assert got.status.tolist() == [1, -1, 1]


def test_other_kinds_of_markups_beside_the_list_do_not_matter(file):
    fiducial = {"type": "Fiducial", "controlPoints": [{"label": "a", "position": [1, 2, 0]}]}
    save(file, document={"markups": [{"type": "Line", "controlPoints": []}, fiducial]})
    assert read_markups(file, FRAME).names == ("a",)


def test_units_as_a_dicom_code(file):
    got = read_markups(save(file, coordinateUnits=["mm", "UCUM", "millimeter"]), FRAME)
    assert got.points[1].tolist() == [3, 4]


def point_at(position, **fields):
    return [{"label": "a", "position": position} | fields]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"document": "{"}, r"line 1: not valid JSON"),
        ({"document": "[]"}, "no list 'markups'"),
        ({"document": {"markups": {}}}, "no list 'markups'"),
        ({"document": {"markups": [1]}}, "no list 'markups'"),
        ({"document": {"markups": []}}, "one markup of the type 'Fiducial', not nothing"),
        ({"document": {"markups": [{"type": "Curve"}]}}, "'Fiducial', not 'Curve'"),
        ({"document": {"markups": [{"type": "Fiducial"}] * 2}}, "not 'Fiducial', 'Fiducial'"),
        ({"coordinateUnits": "um"}, "coordinateUnits 'um'; save the points in 'mm'"),
        ({"coordinateUnits": []}, r"coordinateUnits \[\]"),
        ({"coordinateSystem": "IJK"}, "coordinateSystem 'IJK'; use 'LPS' or 'RAS'"),
        ({"coordinateSystem": True}, "coordinateSystem True"),
        ({"controlPoints": {}}, "controlPoints must be a list, not {}"),
        ({"points": [1]}, "control point 1 has no text as its label: 1"),
        ({"points": [{"position": [1, 2, 3]}]}, "control point 1 has no text as its label"),
        ({"points": point_at([1, 2])}, r"'a' has the position \[1, 2\]; it must be three finite numbers"),
        ({"points": point_at([1, 2, 0, 0])}, r"'a' has the position \[1, 2, 0, 0\]"),
        ({"points": point_at([1, "2", 0])}, r"'a' has the position \[1, '2', 0\]"),
        ({"points": point_at([1, True, 0])}, r"'a' has the position \[1, True, 0\]"),
        ({"points": point_at([1, None, 0])}, r"'a' has the position \[1, None, 0\]"),
        ({"points": point_at([float("nan"), 1, 0])}, r"'a' has the position \[nan, 1, 0\]"),
        ({"points": point_at([1, float("-inf"), 0])}, r"'a' has the position \[1, -inf, 0\]"),
        ({"points": point_at([10**400, 1, 0])}, r"'a' has the position \[1000"),
        ({"points": point_at("")}, "'a' has the position ''"),
        ({"points": point_at(None)}, "'a' has the position None"),
        ({"points": point_at([1, 2, 0], positionStatus="gone")}, "'a' has the positionStatus 'gone'; use defined"),
        ({"points": point_at([1, 2, 0], positionStatus=2)}, "'a' has the positionStatus 2"),
        ({"points": point_at([1, 2, 0]) * 2}, "label 'a' more than once"),
        ({"points": [{"label": "F-1", "position": [1, 2, 0]}]}, "unknown label 'F-1'; the landmarks are a, b"),
        ({"points": point_at([1, 2, 1.5])}, "lies 1.5 mm off the image plane"),
    ],
)
def test_refuses_and_names_the_file(file, content, message):
    save(file, **content)
    with pytest.raises(InputError, match=message) as caught:
        read_markups(file, FRAME, ["a", "b"])
    assert str(file) in str(caught.value)


def test_a_file_that_is_not_there(file):
    with pytest.raises(InputError, match=r"x\.mrk\.json cannot be read"):
        read_markups(file, FRAME)


def test_write_refuses_another_extension(tmp_path):
    with pytest.raises(InputError, match=r"end in \.mrk\.json, unlike .*x\.json"):
        write_markups(tmp_path / "x.json", Landmarks(["a"], [[1, 2]], FRAME))


# Rewriting an existing file


def template():
    """What another program may have put there, in RAS and in another order."""
    return {
        "@schema": "other",
        "institution": "here",
        "markups": [
            {"type": "Line", "controlPoints": [{"label": "a", "position": [9, 9, 9]}]},
            {
                "type": "Fiducial",
                "coordinateSystem": "RAS",
                "annotator": "ann",
                "display": {"textScale": 7.0, "color": [0, 0, 0]},
                "controlPoints": [
                    {
                        "id": "2",
                        "label": "b",
                        "position": [0, 0, 0],
                        "description": "blurred; confidence 0.1",
                        "extra": [1],
                    },
                    {"id": "7", "label": "a", "position": [1, 1, 0], "locked": True, "positionStatus": "preview"},
                ],
            },
        ],
    }


def test_a_template_keeps_all_but_positions_status_and_confidence(file):
    file.write_text(json.dumps(template()))
    landmarks = Landmarks(["a", "b", "c"], [[5, 6], [np.nan, np.nan], [7, 8]], FRAME, [1, 0, 1], [0.75, 0.5, np.nan])
    write_markups(file, landmarks, template=file, color="#FF0000")
    expected = template()
    expected["imageFrame"] = {"size": [64, 48], "origin": [0, 0, 0], "x_step": [1, 0, 0], "y_step": [0, 1, 0]}
    expected["markups"][1]["display"] = {"textScale": 7.0, "color": [1, 0, 0], "selectedColor": [1, 0, 0]}
    got = json.loads(file.read_text())
    new = got["markups"][1]["controlPoints"].pop()
    expected["markups"][1]["controlPoints"] = [
        {
            "id": "7",
            "label": "a",
            "position": [-5, -6, 0],
            "locked": True,
            "positionStatus": "defined",
            "description": "confidence 0.750",
        },
        {
            "id": "2",
            "label": "b",
            "position": [0, 0, 0],
            "description": "blurred; confidence 0.500",
            "extra": [1],
            "positionStatus": "missing",
        },
    ]
    assert got == expected
    assert (new["label"], new["position"], new["id"]) == ("c", [-7, -8, 0], "1")


def test_a_template_reads_back_as_the_landmarks(file, mixed, same):
    document = template()
    document["markups"][1]["controlPoints"] = [{"label": "disc", "position": [0, 0, 0]}]
    file.write_text(json.dumps(document))
    write_markups(file, mixed, template=file)
    same(read_markups(file, mixed.frame, mixed.names), mixed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": "z"}, "unknown label 'z'; the landmarks are a, b"),
        ({"label": "a"}, "label 'a' more than once"),
    ],
)
def test_a_template_that_does_not_fit_is_refused_and_stays(file, change, message):
    document = template()
    document["markups"][1]["controlPoints"][0] |= change
    file.write_text(json.dumps(document))
    with pytest.raises(InputError, match=rf"x\.mrk\.json.*{message}"):
        write_markups(file, Landmarks(["a", "b"], [[1, 2], [3, 4]], FRAME), template=file)
    assert json.loads(file.read_text()) == document


def test_a_template_with_nan_elsewhere_is_refused(file):
    document = template()
    document["markups"][0]["width"] = float("nan")
    file.write_text(json.dumps(document))
    with pytest.raises(InputError, match="cannot be written as JSON"):
        write_markups(file, Landmarks(["a", "b"], [[1, 2], [3, 4]], FRAME), template=file)


def test_a_field_is_put_replaced_and_taken_away_without_other_changes():
    text = b'{\n  "x": [1.50, 2],\n  "markups": [{"type": "Fiducial"}]\n}'
    put = parse_markups(text, "x").with_fields({"annotator": '\u00c4nn "B"'})
    assert put.content.endswith(b'"x": [1.50, 2],\n  "markups": [{"type": "Fiducial"}]\n}')
    assert json.loads(put.content) == {"annotator": '\u00c4nn "B"', "x": [1.5, 2], "markups": [{"type": "Fiducial"}]}
    assert json.loads(put.with_fields({"annotator": "ben"}).content)["annotator"] == "ben"
    assert parse_markups(text, "x").with_fields({"annotator": None}).content == text
    assert json.loads(put.with_fields({"annotator": None}).content) == json.loads(text)


def test_a_list_in_memory_is_named_as_the_caller_says(file):
    with pytest.raises(InputError, match=r"^The upload, line 1: not valid JSON"):
        parse_markups(b"{", "The upload")
    with pytest.raises(InputError, match=r"^The upload has the unknown label 'b'; the landmarks are a\.$"):
        parse_markups(save(file).read_bytes(), "The upload").landmarks(FRAME, ["a"])

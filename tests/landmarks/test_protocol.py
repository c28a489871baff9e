from __future__ import annotations

import pytest
from pydantic import ValidationError

from monai_ext.landmarks import Protocol
from monai_ext.landmarks.document import Size
from monai_ext.landmarks.protocol import DEFAULT_COLORS, Measurement, is_name


def document(landmarks=None, **changes):
    points = [
        {"name": "a", "description": "A."},
        {"name": "b", "description": "B."},
        {"name": "c", "description": "C."},
    ]
    return {
        "name": "task",
        "title": "Task",
        "channels": "grey",
        "landmarks": points if landmarks is None else landmarks,
    } | changes


def test_names_channels_and_defaults():
    protocol = Protocol.model_validate(document())
    assert protocol.landmark_names == ("a", "b", "c")
    assert protocol.num_channels == 1
    assert protocol.swap == (0, 1, 2)
    assert Protocol.model_validate(document(channels="rgb")).num_channels == 3


def test_swap_exchanges_pairs_only():
    landmarks = [
        {"name": "l", "description": ".", "pair": "r"},
        {"name": "m", "description": "."},
        {"name": "r", "description": ".", "pair": "l"},
    ]
    assert Protocol.model_validate(document(landmarks)).swap == (2, 1, 0)


def test_two_landmarks_are_enough_for_a_zoom_net():
    landmarks = [{"name": name, "description": "."} for name in "ab"]
    assert Protocol.model_validate(document(landmarks, network={"name": "zoom_net"})).networks_landmarks == 2


def test_default_colours_repeat_and_given_ones_stay():
    landmarks = [{"name": f"p{k}", "description": "."} for k in range(9)]
    landmarks[1]["color"] = "#abcdef"
    colors = [item.color for item in Protocol.model_validate(document(landmarks)).landmarks]
    assert colors[0] == colors[7] == DEFAULT_COLORS[0]
    assert colors[1] == "#abcdef"
    assert colors[8] == DEFAULT_COLORS[1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"channels": "gray"}, "'grey' or 'rgb'"),
        ({"name": "two words"}, "should match pattern"),
        ({"name": "../up"}, "should match pattern"),
        ({"title": ""}, "at least 1 character"),
        ({"landmarks": []}, "at least 1 item"),
        ({"colour": "red"}, "Extra inputs"),
        ({"landmarks": [{"name": "a", "description": "."}] * 2}, "'a' occurs twice"),
        (
            {"landmarks": [{"name": "a", "description": "."}], "network": {"name": "zoom_net"}},
            "a zoom_net looks again at the box of its landmarks, and of 'a' alone it has no extent: add a second",
        ),
        ({"landmarks": [{"name": "a", "description": "", "pair": None}]}, "at least 1 character"),
        ({"landmarks": [{"name": "a", "description": ".", "pair": "a"}]}, "'a' has the pair 'a'"),
        ({"landmarks": [{"name": "a", "description": ".", "pair": "z"}]}, "'a' has the pair 'z'"),
        (
            {"landmarks": [{"name": "a", "description": ".", "pair": "b"}, {"name": "b", "description": "."}]},
            "whose pair is 'a'",
        ),
        ({"landmarks": [{"name": "a", "description": ".", "color": "red"}]}, "should match pattern"),
        ({"measurements": [{"name": "m", "between": ["a", "z"]}]}, "'m' uses the unknown landmark 'z'"),
        ({"measurements": [{"name": "m", "between": ["a", "b"]}] * 2}, "'m' occurs twice"),
        ({"network": {"input_size": {"width": 16, "height": 64}}}, "greater than or equal to 32"),
        ({"network": {"sigma": float("inf")}}, "finite number"),
        ({"network": {"sigma": 0}}, "greater than 0"),
        ({"recipe": {"augmentation": {"flip": 1.5}}}, "less than or equal to 1"),
        ({"recipe": {"loss": "l1"}}, "spatial_cross_entropy"),
    ],
)
def test_protocol_refuses(changes, message):
    with pytest.raises(ValidationError, match=message):
        Protocol.model_validate(document(**changes))


@pytest.mark.parametrize(
    ("kind", "between", "fits"),
    [
        ("distance", ("a", "b"), True),
        ("angle", ("a", "b", "c"), True),
        ("height", ("a", "b", "c"), True),
        ("distance", ("a", "b", "c"), False),
        ("angle", ("a", "b"), False),
        ("height", ("a", "b"), False),
        ("distance", ("a", "a"), False),
        ("angle", ("a", "b", "a"), False),
    ],
)
def test_measurement_counts_its_landmarks(kind, between, fits):
    if fits:
        assert Measurement(name="m", kind=kind, between=between).between == between
    else:
        with pytest.raises(ValidationError, match=f"{kind} is between"):
            Measurement(name="m", kind=kind, between=between)


def test_a_protocol_cannot_be_changed():
    protocol = Protocol.model_validate(document())
    with pytest.raises(ValidationError, match="frozen"):
        protocol.name = "other"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fovea", True),
        ("A_1", True),
        ("", False),
        ("1a", False),
        ("a b", False),
        ("a/b", False),
        ("a\n", False),
        ("a" * 64, True),
        ("a" * 65, False),
    ],
)
def test_is_name(text, expected):
    assert is_name(text) is expected


def test_size_is_width_then_height():
    assert Size(width=384, height=256).wh == (384, 256)

"""What is worth a second look: one moved point, exchanged partners, broken orders, presence; and nothing else."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from monai_ext.active.review import Flag, Orders, implausible, not_judged, severity, shares
from monai_ext.landmarks import Frame, InputError, Landmarks, Protocol, Status, find_protocol
from monai_ext.landmarks.protocol import LandmarkDefinition
from monai_ext.phantoms.as_oct import draw_as_oct
from monai_ext.phantoms.face_plan import draw_face
from monai_ext.phantoms.fundus_plan import draw_fundus

#: Not square, and anisotropic: 30 px along x are 15 mm, 10 px along y are 20 mm.
MM = Frame(width=300, height=200, spacing=(0.5, 2.0), spacing_source="test")
PX = Frame(width=300, height=200)


def protocol(*names: str, **partners: str) -> Protocol:
    both = partners | {b: a for a, b in partners.items()}
    marks = tuple(LandmarkDefinition(name=n, description=n, pair=both.get(n)) for n in names)
    return Protocol(name="test", title="Test", channels="grey", landmarks=marks)


EYES = protocol("left", "right", "nose", left="right")
HERE = [[80.0, 50.0], [220.0, 60.0], [150.0, 120.0]]


def labels(points: object = HERE, status: object = None, frame: Frame = PX, confidence: object = None) -> Landmarks:
    return Landmarks(EYES.landmark_names, points, frame, status, confidence)


def others(count: int, rng: np.random.Generator) -> list[Landmarks]:
    """Labels like HERE, each point moved by some pixels."""
    return [labels(HERE + rng.normal(0, 4, (3, 2))) for _ in range(count)]


def told(flags: list[Flag]) -> list[tuple[str, tuple[str, ...]]]:
    return [(flag.kind, flag.landmarks) for flag in flags]


# Far from the model's point


def test_label_beyond_twice_the_radius_is_far_in_the_unit_of_the_frame() -> None:
    moved = labels([[110.0, 60.0], [220.0, 60.0], [150.0, 120.0]], frame=MM)  # left by (15 mm, 20 mm): 25 mm

    (flag,) = implausible(moved, labels(frame=MM), np.array([12.4, 12.4, 12.4]), EYES, None)

    assert (flag.kind, flag.landmarks, flag.size) == ("far", ("left",), pytest.approx(25 / 24.8))
    assert flag.sentence == (
        "left lies 25.0 mm from the model's point, more than 2 times the 12.4 mm that the model is usually off at most."
    )
    assert implausible(moved, labels(frame=MM), np.array([12.5, 12.5, 12.5]), EYES, None) == []
    in_pixels = labels(moved.points)  # math.hypot(30, 10) = 31.6 px
    assert told(implausible(in_pixels, labels(), np.full(3, 15.9), EYES, None)) == []
    assert told(implausible(in_pixels, labels(), np.full(3, 15.8), EYES, None)) == [("far", ("left",))]


def test_factor_moves_the_limit() -> None:
    moved = labels([[80.0, 50.0], [220.0, 60.0], [150.0, 150.0]])

    assert implausible(moved, labels(), np.full(3, 10.0), EYES, None, factor=3.0) == []
    assert told(implausible(moved, labels(), np.full(3, 10.0), EYES, None, factor=2.9)) == [("far", ("nose",))]
    with pytest.raises(InputError, match="positive number, not 0"):
        implausible(moved, labels(), np.full(3, 10.0), EYES, None, factor=0)


def test_distance_is_not_judged_without_a_calibrated_radius() -> None:
    wild = labels([[280.0, 190.0], [220.0, 60.0], [10.0, 10.0]])
    radius = np.array([np.nan, 5.0, np.nan])

    assert implausible(wild, labels(), None, EYES, None) == []
    assert implausible(wild, labels(), radius, EYES, None) == []
    assert not_judged(EYES.landmark_names, radius) == ("left", "nose")
    assert not_judged(EYES.landmark_names, None) == EYES.landmark_names
    with pytest.raises(InputError, match=r"3 landmarks need as many radii, not an array of shape \(2,\)"):
        implausible(wild, labels(), np.ones(2), EYES, None)


def test_landmark_without_a_point_is_not_far() -> None:
    gaps = labels(
        [[80.0, 50.0], [np.nan, np.nan], [np.nan, np.nan]], [Status.DEFINED, Status.UNDEFINED, Status.MISSING]
    )

    assert implausible(gaps, labels(), np.full(3, 1.0), EYES, None) == []


def test_single_landmark_is_judged() -> None:
    one = protocol("apex")
    rng = np.random.default_rng(0)
    known = [Landmarks(["apex"], rng.uniform(0, 100, (1, 2)), PX) for _ in range(25)]
    orders = Orders.fit(known, one.landmark_names)
    label, found = (Landmarks(["apex"], [[x, 40.0]], PX) for x in (60.0, 50.0))

    assert told(implausible(label, found, np.array([4.9]), one, orders)) == [("far", ("apex",))]
    assert implausible(label, found, np.array([5.0]), one, orders) == []


# Exchanged partners


def test_exchanged_partners_are_one_flag_by_the_model() -> None:
    swapped = labels([HERE[1], HERE[0], HERE[2]])
    found = labels([[81.0, 50.0], [220.0, 62.0], [150.0, 120.0]])

    (flag,) = implausible(swapped, found, np.full(3, 3.0), EYES, None)

    assert (flag.kind, flag.landmarks) == ("swapped", ("left", "right"))
    assert flag.sentence.endswith("and exchanged 1.0 px and 2.0 px.") or "exchanged 2.0 px and 1.0 px" in flag.sentence
    assert flag.size == pytest.approx(2.0, abs=0.05)


def test_exchange_does_not_hide_that_a_point_is_far_even_so() -> None:
    swapped = labels([HERE[1], [80.0, 90.0], HERE[2]])

    assert told(implausible(swapped, labels(), np.full(3, 10.0), EYES, None)) == [
        ("swapped", ("left", "right")),
        ("far", ("left",)),
    ]


def test_model_that_does_not_tell_partners_apart_says_nothing() -> None:
    unsure = labels([[150.0, 55.0], [151.0, 55.0], HERE[2]])

    assert implausible(labels(), unsure, None, EYES, None) == []


def test_exchanged_partners_are_one_flag_by_the_other_labels(rng: np.random.Generator) -> None:
    orders = Orders.fit(others(30, rng), EYES.landmark_names)
    swapped = labels([HERE[1], HERE[0], HERE[2]])

    (flag,) = implausible(swapped, None, None, EYES, orders)

    assert (flag.kind, flag.landmarks) == ("swapped", ("left", "right"))
    assert flag.sentence == (
        "left lies 140.0 px right of right, but left of it in all 30 other labels: the two look exchanged."
    )
    assert flag.size == pytest.approx(2.0, abs=0.1)


def test_other_labels_are_believed_where_the_model_itself_exchanges_partners(rng: np.random.Generator) -> None:
    orders = Orders.fit(others(30, rng), EYES.landmark_names)

    assert implausible(labels(), labels([HERE[1], HERE[0], HERE[2]]), None, EYES, orders) == []


# Orders of other labels


def test_one_wrong_point_among_nineteen_is_one_flag(rng: np.random.Generator) -> None:
    names = tuple(f"l{k}" for k in range(19))
    column = protocol(*names)
    line = np.stack([np.full(19, 100.0), 5.0 + 10.0 * np.arange(19)], axis=1)  # one below the other
    known = [Landmarks(names, line + rng.normal(0, 1, (19, 2)), PX) for _ in range(19)]
    orders = Orders.fit(known, names)
    wrong = line.copy()
    wrong[4] = 100.0, 127.0  # below l12, at 125

    (flag,) = implausible(Landmarks(names, wrong, PX), None, None, column, orders)

    assert (flag.kind, flag.landmarks) == ("order", ("l4",))
    assert flag.sentence.startswith("l4 lies 72.0 px below l5, but above it in all 19 other labels, and likewise to 7 ")
    assert implausible(Landmarks(names, line, PX), None, None, column, orders) == []
    eighteen = Orders.fit(known[1:], names)
    assert implausible(Landmarks(names, wrong, PX), None, None, column, eighteen) == []


def test_last_broken_order_names_both_landmarks(rng: np.random.Generator) -> None:
    names = ("top", "foot")
    known = [Landmarks(names, np.add([[50.0, 20.0], [50.0, 90.0]], rng.normal(0, 2, (2, 2))), MM) for _ in range(20)]

    (flag,) = implausible(
        Landmarks(names, [[50.0, 95.0], [50.0, 90.0]], MM), None, None, protocol(*names), Orders.fit(known, names)
    )

    assert (flag.kind, flag.landmarks) == ("order", ("top", "foot"))
    assert flag.sentence == "top lies 10.0 mm below foot, but above it in all 20 other labels."


def test_order_that_four_of_99_others_break_is_judged_and_one_that_five_break_is_not(rng: np.random.Generator) -> None:
    names, upright, turned = ("top", "foot"), [[50.0, 20.0], [50.0, 90.0]], [[50.0, 90.0], [50.0, 20.0]]
    wrong = Landmarks(names, turned, PX)

    def found(breaking: int) -> list[Flag]:
        points = [turned] * breaking + [upright] * (99 - breaking)
        known = [Landmarks(names, p + rng.normal(0, 2, (2, 2)), PX) for p in points]
        return implausible(wrong, None, None, protocol(*names), Orders.fit(known, names))

    (flag,) = found(4)
    assert "in 95 of 99 other labels" in flag.sentence
    assert found(5) == []


def test_order_that_is_not_clear_is_not_judged(rng: np.random.Generator) -> None:
    names = ("a", "b")
    known = [Landmarks(names, [[50.0, 50.0], [50.0 + abs(rng.normal(8, 4)) + 0.1, 50.0]], PX) for _ in range(60)]
    orders = Orders.fit(known, names)

    assert int(orders.rising[0, 0, 1]) == 60
    assert implausible(Landmarks(names, [[60.0, 50.0], [50.0, 50.0]], PX), None, None, protocol(*names), orders) == []


def test_label_is_left_out_of_the_orders_that_judge_it(rng: np.random.Generator) -> None:
    known = others(19, rng)
    swapped = labels([HERE[1], HERE[0], HERE[2]])
    orders = Orders.fit([*known, swapped], EYES.landmark_names)
    without = orders.without(swapped)
    direct = Orders.fit(known, EYES.landmark_names)

    np.testing.assert_array_equal(without.count, direct.count)
    np.testing.assert_array_equal(without.rising, direct.rising)
    assert told(implausible(swapped, None, None, EYES, without)) == [("swapped", ("left", "right"))]
    assert implausible(swapped, None, None, EYES, orders) == []


def test_orders_are_those_of_a_loop(rng: np.random.Generator) -> None:
    names = tuple("abcde")
    table = rng.uniform(0, 1, (21, 5, 2)) + np.arange(5)[:, None] * 0.4
    table[rng.random((21, 5)) < 0.2] = np.nan
    orders = Orders.of_table(table, names)

    for axis in range(2):
        for a in range(5):
            for b in range(5):
                apart = table[:, b, axis] - table[:, a, axis]
                apart = apart[~np.isnan(apart)]
                assert orders.count[a, b] == len(apart)
                assert orders.rising[axis, a, b] == (apart > 0).sum()
                assert orders.median[axis, a, b] == pytest.approx(np.median(apart))
                spread = 1.4826 * np.median(np.abs(apart - np.median(apart)))
                assert orders.spread[axis, a, b] == pytest.approx(spread)


def test_places_are_shares_of_width_and_height() -> None:
    label = labels([[30.0, 20.0], [60.0, 50.0], [np.nan, 0]], [1, 1, -1])

    np.testing.assert_allclose(shares(label, EYES.landmark_names), [[0.1, 0.1], [0.2, 0.25], [np.nan, np.nan]])


def test_no_labels_say_nothing() -> None:
    orders = Orders.fit([], EYES.landmark_names)

    assert not orders.judged.any()
    assert implausible(labels([HERE[1], HERE[0], HERE[2]]), None, None, EYES, orders) == []


@pytest.mark.parametrize(
    ("name", "draw"), [("face", draw_face), ("scleral_spur", draw_as_oct), ("fundus", draw_fundus)]
)
def test_right_labels_of_phantoms_have_no_flags_and_exchanged_partners_have_one(name: str, draw) -> None:
    task = find_protocol(name)
    plans = [draw(np.random.default_rng(seed)) for seed in range(40)]
    known = [Landmarks(task.landmark_names, plan.points, Frame(width=plan.width, height=plan.height)) for plan in plans]
    orders = Orders.fit(known, task.landmark_names)

    radius = np.full(len(task.landmarks), 4.0)
    assert [implausible(label, label, radius, task, orders.without(label)) for label in known] == [[]] * 40

    pair = next(((a, b) for a, b in enumerate(task.swap) if a < b), None)
    if pair is not None:
        order = np.arange(len(task.landmarks))
        order[list(pair)] = pair[::-1]
        for label in known:
            wrong = Landmarks(label.names, label.points[order], label.frame)
            flags = implausible(wrong, None, None, task, orders.without(label))
            assert told(flags) == [("swapped", tuple(label.names[k] for k in pair))]


# Presence


def test_model_that_is_sure_of_the_opposite_is_told() -> None:
    label = labels(status=[Status.DEFINED, Status.MISSING, Status.UNDEFINED])
    sure = labels(status=[Status.MISSING, Status.DEFINED, Status.DEFINED], confidence=[0.95, 0.92, 0.99])

    flags = implausible(label, sure, np.full(3, 1.0), EYES, None)

    assert told(flags) == [("missing", ("left",)), ("missing", ("right",))]
    assert [flag.sentence for flag in flags] == [
        "left has a point, but the model is sure that it is missing (confidence 0.95).",
        "right is marked missing, but the model is sure that it is there (confidence 0.92).",
    ]
    unsure = labels(status=sure.status, confidence=[0.89, 0.89, np.nan])
    assert implausible(label, unsure, np.full(3, 1.0), EYES, None) == []


def test_flags_are_finite_json_and_the_clearest_tells_the_severity() -> None:
    flags = implausible(labels([[90.0, 50.0], [260.0, 60.0], HERE[2]]), labels(), np.full(3, 4.0), EYES, None)

    assert severity(flags) == flags[0].size == 5.0
    assert severity([]) == 0.0
    document = json.loads(json.dumps([flag.to_dict() for flag in flags], allow_nan=False))
    assert [(row["kind"], row["landmarks"], row["size"]) for row in document] == [
        ("far", ["right"], 5.0),
        ("far", ["left"], 1.25),
    ]
    exact = implausible(labels([[90.0, 50.0], *HERE[1:]]), labels(), np.zeros(3), EYES, None)
    assert math.isfinite(exact[0].size)

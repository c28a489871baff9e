"""Causes of errors: found where they were put, and not where errors are independent of everything."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from PIL import Image, ImageFilter
from scipy import stats

from monai_ext.evaluation import (
    Factors,
    FailureCauses,
    find_causes,
    image_factors,
    mean_interval,
    measure_factors,
    ratio_interval,
)
from monai_ext.landmarks import Frame, InputError, Landmarks

N, K = 80, 2
NAMES = ("left", "right")


def landmarks(points, size=(90, 60), status=None) -> Landmarks:
    names = [f"p{k}" for k in range(len(points))]
    return Landmarks(names, np.array(points, dtype=float), Frame(*size), status)


def factors(of_image=None, of_landmark=None, missed=None, k: int = K, n: int = N) -> Factors:
    return Factors(
        line=NAMES if k > 1 else None,
        of_image={name: tuple(values) for name, values in (of_image or {}).items()},
        of_landmark={name: tuple(map(tuple, values)) for name, values in (of_landmark or {}).items()},
        missed=tuple(map(tuple, np.zeros((n, k), dtype=bool) if missed is None else missed)),
    )


@pytest.fixture
def made():
    """Errors that nothing explains, and factors that explain nothing."""
    rng = np.random.default_rng(5)
    errors = rng.lognormal(1, 0.5, (N, K))
    return errors, rng.random((N, 2)), rng.random((N, K))


def test_a_low_contrast_that_triples_the_errors_is_told_and_nothing_else(made) -> None:
    errors, (contrast, brightness), border = made[0].copy(), made[1].T, made[2]
    hazy = contrast <= np.quantile(contrast, 0.25)
    errors[hazy] *= 3
    result = find_causes(
        errors, NAMES, factors({"contrast": contrast, "brightness": brightness}, {"border": border}), 10.0
    )

    (cause,) = result.causes
    assert (cause.name, cause.factor) == ("low contrast of the image (haze)", "contrast")
    group = errors[hazy]
    assert (cause.group.images, cause.group.count, cause.rest.count) == (20, 40, 120)
    assert cause.group.mean == pytest.approx(group.mean())
    assert cause.group.median == np.median(group)
    assert cause.group.failed == (group > 10).mean()
    assert cause.rest.failed == (errors[~hazy] > 10).mean()
    assert (cause.group.low, cause.group.high) == mean_interval(np.where(hazy[:, None], errors, np.nan))[1:3]
    centred = np.log(errors) - np.log(errors).mean(axis=0)
    assert cause.ratio == pytest.approx(np.exp(centred[hazy].mean() - centred[~hazy].mean()))
    assert cause.low < cause.ratio < cause.high
    assert cause.p <= 0.01
    assert "bright image" in result.tested
    assert result.tested[-2:] == ("landmark left", "landmark right")


def test_errors_that_nothing_explains_have_no_cause(made) -> None:
    errors, of_image, border = made
    given = {"contrast": of_image[:, 0], "brightness": of_image[:, 1]}

    assert find_causes(errors, NAMES, factors(given, {"border": border}), 10.0).causes == ()


def test_a_cause_of_one_landmark_names_it(made) -> None:
    errors, _, border = made[0].copy(), made[1], made[2]
    near = border[:, 1] <= np.quantile(border[:, 1], 0.25)
    errors[near, 1] *= 6

    cause = find_causes(errors, NAMES, factors(of_landmark={"border": border}), 50.0).causes[0]

    assert (cause.name, cause.landmark) == ("landmark near the edge", "right")


def test_a_landmark_that_is_worse_in_each_image_is_told() -> None:
    errors = np.random.default_rng(1).lognormal(1, 0.3, (N, 1)) * [1.0, 1.5, 1.0]
    result = find_causes(errors, ("a", "b", "c"), factors(k=3), 100.0)

    (cause,) = result.causes
    assert (cause.name, cause.landmark, cause.group.count, cause.rest.count) == ("landmark b", "b", N, 2 * N)
    assert cause.ratio == pytest.approx(1.5)
    assert cause.p == 1 / 10_000  # no permutation of the labels has as large a difference


def test_the_p_value_of_a_landmark_is_that_of_all_orders_of_the_labels() -> None:
    errors = np.random.default_rng(21).lognormal(0, 0.5, (5, 3)) * [1.0, 1.0, 3.5]
    logs = np.log(errors)
    orders = np.array(list(itertools.permutations(range(3))))
    ways = np.array(list(itertools.product(range(6), repeat=5)))  # 7,776
    mixed = np.take_along_axis(np.broadcast_to(logs, (len(ways), 5, 3)), orders[ways], axis=2)
    apart = (mixed - (mixed.sum(axis=2, keepdims=True) - mixed) / 2).sum(axis=1)
    largest = apart.max(axis=1)
    observed = (logs - (logs.sum(axis=1, keepdims=True) - logs) / 2).sum(axis=0)
    reference = np.mean(largest >= observed[2] - 1e-9)

    (cause,) = find_causes(errors, ("a", "b", "c"), factors(k=3, n=5), 1e6).causes

    assert (cause.name, reference < 0.05) == ("landmark c", True)
    assert cause.p == pytest.approx(reference, abs=4 * math.sqrt(reference / 9999))


def test_unmeasured_landmarks_take_no_part_in_the_orders() -> None:
    errors = np.random.default_rng(4).lognormal(0, 0.3, (40, 3)) * [1.0, 1.0, 1.8]
    errors[::2, 0] = errors[1::3, 1] = np.nan

    (cause,) = find_causes(errors, ("a", "b", "c"), factors(k=3, n=40), 1e6).causes

    assert cause.name == "landmark c"
    (alone,) = find_causes(errors[:, 1:], ("b", "c"), factors(k=2, n=40), 1e6).causes
    both = errors[~np.isnan(errors[:, 1]), 1:]
    signs = np.abs(np.log(both[:, 1] / both[:, 0])) * np.random.default_rng(0).choice([-1, 1], (20_000, len(both)))
    reference = np.mean(signs.sum(axis=1) >= np.log(both[:, 1] / both[:, 0]).sum())
    assert alone.p == pytest.approx(reference, abs=2e-3)


@pytest.mark.slow
def test_landmarks_of_equal_errors_are_rarely_told_apart() -> None:
    rng, told = np.random.default_rng(0), 0
    names = [f"p{k}" for k in range(10)]
    for _ in range(24):
        told += bool(find_causes(rng.rayleigh(1, (150, 10)), names, factors(k=10, n=150), 3.0).causes)

    assert told <= stats.binom.ppf(0.999, 24, 0.05)


def test_landmarks_and_groups_by_factors_share_the_level(made) -> None:
    errors, white = made[0].copy(), made[1][:, 0]
    bright = white >= np.quantile(white, 0.75)
    errors[bright] *= 1.3
    logs = np.log(errors) - np.log(errors).mean(axis=0)
    rng, values = np.random.default_rng(1), logs.sum(axis=1)
    drawn = rng.permuted(np.tile(values, (100_000, 1)), axis=1)[:, bright].sum(axis=1)
    alone = np.mean(drawn >= values[bright].sum())

    # no error is a failure, so that the test of the shares adds nothing but ties
    result = find_causes(errors, NAMES, factors({"overexposed": white}), 1e6)

    assert result.tested == ("overexposed areas (reflections)", "landmark left", "landmark right")
    assert 0.01 < alone < 0.025
    assert result.causes[0].p == pytest.approx(2 * alone, abs=8 * math.sqrt(alone / 9999))


@pytest.mark.filterwarnings("error")
def test_a_group_that_was_wholly_missed_comes_first_without_a_ratio(made) -> None:
    errors, (contrast, tilt) = made[0].copy(), made[1].T
    missed = np.zeros((N, K), dtype=bool)
    missed[contrast <= np.quantile(contrast, 0.25)] = True
    errors[tilt >= np.quantile(tilt, 0.75)] *= 6
    errors[missed] = np.nan

    causes = find_causes(errors, NAMES, factors({"tilt": tilt, "contrast": contrast}, missed=missed), 1e6).causes

    assert [cause.factor for cause in causes] == ["contrast", "tilt"]
    first = causes[0]
    assert (first.group.images, first.group.count, first.group.failed) == (20, 0, 1.0)
    assert all(math.isnan(value) for value in (first.ratio, first.low, first.high, first.group.mean))


def test_rare_failures_are_told_though_most_errors_are_no_larger(made) -> None:
    errors, (tilt, other) = made[0].copy(), made[1].T
    steep = np.flatnonzero(tilt >= np.quantile(tilt, 0.75))
    errors[steep[:4], 0] = errors[steep[4:8], 1] = 40.0

    causes = find_causes(errors, NAMES, factors({"tilt": tilt, "brightness": other}), 30.0).causes

    assert [cause.name for cause in causes] == ["tilted line from left to right"]
    assert (causes[0].group.failed, causes[0].rest.failed) == (8 / 40, 0.0)


def test_missed_landmarks_fail(made) -> None:
    errors, (contrast, other) = made[0].copy(), made[1].T
    missed = np.zeros((N, K), dtype=bool)
    missed[np.argsort(contrast)[:10]] = True
    errors[missed] = np.nan

    given = factors({"contrast": contrast, "brightness": other}, missed=missed)
    (cause,) = find_causes(errors, NAMES, given, 1000.0).causes

    assert cause.name == "low contrast of the image (haze)"
    assert (cause.group.images, cause.group.count, cause.group.failed) == (20, 20, 0.5)


def test_the_p_value_is_that_of_a_permutation_test() -> None:
    rng = np.random.default_rng(3)
    errors, white = rng.lognormal(0, 0.6, (20, 1)), rng.random(20)
    bright = white >= np.quantile(white, 0.75)
    errors[bright] *= 4
    logs = np.log(errors[:, 0])
    reference = stats.permutation_test(
        (logs[bright], logs[~bright]),
        lambda a, b: a.mean() - b.mean(),
        n_resamples=np.inf,  # exact: 15,504 ways
        alternative="greater",
        vectorized=False,
    ).pvalue

    # no error is a failure, so that the test of the shares adds nothing but ties
    (cause,) = find_causes(errors, ("one",), factors({"overexposed": white}, k=1, n=20), 1e6).causes

    assert reference < 0.05
    assert cause.p == pytest.approx(reference, abs=4 * math.sqrt(reference / 9999))


def test_a_search_rarely_finds_what_is_not_there() -> None:
    rng, told = np.random.default_rng(0), 0
    for _ in range(40):
        given = {name: rng.random(24) for name in ("brightness", "contrast", "sharpness", "overexposed")}
        told += bool(find_causes(rng.lognormal(0, 1, (24, 1)), ("one",), factors(given, k=1, n=24), 3.0).causes)

    assert told <= stats.binom.ppf(0.999, 40, 0.05)


def test_few_images_are_not_tested() -> None:
    rng = np.random.default_rng(0)
    result = find_causes(rng.random((8, 1)), ("one",), factors({"contrast": rng.random(8)}, k=1, n=8), 1.0)

    assert (result.tested, result.causes) == ((), ())


def test_a_constant_factor_makes_no_group(made) -> None:
    result = find_causes(made[0], NAMES, factors({"megapixels": np.ones(N), "order": np.ones(N)}), 10.0)

    assert result.tested == ("landmark left", "landmark right")


def test_errors_of_other_images_are_refused(made) -> None:
    with pytest.raises(InputError, match=r"\(79, 2\) need factors of the same shape, not \(80, 2\)"):
        find_causes(made[0][1:], NAMES, factors(), 10.0)


def test_causes_survive_json(made) -> None:
    errors, contrast = made[0].copy(), made[1][:, 0].copy()
    errors[contrast < 0.2] *= 4
    contrast[0] = np.nan
    result = find_causes(errors, NAMES, factors({"contrast": contrast}), 10.0)

    again = FailureCauses.model_validate_json(result.model_dump_json())

    assert again.causes == result.causes
    assert find_causes(errors, NAMES, again.factors, 10.0).causes == result.causes


def test_a_ratio_is_of_geometric_means() -> None:
    values = np.array([[8.0, 2.0], [2.0, np.nan], [2.0, 1.0]])
    mask = np.array([[True, False]] * 3)

    ratio, low, high = ratio_interval(np.log(values), mask)

    assert ratio == pytest.approx(32 ** (1 / 3) / math.sqrt(2))
    assert low <= ratio <= high
    again = np.log(np.repeat(values, 2, axis=0)), np.repeat(mask, 2, axis=0)
    assert ratio_interval(*again, (0, 0, 1, 1, 2, 2)) == pytest.approx((ratio, low, high), rel=1e-12)  # two images each


def test_flat_images_and_the_distance_to_their_edge() -> None:
    pixels = np.full((60, 90, 1), 51, dtype=np.uint8)
    of_image, of_landmark = image_factors(pixels, landmarks([(0, 0), (44.5, 29.5), (87.5, 20)], status=[1, 1, 0]))

    assert of_image["brightness"] == pytest.approx(0.2)
    assert of_image["contrast"] == pytest.approx(0, abs=1e-9)
    assert of_image["overexposed"] == 0
    assert math.isnan(of_image["sharpness"])
    assert of_landmark["border"][:2] == pytest.approx([0.5 / 60, 0.5])
    assert math.isnan(of_landmark["border"][2])
    assert of_landmark["landmark_brightness"][:2] == pytest.approx(1)


def test_a_large_image_is_measured_as_its_small_copy() -> None:
    small = np.random.default_rng(0).integers(0, 200, (256, 512, 3), dtype=np.uint8)
    large = small.repeat(2, axis=0).repeat(2, axis=1)
    points = np.array([(20.0, 30.0), (400.0, 200.0)])

    at_small = image_factors(small, landmarks(points, (512, 256)))
    at_large = image_factors(large, landmarks(2 * points + 0.5, (1024, 512)))

    assert at_large[0] == pytest.approx(at_small[0], rel=1e-5)
    for name, values in at_small[1].items():
        assert at_large[1][name] == pytest.approx(values, rel=1e-5), name


def test_haze_lowers_the_contrast_and_blur_the_sharpness() -> None:
    rng = np.random.default_rng(0)
    clear = Image.fromarray(rng.integers(20, 120, (80, 120), dtype=np.uint8)).resize((360, 240))
    sharp = np.asarray(clear, dtype=np.uint8)[..., None]
    hazy = (sharp // 2 + 100).astype(np.uint8)
    blurred = np.asarray(clear.filter(ImageFilter.GaussianBlur(2)), dtype=np.uint8)[..., None]
    point = landmarks([(100, 100)], (360, 240))

    (first, around), (second, _), (third, _) = (image_factors(image, point) for image in (sharp, hazy, blurred))

    assert second["contrast"] / first["contrast"] == pytest.approx(0.5 * sharp.mean() / hazy.mean(), rel=0.01)
    assert second["sharpness"] == pytest.approx(first["sharpness"], rel=0.01)
    assert third["sharpness"] < 0.8 * first["sharpness"]
    assert around["landmark_contrast"][0] == pytest.approx(first["contrast"], rel=0.2)


def test_a_reflection_is_overexposed() -> None:
    pixels = np.full((60, 90, 1), 100, dtype=np.uint8)
    pixels[:, 60:] = 255
    of_image, of_landmark = image_factors(pixels, landmarks([(20, 30), (80, 30)]))

    assert of_image["overexposed"] == pytest.approx(1 / 3)
    assert of_landmark["landmark_overexposed"].tolist() == [0.0, 1.0]


def test_the_surround_of_a_lit_field_does_not_count() -> None:
    y, x = np.mgrid[:200, :300]
    lit = np.hypot(x - 150, y - 100) <= 80
    pixels = np.where(lit, 128, 0).astype(np.uint8)[..., None].repeat(3, axis=2)
    point = landmarks([(150, 100), (220, 100)], (300, 200))

    within, of_landmark = image_factors(pixels, point, lit_field=True)

    assert within["brightness"] == pytest.approx(128 / 255, rel=0.02)
    assert within["contrast"] < 0.1 < image_factors(pixels, point)[0]["contrast"]
    assert of_landmark["border"] == pytest.approx([80 / 160, 10 / 160], abs=0.01)


def test_numbers_of_other_types_are_windowed() -> None:
    ramp = np.tile(np.linspace(1000, 3000, 201), (50, 1))[..., None]

    of_image, _ = image_factors(ramp.astype(np.uint16), landmarks([(10, 10)], (201, 50)))

    assert of_image["brightness"] == pytest.approx(0.5, abs=0.01)


def test_pose_of_the_line_between_the_farthest_landmarks(tmp_path) -> None:
    file = tmp_path / "flat.png"
    Image.fromarray(np.zeros((60, 90), dtype=np.uint8)).save(file)
    shapes = [
        [(10, 30), (20, 40), (70, 30)],
        [(80, 30), (20, 40), (20, 30)],  # mirrored
        [(10, 30), (20, 40), (70, 90)],  # turned by 45 degrees
        [(10, 30), (20, 40), (40, 30)],
    ]
    truths = [landmarks(points) for points in shapes]
    answer = landmarks(shapes[0], status=[1, 1, 0])

    found = measure_factors(truths, [answer] * 4, [file] * 4)

    assert found.line == ("p0", "p2")
    assert found.of_image["order"] == (-1.0, 1.0, -1.0, -1.0)
    assert found.of_image["tilt"] == pytest.approx((0, 0, 45, 0))
    assert found.of_image["extent"] == pytest.approx(
        [d / math.hypot(90, 60) for d in (60, 60, 60 * 2**0.5, 30)], rel=1e-3
    )
    assert found.of_image["megapixels"] == (0.0054,) * 4
    assert found.missed == ((False, False, True),) * 4
    assert list(found.of(2, 1)) == [*found.of_image, *found.of_landmark]


def test_one_landmark_has_no_line(tmp_path) -> None:
    file = tmp_path / "flat.png"
    Image.fromarray(np.zeros((60, 90), dtype=np.uint8)).save(file)
    truth = landmarks([(10, 30)])

    found = measure_factors([truth], [truth], [file])

    assert found.line is None
    assert "order" not in found.of_image

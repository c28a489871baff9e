"""Subjects cut out of an even surround, laid anywhere into random sceneries, or not to be seen."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from monai_ext.landmarks import Augmentation, Status
from monai_ext.transforms.cut_out import CutOutd, subject_cover
from monai_ext.transforms.rand_affine import RandAffineLandmarks
from monai_ext.transforms.rand_scenery import RandSceneryd, _box, scenery
from monai_ext.transforms.resample import map_points

POINTS = np.array([[80.0, 60.0], [110.0, 62.0], [95.0, 100.0]])


def portrait(width: int, height: int, middle: tuple[float, float], radius: float) -> tuple[np.ndarray, np.ndarray]:
    """(3, H, W) a disc and all below it before a grey that grows darker to a side, and where the subject is."""
    y, x = np.mgrid[:height, :width]
    image = np.stack([180 + 0.05 * x, 184 + 0.03 * y, 190 - 0.04 * x])
    subject = np.hypot(x - middle[0], y - middle[1]) < radius
    subject |= (y > middle[1]) & (np.abs(x - middle[0]) < radius)
    image[:, subject] = np.array([[200.0], [120.0], [90.0]])
    return image.astype(np.float32), subject


@pytest.mark.parametrize("scale", [1, 5])
def test_the_subject_is_told_from_an_even_surround(scale: int) -> None:
    image, subject = portrait(240 * scale, 180 * scale, (100 * scale, 80 * scale), 50 * scale)
    cover = subject_cover(image, POINTS * scale)
    assert cover.shape == subject.shape
    away = np.abs(cover / 255.0 - subject)
    assert away.mean() < 0.02  # all of it along the outline
    assert (cover[: 20 * scale] == 0).all()
    assert (cover[90 * scale : 170 * scale, 60 * scale : 140 * scale] == 255).all()


@pytest.mark.parametrize(("width", "height"), [(1000, 760), (2000, 1500), (1490, 2990)])
def test_the_cover_of_a_large_picture_lies_on_its_subject(width: int, height: int) -> None:
    y, x = np.mgrid[:height, :width]
    middle, radius = np.array([(width - 1) / 2, (height - 1) / 2]), 0.25 * min(width, height)
    disc = np.hypot(x - middle[0], y - middle[1]) <= radius
    image = np.where(disc, 60.0, 220.0)[None].repeat(3, 0).astype(np.float32)
    cover = subject_cover(image, np.stack([middle - 20, middle + 20])) / 255.0
    centroid = np.array([(cover * x).sum(), (cover * y).sum()]) / cover.sum()
    np.testing.assert_allclose(centroid, middle, rtol=0, atol=0.3)


def test_a_colour_of_the_surround_within_the_subject_stays() -> None:
    image, _ = portrait(240, 180, (100, 80), 50)
    image[:, 75:90, 90:105] = image[:, :15, :15]  # a hole
    image[:, 60:80, 50:130] = 184.0  # a band through the outline, before the box of the landmarks
    cover = subject_cover(image, POINTS)
    assert (cover[62:98, 82:108] == 255).all()


def test_a_picture_with_another_surround_is_a_subject_as_a_whole() -> None:
    image, _ = portrait(240, 180, (100, 80), 50)
    image += np.random.default_rng(0).normal(0, 25, image.shape).astype(np.float32)
    assert (subject_cover(image, POINTS) == 255).all()


def test_undefined_landmarks_say_nothing_of_the_subject() -> None:
    image, _ = portrait(240, 180, (100, 80), 30)
    sample = {"image": torch.from_numpy(image), "points": torch.tensor([[5.0, 5.0], [200.0, 9.0]])}
    cover = CutOutd()({**sample, "status": torch.tensor([-1, 0])})["cover"]
    assert cover.shape == (1, 180, 240)
    assert (cover[0, :15] == 0).all()


def test_the_box_of_the_landmarks_lies_anywhere_in_the_output_at_every_size() -> None:
    augment = RandAffineLandmarks((90, 60), rotation=20, flip=0.5, swap=(1, 0, 2), place=(0.1, 0.6))
    augment.set_random_state(0)
    points, status = torch.from_numpy(POINTS), torch.ones(3, dtype=torch.int8)
    shares, lows, highs = [], [], []
    for _ in range(500):
        _, moved, kept, matrix = augment(torch.zeros(1, 180, 240), points, status)
        low, high = moved.amin(0), moved.amax(0)
        shares.append(float((high - low).max()) / 60)
        lows.append(low.numpy())
        highs.append(high.numpy())
        assert kept.tolist() == [1, 1, 1]
        torch.testing.assert_close(map_points(points, matrix).sort(0).values, moved.sort(0).values)
    assert min(shares) == pytest.approx(0.1, rel=0.02)
    assert max(shares) == pytest.approx(0.6, rel=0.02)
    assert np.median(shares) == pytest.approx(np.sqrt(0.1 * 0.6), rel=0.1)  # log-uniform
    assert np.min(lows) >= -1e-9
    assert (np.max(highs, axis=0) <= np.array([89, 59]) + 1e-9).all()
    np.testing.assert_allclose(np.min(lows, axis=0), 0, atol=1.0)
    np.testing.assert_allclose(np.max(highs, axis=0), [89, 59], atol=1.0)


def test_without_two_landmarks_the_picture_is_fitted() -> None:
    augment = RandAffineLandmarks((90, 60), place=(0.1, 0.6)).set_random_state(0)
    plain = RandAffineLandmarks((90, 60)).set_random_state(0)
    points, status = torch.from_numpy(POINTS), torch.tensor([1, 0, -1], dtype=torch.int8)
    torch.testing.assert_close(
        augment(torch.zeros(1, 90, 80), points, status)[3], plain(torch.zeros(1, 90, 80), points, status)[3]
    )


def sample(size_wh: tuple[int, int] = (120, 80)) -> dict[str, torch.Tensor]:
    """A red square in the middle, whose corners are landmarks, on blue that does not belong to it."""
    image, cover = torch.zeros(3, size_wh[1], size_wh[0]), torch.zeros(1, size_wh[1], size_wh[0])
    image[2] = 200.0
    image[:, 30:51, 50:71] = torch.tensor([250.0, 0, 0])[:, None, None]
    cover[:, 30:51, 50:71] = 255.0
    points = torch.tensor([[50.0, 30.0], [70.0, 50.0]])
    return {"image": image, "cover": cover, "points": points, "status": torch.ones(2, dtype=torch.int8)}


def laid(count: int = 40, **options: float) -> list[dict[str, torch.Tensor]]:
    step = RandSceneryd(**{"empty": 0.0, "kept": 0.0, "in_front": 0.0, **options})
    step.set_random_state(0)
    return [step(sample()) for _ in range(count)]


def test_the_subject_stays_and_its_surround_is_another() -> None:
    for drawn in laid():
        assert drawn.keys() == {"image", "points", "status"}
        torch.testing.assert_close(drawn["image"][:, 30:51, 50:71], sample()["image"][:, 30:51, 50:71])
        assert drawn["status"].tolist() == [1, 1]
        assert float(drawn["image"].min()) >= 0
        assert float(drawn["image"].max()) <= 255
    firsts = {tuple(drawn["image"][:, 40, 10].tolist()) for drawn in laid()}
    assert len(firsts) == 40
    assert all(torch.equal(a["image"], b["image"]) for a, b in zip(laid(5), laid(5), strict=True))


def test_pictures_without_the_subject_say_that_it_is_missing() -> None:
    red = torch.tensor([250.0, 0, 0])[:, None, None]
    hidden = 0
    for drawn in laid(empty=1.0, kept=1.0):
        assert drawn["status"].tolist() == [int(Status.MISSING)] * 2
        whole = (drawn["image"][:, 30:51, 50:71] == red).all()
        assert not whole
        hidden += int(not (drawn["image"] == red).all(0).any())
    assert 0.4 < hidden / 40 < 0.95  # the scenery alone, or something before it; else pieces of it


def test_kept_pictures_are_as_they_were_but_for_a_repeated_rim() -> None:
    untouched = 0
    for drawn in laid(kept=1.0):
        untouched += int(torch.equal(drawn["image"], sample()["image"]))
        torch.testing.assert_close(drawn["image"][:, 25:56, 45:76], sample()["image"][:, 25:56, 45:76])
    assert untouched == 40  # the surround is of one colour, and so is its rim


def test_what_lies_in_front_hides_a_part_and_no_landmark_is_lost() -> None:
    covered = []
    for drawn in laid(in_front=1.0):
        part = drawn["image"][:, 30:51, 50:71]
        covered.append(float((part != torch.tensor([250.0, 0, 0])[:, None, None]).any(0).float().mean()))
        assert drawn["status"].tolist() == [1, 1]
    assert 0 < np.mean(covered) < 0.15


#: Undefined, missing, defined.
U, M, D = int(Status.UNDEFINED), int(Status.MISSING), int(Status.DEFINED)


def of_status(
    status: list[int], square: torch.Tensor | None = None, count: int = 60, **options: float
) -> list[dict[str, torch.Tensor]]:
    """Pictures of the square, of whose three landmarks some are not defined; the last is its middle."""
    step = RandSceneryd(**{"empty": 0.0, "kept": 0.0, "in_front": 0.0, **options})
    step.set_random_state(1)
    points = torch.tensor([[50.0, 30.0], [70.0, 50.0], [60.0, 40.0]])
    given = {**sample(), "points": points, "status": torch.tensor(status, dtype=torch.int8)}
    if square is not None:
        given["image"][:, 30:51, 50:71] = square
    return [step(given) for _ in range(count)]


@pytest.mark.parametrize("in_front", [0.0, 1.0])
@pytest.mark.parametrize("status", [[U, U, D], [M, U, D], [U, M, U], [U, U, U], [M, M, M], [D, D, U]])
def test_no_landmark_becomes_missing_where_the_subject_is_to_be_seen(status: list[int], in_front: float) -> None:
    red = torch.tensor([250.0, 0, 0])[:, None, None]
    for drawn in of_status(status, in_front=in_front):
        assert drawn["status"].tolist() == status
        assert drawn["status"].dtype == torch.int8
        seen = float((drawn["image"][:, 30:51, 50:71] == red).all(0).float().mean())
        assert seen == 1 if not in_front or D not in status else seen > 0.8


@pytest.mark.parametrize("status", [[U, M, D], [D, U, D]])
def test_what_hides_defined_landmarks_leaves_the_others_undefined(status: list[int]) -> None:
    """Nothing of the square is to be seen, or its pieces: all are missing. Else its undefined corner may be seen."""
    drawn_in = torch.rand(3, 21, 21) * 200  # of one colour, its mean would be no other
    hidden = 0
    for drawn in of_status(status, empty=1.0, square=drawn_in):
        assert not (drawn["image"][:, 38:41, 58:61] == drawn_in[:, 8:11, 8:11]).all(0).any()
        if drawn["status"].tolist() == [M, M, M]:
            continue
        assert drawn["status"].tolist() == [U if each == U else M for each in status]
        hidden += 1
    assert 8 <= hidden <= 30  # 18 of 60 are expected


def test_without_a_defined_landmark_an_empty_picture_is_the_scenery_alone() -> None:
    red = torch.tensor([250.0, 0, 0])[:, None, None]
    for drawn in of_status([U, M, U], empty=1.0):
        assert drawn["status"].tolist() == [M, M, M]
        assert not (drawn["image"] == red).all(0).any()


@pytest.mark.parametrize("size_wh", [(120, 80), (80, 200)])
def test_landmarks_on_a_line_are_hidden_as_wide_as_one(size_wh: tuple[int, int]) -> None:
    points = torch.tensor([[20.0, 30.0], [60.0, 30.0], [np.nan, np.nan]])
    both, one = (_box(points, torch.tensor(status), size_wh) for status in ([1, 1, 0], [-1, 1, 0]))
    np.testing.assert_allclose(both, [[20, 26], [60, 34]])  # a tenth of 80 pixels
    np.testing.assert_allclose(one, [[56, 26], [64, 34]])


@pytest.mark.parametrize("channels", [1, 3])
def test_sceneries_have_any_size_and_differ(channels: int) -> None:
    random = np.random.RandomState(0)
    drawn = [scenery(random, (50, 31), channels) for _ in range(30)]
    assert {picture.shape for picture in drawn} == {(channels, 31, 50)}
    assert np.std([picture.mean() for picture in drawn]) > 10
    if channels == 3:
        grey = [np.ptp(picture, axis=0).max() == 0 for picture in drawn]
        assert 0 < sum(grey) < 15


def test_a_protocol_without_a_scenery_is_written_as_before() -> None:
    assert "scenery" not in Augmentation().model_dump()
    stated = Augmentation.model_validate({"scenery": {"empty": 0.3}}).model_dump()["scenery"]
    assert stated == {"smallest": 0.1, "largest": 0.6, "empty": 0.3, "kept": 0.1, "in_front": 0.2}
    with pytest.raises(ValidationError, match=r"smallest 0\.7 must not be above largest 0\.6"):
        Augmentation.model_validate({"scenery": {"smallest": 0.7}})

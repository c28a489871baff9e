from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose
from scipy.ndimage import gaussian_filter, map_coordinates

from monai_ext.landmarks import InputError
from monai_ext.landmarks.geometry import (
    about,
    fit_matrix,
    flip_matrix,
    rotation_matrix,
    scale_matrix,
    transform_points,
    translation_matrix,
)
from monai_ext.transforms import (
    AffineLandmarks,
    FitLandmarks,
    FitLandmarksd,
    RandAffineLandmarks,
    RandAffineLandmarksd,
    to_original,
)

SIZE = (96, 64)  # width, height of the network input in these tests
#: Sub-pixel places in an image of 150 x 110, some 6 px from a border.
PLACES = np.array(
    [[6.25, 7.5], [143.6, 6.1], [7.4, 103.3], [142.9, 102.2], [75.0, 55.0], [40.37, 81.81], [111.9, 23.4]]
)


def blob(size_wh: tuple[int, int], point: np.ndarray, sigma: float | tuple[float, float] = 3.0) -> torch.Tensor:
    """(1, H, W) Gaussian, drawn exactly at a sub-pixel place."""
    y, x = np.mgrid[: size_wh[1], : size_wh[0]]
    sx, sy = np.broadcast_to(sigma, 2)
    image = np.exp(-((x - point[0]) ** 2) / (2 * sx**2) - (y - point[1]) ** 2 / (2 * sy**2))
    return torch.from_numpy(100 * image.astype(np.float32))[None]


def found(image: torch.Tensor) -> np.ndarray:
    """The centre (x, y) of one Gaussian: a quadratic through the logarithm around the brightest pixel."""
    array = image[0].numpy().astype(np.float64)
    row, column = np.unravel_index(array.argmax(), array.shape)
    y, x = (a.ravel() for a in np.mgrid[max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3])
    inside = (y < array.shape[0]) & (x < array.shape[1])
    y, x = y[inside], x[inside]
    u, v, values = x - column, y - row, array[y, x]
    terms = np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], axis=1) * values[:, None]
    _, a, b, c, d, e = np.linalg.lstsq(terms, np.log(values) * values, rcond=None)[0]
    return np.array([column, row]) - np.linalg.solve([[2 * c, d], [d, 2 * e]], [a, b])


def centroid(image: torch.Tensor) -> np.ndarray:
    """The centre of mass (x, y) of an image that holds one whole Gaussian on black."""
    array = image[0].numpy().astype(np.float64)
    y, x = np.mgrid[: array.shape[0], : array.shape[1]]
    return np.array([(x * array).sum(), (y * array).sum()]) / array.sum()


def noise(*shape: int, smooth: float = 0.0) -> torch.Tensor:
    values = np.random.default_rng(0).normal(size=shape)
    return torch.from_numpy(gaussian_filter(values, (0, smooth, smooth)) if smooth else values).float()


# --- one map --------------------------------------------------------------------------------------------------------


def test_blob_finder_is_exact() -> None:
    for place in PLACES:
        np.testing.assert_allclose(found(blob((150, 110), place)), place, atol=1e-3)


@pytest.mark.parametrize(
    "matrix",
    [
        np.eye(3),
        flip_matrix(150),
        translation_matrix(5.3, -2.7),
        scale_matrix(0.3, 0.3),
        scale_matrix(0.5, 0.9),
        scale_matrix(1.7, 1.7),
        about((74.5, 54.5), rotation_matrix(33)),
        scale_matrix(0.4, 0.4) @ about((74.5, 54.5), rotation_matrix(-77)),
    ],
    ids=["identity", "flip", "shift", "shrink", "anisotropic", "enlarge", "turn", "turn and shrink"],
)
def test_points_stay_on_their_blobs(matrix: np.ndarray) -> None:
    apply = AffineLandmarks((300, 200), padding_mode="zeros")
    for place in PLACES[4:]:
        image, points = apply(blob((150, 110), place), torch.tensor(place[None]), matrix)
        assert image.shape == (1, 200, 300)
        assert points is not None
        np.testing.assert_allclose(points.numpy()[0], transform_points(matrix, place), atol=1e-9)
        if (points.numpy() >= 16).all() and (points.numpy() < [284, 184]).all():
            np.testing.assert_allclose(centroid(image), points.numpy()[0], atol=0.02)


def test_pixels_equal_an_independent_bilinear_resample() -> None:
    image = noise(2, 41, 57)
    matrix = about((28.0, 20.0), rotation_matrix(17)) @ np.diag([1.3, 1.3, 1.0])
    drawn, _ = AffineLandmarks((60, 50))(image, None, matrix)
    y, x = np.mgrid[:50, :60]
    source = transform_points(np.linalg.inv(matrix), np.stack([x, y], axis=-1).astype(float))
    for channel in range(2):
        expected = map_coordinates(
            image[channel].double().numpy(), [source[..., 1], source[..., 0]], order=1, mode="nearest"
        )
        np.testing.assert_allclose(drawn[channel], expected, atol=1e-4)


def test_shrinking_averages_instead_of_aliasing() -> None:
    stripes = torch.zeros(1, 200, 300)
    stripes[..., ::2] = 1.0
    drawn, _ = AffineLandmarks((75, 50))(stripes, None, scale_matrix(0.25, 0.25))
    np.testing.assert_allclose(drawn.numpy(), 0.5, atol=0.05)


def test_shrunk_image_is_close_to_supersampling() -> None:
    image = noise(1, 220, 310, smooth=1.5)
    image = image / image.std()
    inner = (slice(12, -12), slice(12, -12))
    for degrees in (0.0, 12.0):
        matrix = fit_matrix((310, 220), SIZE) @ about((154.5, 109.5), rotation_matrix(degrees))
        drawn, _ = AffineLandmarks(SIZE, padding_mode="zeros")(image, None, matrix)

        def sampled(factor: int, matrix: np.ndarray = matrix) -> np.ndarray:
            y, x = (np.mgrid[: SIZE[1] * factor, : SIZE[0] * factor] + 0.5) / factor - 0.5
            source = transform_points(np.linalg.inv(matrix), np.stack([x, y], axis=-1))
            fine = map_coordinates(image[0].double().numpy(), [source[..., 1], source[..., 0]], order=1)
            return fine.reshape(SIZE[1], factor, SIZE[0], factor).mean(axis=(1, 3))[inner]

        error = np.sqrt(((drawn[0].numpy()[inner] - sampled(8)) ** 2).mean())
        aliasing = np.sqrt(((sampled(1) - sampled(8)) ** 2).mean())
        assert aliasing > 0.2
        assert error < 0.08


def test_flip_is_exact_and_twice_is_the_identity() -> None:
    image, points = noise(3, 40, 61), torch.tensor([[0.0, 3.25], [60.0, 39.0], [12.375, 0.5]])
    flip = AffineLandmarks((61, 40))
    once, once_points = flip(image, points, flip_matrix(61))
    torch.testing.assert_close(once, image.flip(-1), rtol=0, atol=0)
    assert once_points is not None
    assert once_points.tolist() == [[60.0, 3.25], [0.0, 39.0], [47.625, 0.5]]
    twice, twice_points = flip(once, once_points, flip_matrix(61))
    torch.testing.assert_close(twice, image, rtol=0, atol=0)
    torch.testing.assert_close(twice_points, points, rtol=0, atol=0)


def test_the_input_is_never_changed_or_shared() -> None:
    image = noise(1, 40, 61)
    before = image.clone()
    drawn, _ = AffineLandmarks((61, 40))(image, None, np.eye(3))
    drawn += 1
    torch.testing.assert_close(image, before, rtol=0, atol=0)


def test_padding_modes() -> None:
    image = torch.full((1, 20, 30), 7.0)
    shift = translation_matrix(10, 0)
    np.testing.assert_allclose(AffineLandmarks((30, 20), padding_mode="border")(image, None, shift)[0], 7, rtol=1e-6)
    zeros = AffineLandmarks((30, 20), padding_mode="zeros")(image, None, shift)[0]
    assert zeros[..., :9].eq(0).all()
    np.testing.assert_allclose(zeros[..., 10:], 7, rtol=1e-5)


def test_output_is_a_plain_tensor_since_its_affine_would_be_wrong() -> None:
    drawn, _ = AffineLandmarks((15, 10))(MetaTensor(torch.ones(1, 20, 30)), None, scale_matrix(0.5, 0.5))
    assert type(drawn) is torch.Tensor
    with pytest.raises(InputError, match=r"\(20, 30\)"):
        AffineLandmarks((15, 10))(torch.ones(20, 30), None, np.eye(3))


# --- the fit and the way back ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(150, 110), (300, 90), (60, 200), (96, 64)])
def test_fit_shows_the_whole_image_centred(size: tuple[int, int]) -> None:
    corners = torch.tensor([[-0.5, -0.5], [size[0] - 0.5, size[1] - 0.5]])
    image, points, matrix = FitLandmarks(SIZE)(torch.ones(1, size[1], size[0]), corners)
    assert image.shape == (1, SIZE[1], SIZE[0])
    assert matrix.dtype == torch.float64
    assert points is not None
    (left, top), (right, bottom) = points.tolist()
    assert left + right == pytest.approx(SIZE[0] - 1, abs=1e-4)
    assert top + bottom == pytest.approx(SIZE[1] - 1, abs=1e-4)
    assert min(left, top) == pytest.approx(-0.5, abs=1e-4)
    assert (right - left) / (bottom - top) == pytest.approx(size[0] / size[1], rel=1e-4)


def test_fit_keeps_points_on_blobs() -> None:
    for place in PLACES[4:]:
        image, points, _ = FitLandmarks(SIZE)(blob((150, 110), place), torch.tensor(place[None]))
        assert points is not None
        np.testing.assert_allclose(found(image), points.numpy()[0], atol=0.02)


def test_fit_of_the_network_size_copies() -> None:
    image = noise(1, SIZE[1], SIZE[0])
    torch.testing.assert_close(FitLandmarks(SIZE)(image)[0], image, rtol=0, atol=0)


def test_dictionary_fit() -> None:
    sample = {"image": blob((150, 110), PLACES[4]), "points": torch.tensor(PLACES).float(), "id": "a"}
    fitted = FitLandmarksd(keys="image", size_wh=SIZE)(sample)
    np.testing.assert_allclose(fitted["matrix"], fit_matrix((150, 110), SIZE))
    np.testing.assert_allclose(fitted["points"], transform_points(fit_matrix((150, 110), SIZE), PLACES), atol=1e-4)
    assert fitted["image"].shape == (1, SIZE[1], SIZE[0])
    assert sample["image"].shape == (1, 110, 150)
    unlabelled = FitLandmarksd(keys="image", points_key=None, size_wh=SIZE)({"image": torch.ones(3, 110, 150)})
    assert set(unlabelled) == {"image", "matrix"}


def test_dictionary_fit_moves_points_once_for_two_images_of_one_size() -> None:
    fit = FitLandmarksd(keys=["image", "mask"], size_wh=SIZE)
    sample = {"image": torch.ones(1, 110, 150), "mask": torch.ones(1, 110, 150), "points": torch.tensor(PLACES)}
    fitted = fit(sample)
    np.testing.assert_allclose(fitted["points"], transform_points(fit_matrix((150, 110), SIZE), PLACES))
    with pytest.raises(InputError, match="the same size"):
        fit({**sample, "mask": torch.ones(1, 110, 151)})


@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_to_original_inverts(kind: str) -> None:
    matrices = np.stack([fit_matrix((150, 110), SIZE) @ about((7, 9), rotation_matrix(a)) for a in (0, 40)])
    network = np.stack([transform_points(m, PLACES) for m in matrices])
    if kind == "numpy":
        back, single = to_original(network, matrices), to_original(network[1], matrices[1])
    else:
        back = to_original(torch.from_numpy(network), torch.from_numpy(matrices))
        single = to_original(torch.from_numpy(network[1]).float(), torch.from_numpy(matrices[1]))
        assert back.dtype == single.dtype == torch.float64
    np.testing.assert_allclose(back, np.stack([PLACES, PLACES]), atol=1e-9)
    np.testing.assert_allclose(single, PLACES, atol=1e-4)


# --- augmentation ---------------------------------------------------------------------------------------------------


def augmentation(**options: object) -> RandAffineLandmarks:
    ranges = {"rotation": 25.0, "scale": 0.2, "shift": 0.1, "flip": 0.5, "swap": range(len(PLACES))}
    return RandAffineLandmarks(SIZE, **{**ranges, **options}).set_random_state(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("stretch", [0.0, 0.3])
def test_points_stay_on_blobs_through_every_augmentation(stretch: float) -> None:
    augment, near_border, checked = augmentation(swap=(0,), padding_mode="zeros", stretch=stretch), 0, 0
    status = torch.ones(1, dtype=torch.int8)
    for i in range(60):
        place = PLACES[i % len(PLACES)]
        sigma = (3.0, 3.0) if i % 2 else (4.0, 3.0)
        image, points, _, matrix = augment(blob((150, 110), place, sigma), torch.tensor(place[None]), status)
        x, y = points[0].tolist()
        if not (1.5 <= x <= SIZE[0] - 2.5 and 1.5 <= y <= SIZE[1] - 2.5):
            continue
        checked += 1
        near_border += int(min(x, y, SIZE[0] - 1 - x, SIZE[1] - 1 - y) < 6)
        assert np.linalg.norm(found(image) - points[0].numpy()) < 0.05
        np.testing.assert_allclose(to_original(points, matrix)[0], place, atol=1e-4)
    assert checked >= 40
    assert near_border >= 5


def test_ranges_of_the_map() -> None:
    augment = augmentation(flip=0.0)
    fit = fit_matrix((150, 110), SIZE)
    angles, scales, shifts = [], [], []
    for _ in range(400):
        augment.randomize()
        change = np.linalg.inv(fit) @ augment.matrix(150, 110)
        scales.append(np.linalg.norm(change[:2, 0]))
        angles.append(np.degrees(np.arctan2(change[1, 0], change[0, 0])))
        shifts.append(transform_points(change, np.array([74.5, 54.5])) - [74.5, 54.5])
    assert 24 < np.max(np.abs(angles)) <= 25
    assert np.abs(np.mean(angles)) < 2.5
    assert 1 / 1.2 <= np.min(scales) < 0.85
    assert 1.18 < np.max(scales) <= 1.2
    assert np.abs(np.mean(np.log(scales))) < 0.02
    np.testing.assert_array_less(np.abs(shifts).max(axis=0), [15.0, 11.0])
    np.testing.assert_array_less([14.0, 10.0], np.abs(shifts).max(axis=0))


def test_without_ranges_or_luck_it_is_the_fit() -> None:
    image, points, status = blob((150, 110), PLACES[4]), torch.tensor(PLACES), torch.ones(7, dtype=torch.int8)
    fitted, moved, matrix = FitLandmarks(SIZE)(image, points)
    for augment in (RandAffineLandmarks(SIZE), augmentation(prob=0.0, flip=1.0, swap=tuple(range(7))[::-1])):
        result = augment(image, points, status)
        torch.testing.assert_close(result[0], fitted)
        torch.testing.assert_close(result[1], moved)
        torch.testing.assert_close(result[3], matrix)


def test_flip_swaps_left_and_right_by_name() -> None:
    names = ("left_eye", "nose", "right_eye")
    points = torch.tensor([[70.0, 20.0], [49.0, 30.0], [22.0, 21.0]])
    status = torch.tensor([1, 1, 0], dtype=torch.int8)
    augment = RandAffineLandmarks(SIZE, flip=1.0, swap=(2, 1, 0))
    image, moved, after, matrix = augment(blob(SIZE, points[0].numpy()), points, status)
    by_name = dict(zip(names, moved.tolist(), strict=True))
    assert by_name["right_eye"] == [95 - 70.0, 20.0]
    assert by_name["nose"] == [95 - 49.0, 30.0]
    assert after.tolist() == [0, 1, 1]
    np.testing.assert_allclose(found(image), by_name["right_eye"], atol=1e-3)
    again, back, restored, _ = augment(image, moved, after)
    torch.testing.assert_close(again, blob(SIZE, points[0].numpy()), rtol=0, atol=0)
    assert back.tolist() == points.tolist()
    assert restored.tolist() == status.tolist()
    np.testing.assert_allclose(matrix, flip_matrix(96))


def test_flip_happens_with_its_probability() -> None:
    augment = RandAffineLandmarks(SIZE, flip=0.3, swap=(0,)).set_random_state(0)
    flips = 0
    for _ in range(500):
        augment.randomize()
        flips += int(np.linalg.det(augment.matrix(*SIZE)) < 0)
    assert 110 < flips < 190


def test_a_landmark_that_leaves_keeps_its_true_place_and_becomes_undefined() -> None:
    points = torch.tensor([[0.0, 5.0], [140.0, 55.0], [75.0, 55.0]])
    status = torch.tensor([1, 1, 0], dtype=torch.int8)
    augment = augmentation(rotation=0.0, scale=0.0, shift=0.5, flip=0.0)
    left = 0
    for _ in range(20):
        _, moved, after, matrix = augment(torch.ones(1, 110, 150), points, status)
        np.testing.assert_allclose(moved, transform_points(matrix.numpy(), points.double().numpy()), atol=1e-4)
        inside = ((moved >= -0.5) & (moved <= torch.tensor(SIZE) - 0.5)).all(dim=1)
        assert after.tolist() == [1 if inside[0] else -1, 1 if inside[1] else -1, 0]
        left += int((~inside[:2]).sum())
    assert left > 5
    assert status.tolist() == [1, 1, 0]
    keep = augmentation(rotation=0.0, scale=0.0, shift=0.5, flip=0.0, outside="keep")
    assert all(keep(torch.ones(1, 110, 150), points, status)[2].tolist() == [1, 1, 0] for _ in range(20))


def test_seed_reproduces_and_dictionary_equals_array() -> None:
    options = {"rotation": 20.0, "scale": 0.2, "shift": 0.1, "flip": 0.5, "swap": tuple(range(7))}
    image, points, status = noise(3, 110, 150), torch.tensor(PLACES).float(), torch.ones(7, dtype=torch.int8)
    array = RandAffineLandmarks(SIZE, **options).set_random_state(7)  # type: ignore[arg-type]
    mapped = RandAffineLandmarksd(keys="image", size_wh=SIZE, **options)  # type: ignore[arg-type]
    results = []
    for _ in range(2):
        mapped.set_random_state(7)
        array.set_random_state(7)
        for _ in range(3):
            sample = mapped({"image": image, "points": points, "status": status, "id": "a"})
            expected = array(image, points, status)
            for key, value in zip(("image", "points", "status", "matrix"), expected, strict=True):
                torch.testing.assert_close(sample[key], value, rtol=0, atol=0)
            results.append(sample["matrix"])
    torch.testing.assert_close(torch.stack(results[:3]), torch.stack(results[3:]), rtol=0, atol=0)
    assert not torch.equal(results[0], results[1])
    array.set_random_state(8)
    assert not torch.equal(array(image, points, status)[3], results[0])


def test_compose_seeds_the_dictionary_transform() -> None:
    chain = Compose([RandAffineLandmarksd(keys="image", size_wh=SIZE, rotation=20.0)])
    sample = {"image": torch.ones(1, 110, 150), "points": torch.zeros(1, 2), "status": torch.ones(1, dtype=torch.int8)}
    first = chain.set_random_state(5)(sample)["matrix"]
    torch.testing.assert_close(chain.set_random_state(5)(sample)["matrix"], first, rtol=0, atol=0)


def test_wrong_options_are_refused() -> None:
    with pytest.raises(ValueError, match="swap"):
        RandAffineLandmarks(SIZE, flip=0.5)
    with pytest.raises(ValueError, match="rotation -3"):
        RandAffineLandmarks(SIZE, rotation=-3)
    with pytest.raises(ValueError, match="stretch -1"):
        RandAffineLandmarks(SIZE, stretch=-1)
    with pytest.raises(ValueError, match="forget"):
        RandAffineLandmarks(SIZE, outside="forget")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="swap has 3 landmarks but the sample has 1"):
        RandAffineLandmarks(SIZE, flip=1.0, swap=(0, 1, 2))(torch.ones(1, 9, 9), torch.zeros(1, 2), torch.ones(1))


@pytest.mark.parametrize("count", [1, 19])
def test_any_number_of_landmarks(count: int) -> None:
    points = torch.rand(count, 2) * 60
    result = augmentation(swap=range(count))(torch.ones(1, 110, 150), points, torch.ones(count, dtype=torch.int8))
    assert result[1].shape == (count, 2)
    assert result[1].dtype == torch.float32
    assert result[2].dtype == torch.int8


# --- MONAI's own spatial transforms on our MetaTensor ---------------------------------------------------------------

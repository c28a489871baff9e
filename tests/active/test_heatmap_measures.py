from __future__ import annotations

import numpy as np
import pytest
import torch
from active_case import draw_gaussian, predictions_of, protocol_of
from scipy.integrate import quad
from scipy.special import ellipe
from scipy.stats import entropy

from monai_ext.active.measures import (
    Entropy,
    MapRadius,
    PeakHeight,
    PeakRadius,
    axes_of,
    map_radius,
    mean_radius,
    normalized_entropy,
    point_covariance,
)
from monai_ext.inferers import ImageBatch, read_output
from monai_ext.landmarks import InputError
from monai_ext.networks import MirroredFrame, RoiFrame, Stage, StagedOutput


def covariance(long: float, short: float, degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.array([[c, -s], [s, c]])
    return turn @ np.diag([long**2, short**2]) @ turn.T


@pytest.mark.parametrize(("long", "short", "degrees"), [(1, 1, 0), (5, 2, 30), (7, 0.01, 80), (1e-3, 1e-4, 120)])
def test_it_is_the_elliptic_integral(long, short, degrees) -> None:
    found = mean_radius(torch.from_numpy(covariance(long, short, degrees)))

    assert float(found) == pytest.approx(long * np.sqrt(2 / np.pi) * ellipe(1 - (short / long) ** 2), rel=1e-9)


def test_it_is_the_mean_over_all_directions() -> None:
    # in polar coordinates the length of a direction's ray is Rayleigh distributed with the direction's own width
    inverse = np.linalg.inv(covariance(4, 1.5, 20))
    norm = np.sqrt(np.linalg.det(inverse)) / (2 * np.pi)

    def ray(angle: float) -> float:
        u = np.array([np.cos(angle), np.sin(angle)])
        return norm * np.sqrt(np.pi / 2) / (u @ inverse @ u) ** 1.5

    expected = quad(ray, 0, 2 * np.pi, limit=200)[0]
    assert float(mean_radius(torch.from_numpy(covariance(4, 1.5, 20)))) == pytest.approx(expected, rel=1e-8)


def test_it_is_the_mean_of_drawn_points(rng) -> None:
    points = rng.multivariate_normal([0, 0], covariance(3, 1, 50), 200_000)

    found = mean_radius(torch.from_numpy(covariance(3, 1, 50)))

    assert float(found) == pytest.approx(np.linalg.norm(points, axis=1).mean(), rel=0.01)


def test_a_line_a_point_and_a_batch() -> None:
    batch = torch.from_numpy(np.stack([covariance(2, 0, 33), np.zeros((2, 2)), covariance(3, 3, 0)])[:, None])

    found = mean_radius(batch)

    assert found.shape == (3, 1)
    assert found[:, 0].tolist() == pytest.approx([2 * np.sqrt(2 / np.pi), 0, 3 * np.sqrt(np.pi / 2)], rel=1e-6)


def test_axes_are_the_roots_of_the_eigenvalues(rng) -> None:
    root = rng.standard_normal((19, 2, 2))
    matrices = root @ root.transpose(0, 2, 1)

    long, short = axes_of(torch.from_numpy(matrices))

    expected = np.sqrt(np.linalg.eigvalsh(matrices))
    np.testing.assert_allclose(np.stack([short, long], 1), expected, atol=1e-9)


#: Original pixels to network input: another scale along x than along y, a turn and an offset.
MATRIX = np.array([[0.5, 0.12, 5.0], [-0.06, 0.8, 3.0], [0.0, 0.0, 1.0]])
STRIDE = 2
SIZE_HW = (70, 110)


def turned(long: float, short: float, degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.array([[c, -s], [s, c]])
    return turn @ np.diag([long**2, short**2]) @ turn.T


def to_cells(points: np.ndarray) -> np.ndarray:
    seen = points @ MATRIX[:2, :2].T + MATRIX[:2, 2]
    return (seen + 0.5) / STRIDE - 0.5


def heatmap_of(point: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """A Gaussian given in pixels of the original image, as the network would draw it."""
    step = MATRIX[:2, :2] / STRIDE
    return draw_gaussian(SIZE_HW, to_cells(point), step @ covariance @ step.T)


CASES = [
    ((200.3, 90.8), (18, 8, 30)),  # turned and off the centre of a cell
    ((120.0, 60.0), (9, 9, 0)),  # round in the original image, hence not on the heatmap
    ((-16.0, 8.0), (14, 7, 110)),  # in the top left corner
    ((411.0, 80.0), (20, 6, 90)),  # at the right border
    ((230.0, 172.0), (16, 9, 15)),  # at the lower border
]


@pytest.mark.parametrize(("point", "shape"), CASES)
def test_the_covariance_is_that_in_the_original_image(point, shape) -> None:
    true = turned(*shape)
    heatmaps = torch.from_numpy(heatmap_of(np.array(point), true)).float()[None, None]

    found = point_covariance(predictions_of(heatmaps, matrix=MATRIX, stride=STRIDE))[0, 0].numpy()

    assert np.linalg.norm(found - true) < 0.02 * np.linalg.norm(true)
    assert found[0, 1] == pytest.approx(true[0, 1], abs=0.02 * np.sqrt(true[0, 0] * true[1, 1]))


def test_a_landmark_that_was_seen_in_a_mirror_has_its_covariance_mirrored_back() -> None:
    drawn = torch.from_numpy(draw_gaussian((40, 50), np.array([21.3, 18.0]), turned(4, 2, 30))).float()
    maps = drawn.expand(1, 2, 40, 50)
    frame = MirroredFrame(RoiFrame(torch.tensor([[[10.0, 5.0], [30.0, 8.0]]]), 2.0), torch.tensor([False, True]), 200)
    output = StagedOutput((Stage("heatmap", maps, frame),), None)
    images = ImageBatch(
        torch.zeros(1, 1, 1, 1),
        torch.eye(3, dtype=torch.float64)[None],
        torch.tensor([[200, 100]]),
        torch.ones(1, 2),
        torch.zeros(1, dtype=torch.bool),
    )

    seen = read_output(output, images, protocol_of(("left", "right")))

    seen_so = 4 * turned(4, 2, 30)
    mirrored = seen_so * [[1, -1], [-1, 1]]
    np.testing.assert_allclose(point_covariance(seen)[0].numpy(), np.stack([seen_so, mirrored]), rtol=1e-3)
    x = 10 + 21.8 * 2 - 0.5, 199 - (30 + 21.8 * 2 - 0.5)
    assert seen.points[0, :, 0].tolist() == pytest.approx(x, abs=0.05)
    np.testing.assert_allclose(seen.cells[0].numpy(), [[21.3, 18.0]] * 2, atol=0.05)


def test_millimetres_stretch_each_axis_by_its_own_spacing() -> None:
    true = turned(18, 8, 30)
    heatmaps = torch.from_numpy(heatmap_of(np.array([200.3, 90.8]), true)).float()[None, None]
    seen = predictions_of(heatmaps, matrix=MATRIX, stride=STRIDE, spacing=(0.1, 0.4))

    found = point_covariance(seen, "mm")[0, 0].numpy()

    spacing = np.diag([0.1, 0.4])
    assert found == pytest.approx(spacing @ true @ spacing, rel=0.02)


def test_nineteen_landmarks_of_two_images_each_have_their_own_covariance(rng) -> None:
    points = rng.uniform([60, 30], [360, 140], (2, 19, 2))
    shapes = [[turned(*rng.uniform([10, 6, 0], [18, 9, 180])) for _ in range(19)] for _ in range(2)]
    drawn = [[heatmap_of(points[b, k], shapes[b][k]) for k in range(19)] for b in range(2)]
    seen = predictions_of(torch.tensor(np.array(drawn), dtype=torch.float32), matrix=MATRIX, stride=STRIDE)

    found = point_covariance(seen).numpy()

    np.testing.assert_allclose(found, np.array(shapes), rtol=0.02, atol=1.0)
    a, b = (np.sqrt(np.linalg.eigvalsh(np.array(shapes))[..., i]) for i in (1, 0))
    expected = a * np.sqrt(2 / np.pi) * ellipe(1 - (b / a) ** 2)
    np.testing.assert_allclose(PeakRadius().compute(seen).numpy(), expected, rtol=0.02)


def test_an_empty_map_is_as_uncertain_as_can_be() -> None:
    heatmaps = torch.zeros(1, 2, 30, 50)
    heatmaps[0, 1] = torch.from_numpy(draw_gaussian((30, 50), np.array([20.0, 11.0]), 4 * np.eye(2)))
    seen = predictions_of(heatmaps)

    assert PeakHeight().compute(seen)[0].tolist() == pytest.approx([1, 0], abs=1e-6)
    assert float(Entropy().compute(seen)[0, 0]) == pytest.approx(1)
    # of a uniform distribution over the map
    assert point_covariance(seen)[0, 0].numpy() == pytest.approx(np.diag([50**2 - 1, 30**2 - 1]) / 12)
    for measure in (PeakHeight(), Entropy(), PeakRadius(), MapRadius()):
        empty, sure = measure.compute(seen)[0].tolist()
        assert empty > 1.5 * sure


def test_the_entropy_is_that_of_the_cells(rng) -> None:
    heatmaps = torch.from_numpy(rng.random((2, 3, 7, 12)))
    heatmaps[0, 0, :3] = -1  # counts as nothing

    found = normalized_entropy(heatmaps)

    mass = heatmaps.clamp(min=0).flatten(2).numpy()
    expected = entropy(mass / mass.sum(-1, keepdims=True), axis=-1) / np.log(84)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5)
    assert normalized_entropy(torch.ones(1, 1, 1, 1)).tolist() == [[0.0]]


@pytest.mark.parametrize("spacing", [None, (0.3, 0.1)])
def test_the_radius_of_a_map_is_the_mean_distance_of_its_mass(rng, spacing) -> None:
    heatmaps = torch.from_numpy(rng.random((2, 2, 9, 14)) ** 8).float()
    seen = predictions_of(heatmaps, matrix=MATRIX, stride=STRIDE, spacing=spacing)

    found = map_radius(seen, "px" if spacing is None else "mm")

    back = np.linalg.inv(MATRIX)
    for b in range(2):
        for k in range(2):
            mean, mass = 0.0, heatmaps[b, k].double().numpy()
            for y in range(9):
                for x in range(14):
                    pixel = np.array([(x + 0.5) * STRIDE - 0.5, (y + 0.5) * STRIDE - 0.5, 1.0])
                    step = (back @ pixel)[:2] - seen.points[b, k].numpy()
                    mean += mass[y, x] / mass.sum() * np.hypot(*(step * np.array(spacing or (1, 1))))
            assert float(found[b, k]) == pytest.approx(mean, rel=1e-4)


def test_the_two_radii_agree_on_a_gaussian_and_differ_on_two_peaks() -> None:
    one = heatmap_of(np.array([150.0, 80.0]), turned(12, 7, 40))
    two = np.maximum(one, 0.9 * heatmap_of(np.array([330.0, 80.0]), turned(12, 7, 40)))
    seen = predictions_of(torch.from_numpy(np.stack([one, two])).float()[:, None], matrix=MATRIX, stride=STRIDE)

    peak, whole = (measure.compute(seen)[:, 0].tolist() for measure in (PeakRadius(), MapRadius()))

    assert whole[0] == pytest.approx(peak[0], rel=0.02)
    assert peak[1] == pytest.approx(peak[0], rel=0.02)
    # nearly half of the mass lies 180 px away
    assert whole[1] == pytest.approx(180 * 0.9 / 1.9, rel=0.1)


def test_the_peak_counts_within_0_and_1() -> None:
    heatmaps = torch.zeros(1, 4, 5, 6)
    heatmaps[0, :, 2, 3] = torch.tensor([1.3, 0.75, -2.0, float("nan")])
    heatmaps[0, 2] = -2.0

    found = PeakHeight().compute(predictions_of(heatmaps))

    assert found[0].tolist() == pytest.approx([0, 0.25, 1, 1])


def test_millimetres_need_a_calibration() -> None:
    with pytest.raises(InputError, match="in mm needs images of known pixel size"):
        PeakRadius("mm").compute(predictions_of(torch.ones(1, 1, 4, 4)))

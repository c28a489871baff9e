from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import ellipe

from monai_ext.active.measures import axes_of, mean_radius


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

"""Frames and landmarks that the tests of this room share."""

from __future__ import annotations

import numpy as np
import pytest

from monai_ext.landmarks import Frame, Landmarks


def make_frames() -> dict[str, Frame]:
    """Non-square frames; none has equal steps along x and y but the plain one."""
    turn = np.radians(30.0)
    x_axis = np.array([np.cos(turn), np.sin(turn), 0.0])
    y_axis = np.array([-np.sin(turn) * 0.6, np.cos(turn) * 0.6, 0.8])
    oblique = np.stack([x_axis * 0.25, y_axis * 1.75, [12.5, -80.0, 33.0]], axis=1)
    return {
        "plain": Frame(64, 48),
        "anisotropic": Frame(
            200,
            50,
            placement=np.array([[0.2, 0, -3], [0, 0.7, 4], [0, 0, 9]]),
            spacing=(0.2, 0.7),
            spacing_source="MHA",
        ),
        "flipped": Frame(33, 90, placement=np.array([[-0.5, 0, 100], [0, -2.0, 7], [0, 0, 0]]), spacing=(0.5, 2.0)),
        "transposed": Frame(20, 31, placement=np.array([[0, 1.5, 0], [0.5, 0, 0], [0, 0, 1.0]])),
        "oblique": Frame(120, 90, placement=oblique, spacing=(0.25, 1.75)),
    }


@pytest.fixture(params=list(make_frames()))
def frame(request: pytest.FixtureRequest) -> Frame:
    return make_frames()[request.param]


@pytest.fixture
def mixed(frame: Frame) -> Landmarks:
    """Four landmarks of every status, one of them just off the image, with and without confidence."""
    return Landmarks(
        ["fovea", "disc", "gone", "open"],
        [[3.25, 17.5], [-0.75, 0.0], [np.nan, np.nan], [np.nan, np.nan]],
        frame,
        [1, 1, 0, -1],
        [0.93, np.nan, 0.5, np.nan],
    )


def assert_same(got: Landmarks, expected: Landmarks, atol: float = 1e-9) -> None:
    """Same names, status, defined points and (to three decimals) confidence."""
    assert got.names == expected.names
    assert got.status.tolist() == expected.status.tolist()
    np.testing.assert_allclose(got.points, np.where(expected.defined[:, None], expected.points, np.nan), atol=atol)
    np.testing.assert_allclose(got.confidence, expected.confidence, atol=5.001e-4)


@pytest.fixture
def same():
    return assert_same

"""Errors over the distance of two landmarks, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from monai_ext.landmarks import InputError
from monai_ext.metrics import image_errors, normalized_errors, pair_distances

NAN = math.nan


def test_the_distance_is_that_of_the_two_landmarks_of_each_image():
    points = torch.tensor([[[0.0, 0.0], [9.0, 9.0], [30.0, 40.0]], [[1.0, 1.0], [2.0, 2.0], [1.0, 13.0]]])

    assert pair_distances(points, (0, 2)).tolist() == [50.0, 12.0]
    assert pair_distances(points, (2, 0)).tolist() == [50.0, 12.0]


def test_a_spacing_stretches_each_axis_of_each_image():
    points = torch.tensor([[[0.0, 0.0], [30.0, 40.0]], [[0.0, 0.0], [30.0, 40.0]]])
    spacing = torch.tensor([[1.0, 1.0], [0.5, 0.2]], dtype=torch.float64)

    assert pair_distances(points, (0, 1), spacing=spacing).tolist() == [50.0, 17.0]


def test_there_is_no_distance_where_a_landmark_is_absent_or_both_are_at_one_place():
    points = torch.tensor([[[0.0, 0.0], [NAN, NAN]], [[0.0, 0.0], [3.0, 4.0]], [[5.0, 5.0], [5.0, 5.0]]])
    status = torch.tensor([[1, -1], [0, 1], [1, 1]], dtype=torch.int8)

    assert all(math.isnan(value) for value in pair_distances(points, (0, 1), status).tolist())


@pytest.mark.parametrize("pair", [(0, 0), (0, 2), (-1, 0)])
def test_a_pair_is_two_landmarks_that_there_are(pair):
    with pytest.raises(InputError, match="two different landmarks out of 2"):
        pair_distances(torch.zeros(1, 2, 2), pair)


def test_errors_become_shares_image_by_image():
    errors = torch.tensor([[1.0, 3.0], [2.0, NAN], [7.0, 7.0]], dtype=torch.float64)
    shares = normalized_errors(errors, torch.tensor([50.0, 8.0, NAN], dtype=torch.float64))

    assert image_errors(shares).tolist()[:2] == pytest.approx([0.04, 0.25])
    assert math.isnan(image_errors(shares)[2])


def test_shapes_that_do_not_go_together_are_refused():
    with pytest.raises(InputError, match=r"\(3, 2\) by \(2,\)"):
        normalized_errors(torch.zeros(3, 2), torch.ones(2))

"""A case worked out by hand, through all metrics, in batches and in the whole."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from monai_ext.metrics import (
    cumulative_error_area,
    error_statistics,
    failure_rate,
    image_errors,
    presence_counts,
    radial_errors,
)

CASE = json.loads((Path(__file__).parent / "data" / "frozen_case.json").read_text())
STATUS_TRUE, STATUS_PRED = (torch.tensor(CASE[name], dtype=torch.int8) for name in ("status_true", "status_pred"))


def frozen_errors(rows: slice = slice(None), dtype: torch.dtype = torch.float32) -> torch.Tensor:
    true = torch.tensor(CASE["true"], dtype=dtype)
    pred = true + torch.tensor(CASE["displacement_px"], dtype=dtype)
    return radial_errors(pred[rows], true[rows], STATUS_TRUE[rows], STATUS_PRED[rows], CASE["spacing"])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_frozen_case_to_the_last_digit(dtype) -> None:
    errors = frozen_errors(dtype=dtype)
    values, images = error_statistics(errors, [2.0, 4.0, 10.0]), image_errors(errors)

    # Errors 5 1 2 0 13 10 4 mm; means of the four images 8/3, 13/2, 10, 4 mm. All worked out by hand.
    np.testing.assert_array_equal(errors.numpy(), np.array(CASE["errors_mm"], dtype=float))
    found = [values.mean, values.median, values.sd, *values.sdr, images.nanmean()]
    assert [float(x) for x in found] == pytest.approx(
        [5.0, 4.0, math.sqrt(140 / 6), 3 / 7, 4 / 7, 6 / 7, (8 / 3 + 13 / 2 + 10 + 4) / 4], rel=1e-12
    )
    assert float(failure_rate(images, 4.0)) == 0.5
    area = ((1 - 8 / 30) + (1 - 13 / 20) + 0 + (1 - 4 / 10)) / 4
    assert float(cumulative_error_area(images, 10.0)) == pytest.approx(area, rel=1e-12)


def test_presence_of_the_frozen_case() -> None:
    counts = presence_counts(STATUS_PRED, STATUS_TRUE)
    each = presence_counts(STATUS_PRED, STATUS_TRUE, per_landmark=True)
    assert [int(count) for count in counts] == [7, 1, 1, 1, 1]
    assert (each.misses.tolist(), each.false_alarms.tolist()) == ([1, 0, 0], [0, 0, 1])


def test_statistics_per_landmark_of_the_frozen_case() -> None:
    values = error_statistics(frozen_errors(), [2.0], per_landmark=True)
    assert values.count.tolist() == [2, 3, 2]
    assert values.mean.tolist() == [2.5, 6.0, 6.0]
    assert values.sdr.tolist()[0] == pytest.approx([1 / 2, 1 / 3, 1 / 2])


def test_batches_of_unequal_size_count_by_landmark_and_not_by_batch() -> None:
    errors = torch.cat([frozen_errors(slice(0, 1)), frozen_errors(slice(1, 4))])
    assert error_statistics(errors).mean == error_statistics(frozen_errors()).mean == 5

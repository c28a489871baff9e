from __future__ import annotations

import numpy as np
import pytest
import torch

from monai_ext.active import image_score
from monai_ext.landmarks import InputError


@pytest.mark.parametrize("landmarks", [1, 19])
def test_only_landmarks_that_are_present_count(rng, landmarks) -> None:
    values = rng.random((30, landmarks))
    status = rng.choice([-1, 0, 1], (30, landmarks))
    status[:, 0] = 1

    mean = image_score(torch.from_numpy(values), torch.from_numpy(status), "mean")
    largest = image_score(torch.from_numpy(values), torch.from_numpy(status), "max")

    for n in range(30):
        present = [values[n, k] for k in range(landmarks) if status[n, k] > 0]
        assert float(mean[n]) == pytest.approx(np.mean(present))
        assert float(largest[n]) == max(present)


def test_an_image_without_any_landmark_is_scored_by_all() -> None:
    values, status = torch.tensor([[1.0, 4.0], [1.0, 4.0]]), torch.tensor([[0, 0], [1, 0]], dtype=torch.int8)

    assert image_score(values, status, "mean").tolist() == [2.5, 1.0]
    assert image_score(values, status, "max").tolist() == [4.0, 1.0]


def test_wrong_requests_are_refused() -> None:
    with pytest.raises(InputError, match=r"mean or max, not 'median'"):
        image_score(torch.ones(1, 2), torch.ones(1, 2), "median")
    with pytest.raises(InputError, match=r"\(1, 2\) and status \(1, 3\)"):
        image_score(torch.ones(1, 2), torch.ones(1, 3))

"""Presence counts against a loop over all pairs of status."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from monai_ext.landmarks import InputError
from monai_ext.metrics import PresenceCounts, presence_counts

KIND = {
    (1, 1): "found",
    (1, 0): "misses",
    (0, 1): "false_alarms",
    (0, 0): "correct_absences",
    (1, -1): "unanswered",
    (0, -1): "unanswered",
}


@pytest.mark.parametrize("k", [1, 19])
def test_counts_are_those_of_a_loop(rng, k) -> None:
    true, pred = (rng.integers(-1, 2, (11, k)).astype(np.int8) for _ in range(2))
    expected = {name: np.zeros(k, int) for name in PresenceCounts._fields}
    for n in range(11):
        for j in range(k):
            if (kind := KIND.get((int(true[n, j]), int(pred[n, j])))) is not None:
                expected[kind][j] += 1

    columns = presence_counts(torch.from_numpy(pred), torch.from_numpy(true), per_landmark=True)
    overall = presence_counts(torch.from_numpy(pred), torch.from_numpy(true))

    for name, counts in expected.items():
        assert getattr(columns, name).tolist() == counts.tolist(), name
        assert int(getattr(overall, name)) == counts.sum(), name


def test_an_undefined_truth_is_in_no_count() -> None:
    counts = presence_counts(torch.tensor([[1, 0, -1]]), torch.tensor([[-1, -1, -1]]))
    assert [int(c) for c in counts] == [0, 0, 0, 0, 0]


def test_a_miss_is_not_a_false_alarm() -> None:
    counts = presence_counts(status_pred=torch.tensor([[0]]), status_true=torch.tensor([[1]]))
    assert (int(counts.misses), int(counts.false_alarms)) == (1, 0)


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(InputError, match=r"\(1, 2\) and \(2, 1\)"):
        presence_counts(torch.ones(1, 2), torch.ones(2, 1))

"""Epochs of a given number of samples, whatever the number of images."""

from __future__ import annotations

from collections.abc import Iterator, Sized

import numpy as np
from torch.utils.data import DistributedSampler


class EndlessSampler(DistributedSampler):
    """Cuts an endless row of passes over a dataset, each shuffled anew, into epochs of equal length.

    No image is shown once more before all others were shown as often. An epoch is a function of the seed and the epoch
    alone, so that a resumed run repeats an unbroken one.

    Args:
        dataset: what is sampled from.
        samples: of an epoch of one process.
        num_replicas: processes.
        rank: of this process.
        seed: of the order.

    Example:
        >>> sampler = EndlessSampler(["a", "b", "c"], samples=6)
        >>> sorted(sampler)
        [0, 0, 1, 1, 2, 2]
    """

    def __init__(self, dataset: Sized, samples: int, num_replicas: int = 1, rank: int = 0, seed: int = 0) -> None:
        super().__init__(dataset, num_replicas, rank, shuffle=True, seed=seed)
        self.samples = samples
        self._size = len(dataset)

    def __len__(self) -> int:
        return self.samples

    def __iter__(self) -> Iterator[int]:
        epoch = self.samples * self.num_replicas
        places = np.arange(self.epoch * epoch, (self.epoch + 1) * epoch)[self.rank :: self.num_replicas]
        passes, positions = np.divmod(places, self._size)
        orders = {p: np.random.default_rng((self.seed, p)).permutation(self._size) for p in np.unique(passes).tolist()}
        return iter([int(orders[p][i]) for p, i in zip(passes.tolist(), positions.tolist(), strict=True)])

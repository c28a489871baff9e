"""A dataset that keeps what it has read in memory, up to a share of it, so that an epoch does not read it again."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import psutil
import torch
from monai.data import Dataset
from monai.transforms import Compose, RandomizableTrait

logger = logging.getLogger(__name__)

#: Share of the free memory that images of one dataset may take.
MEMORY_SHARE = 0.25


def image_memory() -> int:
    """Bytes that a dataset may keep: a quarter of the memory that is free now."""
    return int(MEMORY_SHARE * psutil.virtual_memory().available)


class KeptImages(Dataset):
    """MONAI's dataset, which does the transforms before the first random one once per image while there is room.

    What comes first, images of the first pass, stays; the others are read again each time. Images of whole numbers from
    0 to 255 are kept as bytes, which loses nothing: a sample is the same whether it was kept or not.

    Args:
        data: samples, as paths.
        transform: of a sample.
        memory: bytes that may be kept; 0 keeps nothing. Worker processes of a loader would each have their own.

    Example:
        >>> dataset = KeptImages([{"image": "a.png"}], chain, memory=image_memory())  # doctest: +SKIP
    """

    def __init__(self, data: Sequence[Mapping[str, Any]], transform: Compose, memory: int) -> None:
        super().__init__(data, transform)
        self._memory = memory
        self._kept: dict[int, dict[str, Any]] = {}
        self._first_random = transform.get_index_of_first(lambda step: isinstance(step, RandomizableTrait))

    @property
    def kept(self) -> int:
        """Number of samples in memory."""
        return len(self._kept)

    def _transform(self, index: int) -> Any:
        if index in self._kept:
            sample = {name: _unpacked(value) for name, value in self._kept[index].items()}
        else:
            sample = self.transform(self.data[index], end=self._first_random)
            self._keep(index, sample)
        return sample if self._first_random is None else self.transform(sample, start=self._first_random)

    def _keep(self, index: int, sample: Mapping[str, Any]) -> None:
        if self._memory <= 0:
            return
        packed = {name: _packed(value) for name, value in sample.items()}
        size = sum(value.nbytes for value in packed.values() if isinstance(value, torch.Tensor))
        if size > self._memory:
            logger.info(
                "The memory for images is full with %d of %d: the others are read each time.", self.kept, len(self)
            )
            self._memory = 0
            return
        self._memory -= size
        self._kept[index] = packed


def _packed(value: Any) -> Any:
    """A tensor of its own, as bytes where it holds whole numbers from 0 to 255; anything else as it is."""
    if not isinstance(value, torch.Tensor):
        return value
    plain = value.as_subclass(torch.Tensor)
    if plain.dtype == torch.float32 and plain.ndim == 3:
        whole = plain.to(torch.uint8)
        if torch.equal(whole.float(), plain):
            return whole
    return plain.clone()


def _unpacked(value: Any) -> Any:
    """The tensor that was packed, which may be changed."""
    if not isinstance(value, torch.Tensor):
        return value
    return value.float() if value.dtype == torch.uint8 and value.ndim == 3 else value.clone()

"""The loaders that feed training and validation: samplers, images kept in memory, and epochs taken up in the middle."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from typing import Any

import numpy as np
import psutil
import torch
from monai.data import DataLoader, Dataset
from monai.transforms import Compose, RandomizableTrait
from torch.utils.data import DistributedSampler

from monai_ext.landmarks import Protocol
from monai_ext.transforms import training_transforms, validation_transforms

from .dataset import LabelledImage
from .distributed import process_rank

logger = logging.getLogger(__name__)

#: Share of the free memory that images of one dataset may take.
MEMORY_SHARE = 0.25


def make_loader(
    images: Sequence[LabelledImage],
    protocol: Protocol,
    *,
    training: bool,
    batch_size: int,
    num_workers: int = 0,
    seed: int = 0,
    epoch_steps: int | None = None,
) -> ResumableLoader:
    """A loader that reads files as it goes and keeps what a quarter of the free memory holds.

    With worker processes nothing is kept: they read while the network learns. Under ``torchrun`` each process gets its
    own share of the images and of that memory. In training, ``epoch_steps`` batches make an epoch where it is given,
    else one pass over the images.
    """
    chain = training_transforms(protocol) if training else validation_transforms(protocol)
    rank, world = process_rank()
    items = [
        {"id": i.id, "image": str(i.image), "label": str(i.label) if i.landmarks is None else i.landmarks}
        for i in images
    ]
    if not training:
        items = items[rank::world]
    memory = 0 if num_workers else image_memory() // world
    dataset = KeptImages(items, Compose([*chain.transforms, TensorsOnly()]), memory)
    # also in one process: its order is a function of the seed and the epoch that MONAI's trainer sets
    sampler = DistributedSampler(dataset, world, rank, shuffle=True, seed=seed) if training else None
    share = len(items) if not training else -(-len(items) // world)
    if training and epoch_steps is not None:
        share = epoch_steps * batch_size
        sampler = EndlessSampler(dataset, share, world, rank, seed)
    return ResumableLoader(
        dataset,
        batch_size=batch_size,
        sampler=sampler,
        num_workers=num_workers,
        persistent_workers=False,
        drop_last=training and share >= batch_size,
        pin_memory=torch.cuda.is_available(),
    )


def _plain(image: Any) -> torch.Tensor:
    """Without MONAI's metadata: a network run on a MetaTensor takes nearly twice the time per training step."""
    return torch.as_tensor(image).as_subclass(torch.Tensor)


class TensorsOnly:
    """Keeps what a batch can hold: image, points, status, matrix, and the image's size and pixel length."""

    def __call__(self, sample: dict[str, Any]) -> dict[str, Any]:
        return {
            "image": _plain(sample["image"]),
            "points": torch.as_tensor(sample["points"]),
            "status": torch.as_tensor(sample["status"]),
            "matrix": torch.as_tensor(sample["matrix"]),
            "size": torch.tensor(sample["frame"].size),
            "pixel_length": torch.from_numpy(sample["frame"].scale),
            "calibrated": torch.tensor(sample["frame"].spacing is not None),
            "id": sample["id"],
        }


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

    Examples:
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


class EndlessSampler(DistributedSampler):
    """Cuts an endless row of passes over a dataset, each shuffled separately, into epochs of equal length.

    No image is shown once more before all others were shown as often. An epoch is a function of the seed and the epoch
    alone, so that a resumed run repeats an unbroken one.

    Args:
        dataset: what is sampled from.
        samples: of an epoch of one process.
        num_replicas: processes.
        rank: of this process.
        seed: of the order.

    Examples:
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


class ResumableLoader(DataLoader):
    """MONAI's loader, whose next pass may begin after the batches that were used before an interruption.

    Those batches are loaded once more and thrown away: random augmentations are drawn one after the other, so that
    the following batches are those of the unbroken pass only then.
    """

    _used = 0
    _then: Callable[[], None] | None = None

    def skip(self, batches: int, then: Callable[[], None] | None) -> None:
        """The next pass leaves out its first batches and then calls ``then``."""
        self._used, self._then = batches, then

    def __iter__(self) -> Iterator[Any]:
        batches = super().__iter__()
        used, then = self._used, self._then
        self.skip(0, None)
        for _ in range(used):
            next(batches)
        if then is not None:
            then()
        return batches

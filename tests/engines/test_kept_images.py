"""Images kept in memory: the same samples as without, read once, within a bound."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from monai.transforms import Compose, Randomizable, Transform

from monai_ext.engines import labelled_images
from monai_ext.engines.loader import KeptImages, make_loader
from monai_ext.landmarks import Protocol
from monai_ext.studies import Studies
from monai_ext.transforms import load

HEIGHT, WIDTH = 5, 7


class Read(Transform):
    """Counts what it is asked for; image i holds bytes, or what no byte holds."""

    def __init__(self, offset: float = 0.0) -> None:
        self.asked: list[int] = []
        self.offset = offset

    def __call__(self, sample: dict) -> dict:
        self.asked.append(sample["id"])
        values = torch.arange(HEIGHT * WIDTH, dtype=torch.float32).reshape(1, HEIGHT, WIDTH) + sample["id"]
        return {**sample, "image": values + self.offset, "points": torch.tensor([[1.5, 2.25]])}


class Spoil(Randomizable, Transform):
    """A random change in place, as some transforms work."""

    def __call__(self, sample: dict) -> dict:
        sample["image"] += self.R.uniform()
        sample["points"] *= 2
        return sample


@pytest.mark.parametrize("offset", [0.0, 0.5, 300.0, -40.0])
def test_samples_are_those_that_are_read_anew(offset: float) -> None:
    data = [{"id": i} for i in range(3)]
    datasets = [KeptImages(data, Compose([Read(offset), Spoil()]), memory) for memory in (10**6, 0)]
    for dataset in datasets:
        dataset.transform.set_random_state(seed=3)
    for index in (0, 1, 2, 0, 2, 0):
        kept, fresh = (dataset[index] for dataset in datasets)
        assert torch.equal(kept["image"], fresh["image"])
        assert torch.equal(kept["points"], torch.tensor([[3.0, 4.5]]))
        assert kept["image"].dtype == torch.float32
    assert [dataset.transform.transforms[0].asked for dataset in datasets] == [[0, 1, 2], [0, 1, 2, 0, 2, 0]]


def test_the_memory_is_bounded_and_it_is_said(caplog: pytest.LogCaptureFixture) -> None:
    points, picture = 2 * 4, HEIGHT * WIDTH
    read = Read()
    with caplog.at_level(logging.INFO):
        dataset = KeptImages([{"id": i} for i in range(4)], Compose([read, Spoil()]), 2 * (picture + points) + 5)
        for _ in range(2):
            _ = [dataset[index] for index in range(4)]
    assert dataset.kept == 2
    assert read.asked == [0, 1, 2, 3, 2, 3]
    assert [record.message for record in caplog.records] == [
        "The memory for images is full with 2 of 4: the others are read each time."
    ]


@pytest.mark.parametrize("training", [True, False])
def test_a_loader_decodes_every_file_once_and_gives_the_batches_of_one_that_keeps_nothing(
    blob_study: Studies, blob_protocol: Protocol, monkeypatch: pytest.MonkeyPatch, training: bool
) -> None:
    images = labelled_images(blob_study)[:4]
    reads: list[str] = []
    plain = load.read_image

    def counted(path: str, channels: str) -> object:
        reads.append(path)
        return plain(path, channels)

    monkeypatch.setattr(load, "read_image", counted)
    batches = []
    for keep in (True, False):
        if not keep:
            monkeypatch.setattr("monai_ext.engines.loader.image_memory", lambda: 0)
        loader = make_loader(images, blob_protocol, training=training, batch_size=2)
        loader.dataset.transform.set_random_state(seed=5)
        batches.append([batch for _ in range(3) for batch in loader])
        assert len(reads) == (len(images) if keep else 3 * len(images))
        reads.clear()
    for kept, fresh in zip(*batches, strict=True):
        assert kept["id"] == fresh["id"]
        for name in ("image", "points", "matrix"):
            np.testing.assert_array_equal(kept[name].numpy(), fresh[name].numpy())


def test_processes_that_train_together_share_the_memory(
    blob_study: Studies, blob_protocol: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = labelled_images(blob_study)[:4]
    a_picture_and_a_bit = 80 * 56 + 1000
    monkeypatch.setattr("monai_ext.engines.loader.image_memory", lambda: 4 * a_picture_and_a_bit)
    kept = []
    for processes in (1, 4):
        monkeypatch.setattr("monai_ext.engines.loader.process_rank", lambda processes=processes: (0, processes))
        dataset = make_loader(images, blob_protocol, training=True, batch_size=2).dataset
        for index in range(4):
            _ = dataset[index]
        kept.append(dataset.kept)
    assert kept == [4, 1]

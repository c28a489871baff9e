from __future__ import annotations

from collections import Counter

import pytest
from monai.data import Dataset

from monai_ext.engines.loader import EndlessSampler, ResumableLoader


def epochs_of(sampler: EndlessSampler, count: int) -> list[list[int]]:
    found = []
    for epoch in range(count):
        sampler.set_epoch(epoch)
        found.append(list(sampler))
    return found


def test_every_epoch_has_the_number_of_samples_that_was_asked_for() -> None:
    for images in (1, 3, 7, 20):
        sampler = EndlessSampler(range(images), samples=10)

        assert [len(epoch) for epoch in epochs_of(sampler, 5)] == [10] * 5
        assert len(sampler) == 10


def test_no_image_is_shown_twice_more_than_another_over_epochs() -> None:
    shown: Counter[int] = Counter()
    for epoch in epochs_of(EndlessSampler(range(7), samples=10), 9):
        shown.update(epoch)
        full, rest = divmod(sum(shown.values()), 7)
        assert sorted(shown[i] for i in range(7)) == [full] * (7 - rest) + [full + 1] * rest


def test_passes_differ_in_order_and_an_epoch_repeats_itself() -> None:
    sampler = EndlessSampler(range(20), samples=40, seed=3)
    (epoch,) = epochs_of(sampler, 1)

    assert epoch[:20] != epoch[20:]
    assert epochs_of(EndlessSampler(range(20), samples=40, seed=3), 1) == [epoch]
    assert epochs_of(EndlessSampler(range(20), samples=40, seed=4), 1) != [epoch]


def test_an_epoch_does_not_depend_on_those_before_it() -> None:
    one, other = EndlessSampler(range(7), samples=10), EndlessSampler(range(7), samples=10)
    third = epochs_of(one, 3)[2]

    other.set_epoch(2)

    assert list(other) == third


def test_processes_share_the_epoch() -> None:
    alone = epochs_of(EndlessSampler(range(7), samples=10), 2)
    shares = [epochs_of(EndlessSampler(range(7), samples=5, num_replicas=2, rank=rank), 2) for rank in (0, 1)]

    for epoch in range(2):
        assert [i for pair in zip(shares[0][epoch], shares[1][epoch], strict=True) for i in pair] == alone[epoch]


@pytest.mark.parametrize("batch", [1, 2, 3, 5, 7, 8])
def test_an_epoch_taken_up_after_any_batch_goes_on_with_the_images_of_the_unbroken_one(batch) -> None:
    def loader(epoch: int) -> ResumableLoader:
        sampler = EndlessSampler(range(7), samples=4 * batch, seed=2)
        sampler.set_epoch(epoch)
        return ResumableLoader(Dataset(list(range(7))), batch_size=batch, sampler=sampler, drop_last=True)

    for epoch in range(3):
        whole = [found.tolist() for found in loader(epoch)]
        assert [len(found) for found in whole] == [batch] * 4
        for used in range(4):
            again = loader(epoch)
            again.skip(used, None)
            assert [found.tolist() for found in again] == whole[used:]

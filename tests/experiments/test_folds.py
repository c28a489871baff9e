from __future__ import annotations

from pathlib import Path

import pytest

from monai_ext.engines import LabelledImage
from monai_ext.experiments import fold_images
from monai_ext.landmarks import InputError

EXPECTED = [["eye0", "eye1", "eye3"], ["eye2", "eye4", "eye5"]]


def images(count: int) -> list[LabelledImage]:
    return [LabelledImage(f"eye{i}", Path(f"eye{i}.png"), Path(f"eye{i}.mrk.json"), "train") for i in range(count)]


def names(folds: list[list[LabelledImage]]) -> list[list[str]]:
    return [[image.id for image in fold] for fold in folds]


def test_folds_share_the_images_out() -> None:
    folds = names(fold_images(images(103), 5, 0))
    assert sorted(len(fold) for fold in folds) == [20, 20, 21, 21, 21]
    assert sorted(name for fold in folds for name in fold) == sorted(image.id for image in images(103))


def test_folds_depend_on_the_seed_and_not_on_the_order() -> None:
    assert names(fold_images(images(20)[::-1], 4, 3)) == names(fold_images(images(20), 4, 3))
    assert names(fold_images(images(20), 4, 4)) != names(fold_images(images(20), 4, 3))
    # sha256 of "0:eye<i>", sorted, dealt out in turn
    assert names(fold_images(images(6), 2, 0)) == EXPECTED


@pytest.mark.parametrize(("count", "folds", "sentence"), [(5, 1, "at least 2 folds, not 1"), (2, 3, "there are 2")])
def test_too_few_are_refused(count: int, folds: int, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        fold_images(images(count), folds, 0)

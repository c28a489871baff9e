from __future__ import annotations

from dataclasses import replace
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


def test_images_of_a_subject_are_in_one_fold() -> None:
    pairs = [replace(image, subject=f"S{i // 2}") for i, image in enumerate(images(40))]
    folds = fold_images(pairs + images(45)[40:], 4, 1)
    subjects = [{image.subject for image in fold if image.subject} for fold in folds]
    assert sorted(name for fold in subjects for name in fold) == sorted(f"S{k}" for k in range(20))
    assert sorted(image.id for fold in folds for image in fold) == sorted(image.id for image in images(45))
    assert max(map(len, folds)) - min(map(len, folds)) <= 2  # a subject of two images


def test_fewer_subjects_than_folds_are_refused() -> None:
    pairs = [replace(image, subject=f"S{i // 2}") for i, image in enumerate(images(6))]
    with pytest.raises(InputError, match="images of different subjects, but there are 6 of 3 subjects: take fewer"):
        fold_images(pairs, 4, 0)


@pytest.mark.parametrize(("count", "folds", "sentence"), [(5, 1, "at least 2 folds, not 1"), (2, 3, "there are 2")])
def test_too_few_are_refused(count: int, folds: int, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        fold_images(images(count), folds, 0)

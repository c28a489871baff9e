"""What a cross-validation measured of the recipe that a model was trained by."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from monai_ext.landmarks import InputError
from monai_ext.landmarks.document import Strict
from monai_ext.landmarks.files import read_json
from monai_ext.models import ModelCard

#: Name of the file that ``cross-validate`` writes.
RESULTS = "cross_validation.json"

Known = Annotated[float, Field(ge=0, allow_inf_nan=False)] | None


class OutOfFoldError(Strict):
    """The error of one landmark, or of ``all``, on images that the answering model had not seen; None: not measured.

    Args:
        name: of the landmark.
        mean: in the unit of the validation.
        low, high: 95 % bootstrap interval of the mean over images.
        median: of the errors.
        of_width: mean in percent of each image's width.
        of_distance: mean in percent of each image's distance between two landmarks.
        worst: largest error.
        failures: images that fail.
        images: that were measured.
    """

    name: str
    mean: Known
    low: Known
    high: Known
    median: Known
    of_width: Known
    of_distance: Known
    worst: Known
    failures: Annotated[int, Field(ge=0)]
    images: Annotated[int, Field(ge=0)]


class CrossValidated(Strict):
    """A cross-validation of the recipe.

    Args:
        file, sha256: where it is written.
        command: that made it.
        date: when.
        folds: models, each trained without its part of the images.
        steps: optimiser steps of each.
        unit: of all lengths.
        between: the landmarks whose distance errors are also given in percent of.
        sets: ``images`` and, where they were answered too, ``changed`` copies.
    """

    file: str
    sha256: str
    command: str | None
    date: str | None
    folds: int
    steps: int
    unit: str
    between: tuple[str, str] | None
    sets: dict[str, tuple[OutOfFoldError, ...]]


def read_cross_validated(path: Path, card: ModelCard) -> CrossValidated:
    """Reads a finished ``cross_validation.json``, or the one in a folder.

    Raises:
        InputError: it is damaged, has unfinished folds, or is of another network or augmentation than the model's.
    """
    path = path / RESULTS if path.is_dir() else path
    document = read_json(path)
    try:
        found = _found(document, path)
        done, asked = document["folds_finished"], document["folds_asked_for"]
        same = document["network"] == card.protocol.network.model_dump(mode="json")
        same = same and document["recipe"]["augmentation"] == card.protocol.recipe.augmentation.model_dump(mode="json")
    except (KeyError, TypeError, ValidationError) as error:
        raise InputError(f"{path} is no result of `cross-validate`: {error!r:.120}.") from None
    if done != asked:
        raise InputError(f"{path}: {done} of {asked} folds are finished; run its command again to finish them.")
    if not same:
        raise InputError(
            f"{path} is of another network or augmentation than the model {card.version} of {card.protocol.name}: "
            "cross-validate the model's own protocol."
        )
    return found


def _found(document: dict[str, Any], path: Path) -> CrossValidated:
    return CrossValidated(
        file=path.name,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        command=document["command"],
        date=document["date"],
        folds=document["folds_asked_for"],
        steps=document["length"]["epochs"] * document["length"]["epoch_steps"],
        unit=document["unit"],
        between=document["between"],
        sets={name: tuple(OutOfFoldError(**row) for row in rows) for name, rows in document["relative"].items()},
    )

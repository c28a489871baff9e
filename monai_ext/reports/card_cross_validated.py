"""Errors that a cross-validation measured of the recipe that a model was trained by."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from monai_ext.experiments import RESULTS, RelativeScores
from monai_ext.landmarks import InputError, Strict, read_json
from monai_ext.models import ModelCard


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
    sets: dict[str, tuple[RelativeScores, ...]]


def read_cross_validated(path: Path, card: ModelCard) -> CrossValidated:
    """Reads a finished ``cross_validation.json``, or the one in a folder.

    Raises:
        InputError: it is damaged, has unfinished folds, or is of another protocol, network or augmentation, or of other
            landmarks, than the model's.
    """
    path = path / RESULTS if path.is_dir() else path
    document = read_json(path)
    try:
        found = _found(document, path)
        done, asked = document["folds_finished"], document["folds_asked_for"]
        same = _network(document) == card.protocol.network.model_dump(mode="json")
        same = same and document["recipe"]["augmentation"] == card.protocol.recipe.augmentation.model_dump(mode="json")
        protocol, names = document["protocol"], tuple(row.name for row in found.sets["images"])
    except (KeyError, TypeError, ValidationError) as error:
        raise InputError(f"{path} is not a result of `cross-validate`: {error!r:.120}.") from None
    if done != asked:
        raise InputError(f"{path}: {done} of {asked} folds are finished; run its command again to finish them.")
    if protocol != card.protocol.name:
        raise InputError(
            f"{path} is of the protocol {protocol!r} and not of {card.protocol.name!r}: cross-validate the model's own."
        )
    if not same:
        raise InputError(
            f"{path} is of another network or augmentation than the model {card.version} of {card.protocol.name}: "
            "cross-validate the model's own protocol."
        )
    if names[:-1] != card.protocol.landmark_names:  # the last row is of all together
        raise InputError(
            f"{path} is of other landmarks than the model {card.version} of {card.protocol.name}: cross-validate the "
            "model's own protocol."
        )
    return found


def _network(document: dict[str, Any]) -> dict[str, Any]:
    """The network of a result; a file of weights by its name where an older result has its path on that machine."""
    network = dict(document["network"])
    start = network.get("pretrained")
    if start is not None and Path(start).is_absolute():
        network["pretrained"] = Path(start).name
    return network


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
        sets={
            name: tuple(RelativeScores.model_validate(row) for row in rows)
            for name, rows in document["relative"].items()
        },
    )

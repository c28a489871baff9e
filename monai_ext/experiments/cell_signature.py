"""Digest of everything that a cell's result depends on, the files of weights among it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from monai_ext.engines import SOURCES, LabelledImage, TrainOptions, find_source, run_signature
from monai_ext.landmarks import FACES, IMAGENET, Protocol
from monai_ext.networks import NAMED_SOURCES, find_weights, shipped_source


def cell_signature(
    protocol: Protocol, options: TrainOptions, images: Sequence[LabelledImage], further: Sequence[str] = ()
) -> str:
    """A digest of all that the result of a training run depends on.

    Args:
        protocol: with its weights as paths; see :func:`with_paths`.
        options: of the run.
        images: that it is trained and reported on.
        further: what else it depends on.
    """
    digest = hashlib.sha256(run_signature(options.applied_to(protocol), images, options.seed).encode())
    digest.update(f"{options.epoch_steps}".encode())
    for path in start_weights(protocol):
        stat = path.stat()
        digest.update(f"{path.name} {stat.st_size} {stat.st_mtime_ns}".encode())
    for text in further:
        digest.update(f"\n{text}".encode())
    return digest.hexdigest()


def with_paths(protocol: Protocol, models: Path) -> Protocol:
    """The protocol with its files of weights as paths: cells train in folders of their own.

    Raises:
        InputError: a file is missing, or is no source classifier of such images.
    """
    network, recipe = protocol.network, protocol.recipe
    file = _weights_file(protocol)
    if file is not None:
        network = network.model_copy(update={"pretrained": str(find_weights(file, models).resolve())})
    if recipe.cross_task is not None:
        find_source(protocol, models)
        if recipe.cross_task.source not in NAMED_SOURCES:
            path = find_weights(recipe.cross_task.source, models / SOURCES).resolve()
            block = recipe.cross_task.model_copy(update={"source": str(path)})
            recipe = recipe.model_copy(update={"cross_task": block})
    return protocol.model_copy(update={"network": network, "recipe": recipe})


def start_weights(protocol: Protocol) -> Sequence[Path]:
    """The files that the protocol's network begins with, but for those of packages, which have one version."""
    files = [None if (name := _weights_file(protocol)) is None else Path(name)]
    if protocol.recipe.cross_task is not None:
        files.append(_source_file(protocol.recipe.cross_task.source))
    return [file for file in files if file is not None]


def _source_file(name: str) -> Path | None:
    if name not in NAMED_SOURCES:
        return Path(name)
    return shipped_source(name) if name == FACES else None


def _weights_file(protocol: Protocol) -> str | None:
    """The file that ``network.pretrained`` names; None if it names none."""
    name = protocol.network.start_weights
    return None if name == IMAGENET else name

"""Record of the training of a published version, beside it as ``vN.training.json``."""

from __future__ import annotations

import logging
import math
import shlex
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from monai_ext import networks
from monai_ext.landmarks import read_json, write_json_atomically

from .store import ModelCard

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

#: How the command line is called; command lines of other programs are not recorded.
_COMMANDS = ("monai-landmarks", "entry", "cli")


def write_training_record(
    folder: Path,
    card: ModelCard,
    *,
    device: torch.device,
    keep: Literal["best", "last"],
    previous_error: float | None,
    history: Sequence[Mapping[str, float]],
    seconds: float,
    resumed_at: int | None = None,
) -> None:
    """Writes the validations of the run that made a published version, and what it was run by and on.

    A record that cannot be written is warned of: the version is published all the same.

    Args:
        folder: the model folder.
        card: of the version that the run published.
        device: that it ran on.
        keep: which weights of the run it published.
        previous_error: of the model that was current before, on the same images; None without one.
        history: one entry per validation: epoch, loss, val_error.
        seconds: wall-clock time of this process's part of the run.
        resumed_at: the epoch that this process went on from; None if it did the whole run.
    """
    document = {
        "format": 1,
        "protocol": card.protocol.name,
        "model_version": card.version,
        "model_sha256": card.sha256,
        "unit": card.unit,
        "val_error": finite(card.val_error),
        "previous_error": finite(previous_error),
        "keep": keep,
        "epochs": card.epochs,
        "seed": card.seed,
        "labels_used": card.labels_used,
        "seconds": round(seconds, 1),
        "resumed_at_epoch": resumed_at,
        "command": _command(),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": networks.machine(device),
        "versions": networks.versions(),
        "history": [{key: finite(value) for key, value in entry.items()} for entry in history],
    }
    path = record_path(folder, card.version)
    try:
        write_json_atomically(path, document)
    except OSError as error:
        logger.warning("The training record of %s could not be written to %s: %s", card.version, path, error)


def read_training_record(folder: Path, version: str) -> dict[str, Any] | None:
    """The record of the training of a version; None if nothing is.

    Raises:
        InputError: the file is damaged.
    """
    path = record_path(folder, version)
    return read_json(path) if path.is_file() else None


def record_path(folder: Path, version: str) -> Path:
    """Path of the record of a version."""
    return Path(folder) / f"{version}.training.json"


def finite(value: float | None) -> float | None:
    """The value; None if it is no number, as the error of a model that cannot be used."""
    return value if value is not None and math.isfinite(value) else None


def _command() -> str | None:
    """The command line of a person; None if another program trains."""
    if Path(sys.argv[0]).stem not in _COMMANDS:
        return None
    return shlex.join(["monai-landmarks", *sys.argv[1:]])

"""How a published version was trained, kept beside it as ``vN.training.json``."""

from __future__ import annotations

import logging
import math
import shlex
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

import torch

from monai_ext.landmarks.files import read_json, write_json_atomically
from monai_ext.networks import machine, versions

from .options import TrainResult

logger = logging.getLogger(__name__)

#: How the command line is called; other programs' command lines are nobody's business.
_COMMANDS = ("monai-landmarks", "entry", "cli")


def write_training_record(
    result: TrainResult,
    device: torch.device,
    *,
    keep: Literal["best", "last"],
    seconds: float,
    resumed_at: int | None = None,
) -> None:
    """Writes the validations of the run that made the published version, and what it was run by and on.

    Args:
        result: of a run; nothing is written where it published nothing.
        device: that it ran on.
        keep: which weights of the run it published.
        seconds: wall-clock time of this process's part of the run.
        resumed_at: the epoch that this process went on from; None where it did the whole run.

    A record that cannot be written is warned of: the version is published all the same.
    """
    card = result.card
    if card is None:
        return
    document = {
        "format": 1,
        "protocol": card.protocol.name,
        "model_version": card.version,
        "model_sha256": card.sha256,
        "unit": result.unit,
        "val_error": _finite(result.val_error),
        "previous_error": _finite(result.previous_error),
        "keep": keep,
        "epochs": result.epochs,
        "seed": card.seed,
        "labels_used": card.labels_used,
        "seconds": round(seconds, 1),
        "resumed_at_epoch": resumed_at,
        "command": _command(),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": machine(device),
        "versions": versions(),
        "history": [{key: _finite(value) for key, value in entry.items()} for entry in result.history],
    }
    path = record_path(result.folder, card.version)
    try:
        write_json_atomically(path, document)
    except OSError as error:
        logger.warning("How %s was trained could not be written to %s: %s", card.version, path, error)


def read_training_record(folder: Path, version: str) -> dict[str, Any] | None:
    """What is kept of the training of a version; None where nothing is.

    Raises:
        InputError: the file is damaged.
    """
    path = record_path(folder, version)
    return read_json(path) if path.is_file() else None


def record_path(folder: Path, version: str) -> Path:
    """Where the record of a version lies."""
    return Path(folder) / f"{version}.training.json"


def _finite(value: float | None) -> float | None:
    """The value; None where it is no number, as the error of a model that cannot be used."""
    return value if value is not None and math.isfinite(value) else None


def _command() -> str | None:
    """The command line of a person; None where another program trains."""
    if Path(sys.argv[0]).stem not in _COMMANDS:
        return None
    return shlex.join(["monai-landmarks", *sys.argv[1:]])

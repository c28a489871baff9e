"""Earlier versions of a model that still lie beside it, whole."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydantic import ValidationError

from monai_ext.landmarks import Protocol
from monai_ext.networks.model_store import ModelCard


def newest_whole_version(folder: Path, protocol: Protocol) -> Path | None:
    """The card of the newest version in a model folder whose weights are those that were published.

    Args:
        folder: the model folder; each published version left its card there as ``v<N>.json``.
        protocol: whose landmarks the version must have been trained for.
    """
    for path in sorted(folder.glob("v*.json"), key=_number, reverse=True):
        try:
            card = ModelCard.model_validate_json(path.read_bytes())
            weights = (folder / card.weights).read_bytes()
        except (OSError, ValidationError):
            continue
        fits = card.protocol.landmark_names == protocol.landmark_names
        if fits and hashlib.sha256(weights).hexdigest() == card.sha256:
            return path
    return None


def _number(path: Path) -> int:
    digits = path.stem[1:]
    return int(digits) if digits.isdigit() else 0

"""The state of an unfinished run, saved so that a killed training goes on where it was."""

from __future__ import annotations

import hashlib
import io
import logging
import math
import pickle
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from monai_ext.landmarks import Protocol
from monai_ext.landmarks.files import TEMPORARY_NAME, write_atomically

from .dataset import LabelledImage

logger = logging.getLogger(__name__)

FOLDER, FILE = ".training", "state.pt"
#: Of what is in the file; a state of another format is not taken.
FORMAT = 2
#: Age of a temporary file that nobody writes any more.
LEFT_BEHIND_SECONDS = 600


def run_signature(
    protocol: Protocol,
    images: Sequence[LabelledImage],
    seed: int,
    epoch_steps: int | None = None,
    minutes: float | None = None,
) -> str:
    """A digest of everything that a run depends on: protocol, images, labels, seed, length of an epoch, and minutes."""
    bound = "" if minutes is None else f" {minutes!r} minutes"
    digest = hashlib.sha256(f"{seed} {epoch_steps}{bound}\n{protocol.model_dump_json()}".encode())
    for image in images:
        stat = image.image.stat()
        digest.update(f"\n{image.id} {image.split} {stat.st_size} {stat.st_mtime_ns} ".encode())
        digest.update(image.label_bytes)
    return digest.hexdigest()


def random_state(device: torch.device) -> dict[str, torch.Tensor]:
    """Torch's random state on the CPU and, where the device is a GPU, on it."""
    state = {"cpu": torch.get_rng_state()}
    return {**state, "cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else state


def set_random_state(state: dict[str, torch.Tensor], device: torch.device) -> None:
    """Puts back what :func:`random_state` gave."""
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)


def is_resumable(folder: Path) -> bool:
    """Whether a model folder holds the saved state of an unfinished run."""
    return (folder / FOLDER / FILE).is_file()


class RunState:
    """The saved state of one run under a model folder.

    Args:
        folder: the model folder.
        signature: of the run; a saved state of another run is not taken.
    """

    def __init__(self, folder: Path, signature: str) -> None:
        self._path = folder / FOLDER / FILE
        self._signature = signature

    def tidy(self) -> None:
        """Removes what a kill left half-written; only for the one who holds the model folder.

        Fresh files beside the saved state's folder are left: a server may be writing its progress.
        """
        old = time.time() - LEFT_BEHIND_SECONDS
        for folder, before in ((self._path.parent, math.inf), (self._path.parent.parent, old)):
            for path in folder.glob(".*.tmp"):
                if TEMPORARY_NAME.fullmatch(path.name) and path.stat().st_mtime < before:
                    path.unlink(missing_ok=True)

    def load(self, device: torch.device) -> dict[str, Any] | None:
        """The saved state, or None where there is none of this run."""
        if not self._path.is_file():
            return None
        try:
            state: dict[str, Any] = torch.load(self._path, map_location=device, weights_only=True)
        except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
            logger.warning("The saved training state %s is damaged (%s); training starts anew.", self._path, error)
            return None
        if state.get("format") != FORMAT or state["signature"] != self._signature:
            logger.warning("The saved training state %s is of other data or options; training starts anew.", self._path)
            return None
        return state

    def save(self, state: dict[str, Any]) -> None:
        """Replaces the saved state in one step.

        Raises:
            OSError: there is no room; the state that was saved before stays.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        torch.save({**state, "format": FORMAT, "signature": self._signature}, buffer)
        write_atomically(self._path, buffer.getvalue())

    def clear(self) -> None:
        """Removes the saved state of a finished run."""
        self._path.unlink(missing_ok=True)
        if self._path.parent.is_dir() and not any(self._path.parent.iterdir()):
            shutil.rmtree(self._path.parent)

"""One training as it was requested, and the state of its unfinished run."""

from __future__ import annotations

import hashlib
import io
import logging
import math
import pickle
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch

from monai_ext.images import read_frame
from monai_ext.landmarks import TEMPORARY_NAME, Protocol, write_atomically
from monai_ext.networks import LandmarkNetwork, build_network

from .dataset import LabelledImage
from .distributed import process_rank
from .loader import ResumableLoader, make_loader
from .options import OnProgress, TrainOptions
from .progress import Clock
from .stop import ResourceError, Stop, memory_sentence, never

logger = logging.getLogger(__name__)

FOLDER, FILE = ".training", "state.pt"
#: Of what is in the file; a state of another format is not taken.
FORMAT = 2
#: Age of a temporary file that is no longer written.
LEFT_BEHIND_SECONDS = 600


class RunState:
    """The saved state of one run under a model folder.

    Args:
        folder: the model folder.
        signature: of the run; a saved state of another run is not taken.
        further: what else the run depends on, by name: a saved state that has another value under one of these names is
            not taken either, one without the name is.

    Attributes:
        saved: whether this object has saved a state.
    """

    def __init__(self, folder: Path, signature: str, further: Mapping[str, object] | None = None) -> None:
        self._path = folder / FOLDER / FILE
        self._signature = signature
        self._further = dict(further or {})
        self.saved = False

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
        """The saved state, or None if there is none of this run."""
        if not self._path.is_file():
            return None
        try:
            state: dict[str, Any] = torch.load(self._path, map_location=device, weights_only=True)
        except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
            logger.warning("The saved training state %s is damaged (%s); training starts again.", self._path, error)
            return None
        others = [name for name, value in self._further.items() if state.get(name, value) != value]
        if state.get("format") != FORMAT or state["signature"] != self._signature or others:
            logger.warning(
                "The saved training state %s was made with other data or options; training starts again.", self._path
            )
            return None
        return state

    def save(self, state: dict[str, Any]) -> None:
        """Replaces the saved state in one step.

        Raises:
            OSError: there is no room; the state that was saved before stays.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        torch.save({**state, **self._further, "format": FORMAT, "signature": self._signature}, buffer)
        write_atomically(self._path, buffer.getvalue())
        self.saved = True

    def clear(self) -> None:
        """Removes the saved state of a finished run."""
        self._path.unlink(missing_ok=True)
        if self._path.parent.is_dir() and not any(self._path.parent.iterdir()):
            shutil.rmtree(self._path.parent)


class Start(NamedTuple):
    """What a run begins with.

    Attributes:
        parent: the version whose weights it takes; None if it is not a trained one.
        begun_with: the weights, in words.
    """

    parent: str | None
    begun_with: str

    @property
    def warm(self) -> bool:
        """Whether it begins with trained weights."""
        return self.parent is not None


@dataclass(frozen=True)
class Job:
    """One training: the task, the images, the options and the model folder.

    Attributes:
        protocol: with the options applied to its recipe.
        train_images, val_images: the two sides of the split.
        folder: the model folder that is published to.
        state: where an unfinished run is saved.
        options: choices for this run.
        device: where the network runs.
        pretrained: a shipped model folder that is current while ``folder`` has none.
        on_progress: receives progress dicts; None on all processes but the first.
        stop: says whether to stop.
        data: one sentence for the card that says what the images are.
        warning: a sentence that says that the batches were halved; empty if they were not.
        refused: the size of batches that the memory was not enough for.
        clock: says the time, in seconds.
        begun: when the training was requested, by that clock.
    """

    protocol: Protocol
    train_images: list[LabelledImage]
    val_images: list[LabelledImage]
    folder: Path
    state: RunState
    options: TrainOptions
    device: torch.device
    pretrained: Path | None = None
    on_progress: OnProgress | None = None
    stop: Stop = never
    data: str = ""
    warning: str = ""
    refused: int | None = None
    clock: Clock = time.monotonic
    begun: float = 0.0

    @property
    def batch_size(self) -> int:
        """Images per step."""
        return self.protocol.recipe.batch_size

    @property
    def num_workers(self) -> int:
        """Processes that load images."""
        if self.options.num_workers is not None:
            return self.options.num_workers
        return 0 if self.device.type == "cpu" else min(8, (torch.get_num_threads() + 1) // 2)

    def training_loader(self, images: Sequence[LabelledImage], epoch_steps: int | None) -> ResumableLoader:
        """A loader of training images as a run of this job has it."""
        return make_loader(
            images,
            self.protocol,
            training=True,
            batch_size=self.batch_size,
            num_workers=self.num_workers,
            seed=self.options.seed,
            epoch_steps=epoch_steps,
        )

    @property
    def stop_in_share(self) -> Stop:
        """The stop to ask between validation images; under ``torchrun`` never, as shares end at different batches."""
        return self.stop if process_rank()[1] == 1 else never

    def saved(self) -> dict[str, Any] | None:
        """The state of an interrupted run of this job; None if there is none or it is not wanted.

        What this job itself saved before the memory was not enough is wanted in any case.
        """
        return self.state.load(torch.device("cpu")) if self.options.resume or self.state.saved else None

    def network_with(self, weights: Mapping[str, torch.Tensor]) -> LandmarkNetwork:
        """The network of the job with weights as they are published, ready to answer on its device."""
        network = build_network(self.protocol)
        network.load_state_dict(weights)
        return network.eval().to(self.device)

    def with_length(self, epochs: int, epoch_steps: int | None) -> Job:
        """The same job with so many epochs of so many steps; None takes one pass over the images."""
        recipe = self.protocol.recipe.model_copy(update={"max_epochs": epochs})
        protocol = self.protocol.model_copy(update={"recipe": recipe})
        return replace(self, protocol=protocol, options=self.options.model_copy(update={"epoch_steps": epoch_steps}))

    def with_batches_of(self, size: int) -> Job:
        """The same job with smaller batches, and a warning that says so."""
        recipe = self.protocol.recipe.model_copy(update={"batch_size": size})
        warning = f"The memory was not enough for batches of {self.batch_size} images: batches of {size} are used."
        data = f"{self.data} {warning}".strip()
        protocol = self.protocol.model_copy(update={"recipe": recipe})
        return replace(self, protocol=protocol, data=data, warning=warning, refused=self.batch_size)

    def halved(self) -> Job:
        """The same job with batches of half the size, after the memory was not enough.

        Raises:
            ResourceError: they cannot be halved, or were halved before.
        """
        if self.refused is not None:
            raise ResourceError(memory_sentence(str(self.device), [self.refused, self.batch_size]))
        if self.batch_size == 1 or process_rank()[1] > 1:  # the other processes are in the middle of a step
            raise ResourceError(memory_sentence(str(self.device), [self.batch_size]))
        return self.with_batches_of(self.batch_size // 2)


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


def further_signature(images: Sequence[LabelledImage], options: TrainOptions) -> dict[str, object]:
    """What an interrupted run depends on beside its signature: what was asked for, and the sizes of the images' pixels.

    The sizes say whether errors are in millimetres; they may be stated beside an image, whose file stays the same.
    """
    frames = [(i.id, read_frame(i.image) if i.landmarks is None else i.landmarks.frame) for i in images]
    sizes = hashlib.sha256("\n".join(f"{id} {frame.spacing}" for id, frame in frames).encode())
    return {"asked": [options.warm_start, options.keep], "pixel_sizes": sizes.hexdigest()}


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
    """True when a model folder holds the saved state of an unfinished run."""
    return (folder / FOLDER / FILE).is_file()

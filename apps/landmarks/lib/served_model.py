"""The model of one protocol as the server uses it: found on disk, loaded once, loaded again when it changed."""

from __future__ import annotations

import contextlib
import logging
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch

from monai_ext.inferers import Predictor, Runtime, has_graph, make_graph, runtime_device
from monai_ext.landmarks import FileState, InputError, Protocol
from monai_ext.models import (
    CARD,
    ModelCard,
    calibration_path,
    familiarity_path,
    find_model,
    newest_whole_version,
    read_card,
)

from .errors import ConflictError

logger = logging.getLogger(__name__)


class Signature(NamedTuple):
    """The files of a model as they were found; it changes with every published version and whatever is fitted to it."""

    card: FileState
    weights: FileState | None
    calibration: FileState | None
    familiarity: FileState | None


class NoModelError(ConflictError):
    """Nothing was trained for the protocol yet."""


@dataclass(frozen=True)
class _Found:
    """A model folder and its card as they were last read."""

    folder: Path
    state: FileState
    card: ModelCard | None
    problem: str


class ServedModel:
    """Answers with the newest published weights of a protocol, without a restart; safe to call from many threads.

    A model that is damaged answers nothing: an earlier one in its place would answer otherwise than the person who
    published the newer one expects. The refusal names the newest earlier version that is whole, and how to go back.

    A graph for onnxruntime takes up to minutes to make: another process makes it, and torch answers until it is there.

    Args:
        protocol: the served protocol.
        model_root: folder of the models that training publishes; they win.
        pretrained_root: folder of the shipped models.
        runtime: what runs the network.
    """

    def __init__(self, protocol: Protocol, model_root: Path, pretrained_root: Path, runtime: Runtime = "torch") -> None:
        self.protocol, self.runtime = protocol, runtime
        self.roots = (model_root, pretrained_root)
        self._lock = threading.Lock()
        self._found: _Found | None = None
        self._loaded: tuple[Signature, Predictor] | None = None
        self._broken: tuple[Signature, str] | None = None

    def is_ready(self) -> bool:
        """Returns whether there are weights that answer this protocol."""
        try:
            self.card()
        except ConflictError:
            return False
        return True

    def problem(self) -> str | None:
        """Tells why the model that was published cannot be used; None if it can, or where there is none."""
        try:
            self.card()
        except NoModelError:
            return None
        except ConflictError as error:
            return str(error)
        return None

    def card(self) -> ModelCard:
        """The card of the current model.

        Raises:
            ConflictError: there is no model, it is damaged, or it was trained for other landmarks.
        """
        return self._look()[2]

    def signature(self) -> Signature:
        """Returns what distinguishes the current model from every other one.

        Raises:
            ConflictError: as :meth:`card`.
        """
        return self._look()[1]

    def weights(self) -> Path | None:
        """The weights file of the current model; None if there is no usable model."""
        if not self.is_ready():
            return None
        folder, _, card = self._look()
        return folder / card.weights

    def predictor(self) -> Predictor:
        """The current model, ready to predict.

        Raises:
            ConflictError: as :meth:`card`, or the weights are damaged.
        """
        with self._lock:
            folder, signature, card = self._look()
            if self._loaded is None or self._loaded[0] != signature:
                runtime: Runtime = "onnx" if self.runtime == "onnx" and has_graph(card) else "torch"
                try:
                    predictor = Predictor.load(folder, self._device(), runtime)
                except InputError as error:
                    raise self._refuse(folder, signature, str(error)) from None
                logger.info("Loaded %s, version %s.", folder, predictor.version)
                if predictor.version != card.version:  # published meanwhile: loaded again by the next request
                    return predictor
                self._loaded = (signature, predictor)
                if runtime != self.runtime:
                    logger.info("%s %s: torch answers until its graph is made.", self.protocol.name, card.version)
                    task = partial(self._make_graph, folder, signature)
                    threading.Thread(target=task, name="graph", daemon=True).start()
            return self._loaded[1]

    def prepare(self) -> None:
        """Loads the current model ahead of the first request, where there is one; a problem is logged."""
        if self.is_ready():
            with contextlib.suppress(ConflictError):  # logged where it was found
                self.predictor()

    def _device(self) -> torch.device:
        return runtime_device("auto", self.runtime)

    def _make_graph(self, folder: Path, signature: Signature) -> None:
        """Makes the graph of the loaded model, which answers from then on; a model that has none is refused."""
        try:
            make_graph(folder)
            predictor = Predictor.load(folder, self._device(), self.runtime)
        except InputError as error:
            with self._lock:
                if self._loaded is not None and self._loaded[0] == signature:
                    self._loaded = None
                    self._refuse(folder, signature, str(error))
            return
        with self._lock:
            if (
                self._loaded is not None
                and self._loaded[0] == signature
                and self._loaded[1].version == predictor.version
            ):
                self._loaded = (signature, predictor)
                logger.info("%s %s: onnxruntime answers from now on.", self.protocol.name, predictor.version)

    def _look(self) -> tuple[Path, Signature, ModelCard]:
        name = self.protocol.name
        folder = find_model(name, *self.roots)
        state = None if folder is None else FileState.of(folder / CARD)
        if folder is None or state is None:
            raise NoModelError(
                f"The protocol {name} has no trained network yet: label images, then train it with POST /train/{name} "
                f"or `monai-landmarks train --protocol {name} --studies DIR`."
            )
        found = self._found
        if found is None or found.state != state:
            found = self._read(folder, state)
            self._found = found
        if found.card is None:
            raise ConflictError(found.problem)
        weights = folder / found.card.weights
        fitted = (path(folder, found.card.version) for path in (calibration_path, familiarity_path))
        signature = Signature(state, FileState.of(weights), *map(FileState.of, fitted))
        broken = self._broken
        if broken is not None and broken[0] == signature:
            raise ConflictError(broken[1])
        if signature.weights is None:
            raise self._refuse(folder, signature, f"The weights {weights} are missing; restore the file.")
        return folder, signature, found.card

    def _read(self, folder: Path, state: FileState) -> _Found:
        try:
            card = read_card(folder)
        except InputError as error:
            return _Found(folder, state, None, self._tell(folder, str(error)))
        if card.protocol.landmark_names == self.protocol.landmark_names:
            return _Found(folder, state, card, "")
        problem = (
            f"The model in {folder} was trained for the landmarks {', '.join(card.protocol.landmark_names)}, which "
            f"are not those of the protocol {self.protocol.name} now; train it again."
        )
        return _Found(folder, state, None, self._tell(folder, problem))

    def _refuse(self, folder: Path, signature: Signature, problem: str) -> ConflictError:
        problem = self._tell(folder, problem)
        self._broken = (signature, problem)
        return ConflictError(problem)

    def _tell(self, folder: Path, problem: str) -> str:
        """The problem with what could be done, which is logged."""
        name = self.protocol.name
        earlier = newest_whole_version(folder, self.protocol.landmark_names)
        current = None if self._found is None or self._found.card is None else self._found.card.version
        if earlier not in (None, current):  # a whole one that the runtime cannot run is no way back
            command = f"monai-landmarks models --models '{folder.parent}' --rollback {name} --to {earlier}"
            problem = f"{problem.rstrip('.')}; or go back to {earlier}: `{command}`."
        logger.warning("The protocol %s is not offered: %s", name, problem)
        return problem

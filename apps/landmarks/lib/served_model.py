"""The model of one protocol as the server uses it: found on disk, loaded once, loaded again when it changed."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import torch

from monai_ext.inferers import Predictor
from monai_ext.landmarks import InputError, Protocol
from monai_ext.networks.model_store import CARD, ModelCard, find_model, read_card

from .errors import ConflictError

logger = logging.getLogger(__name__)

_Signature = tuple[str, int, int]


class ServedModel:
    """Answers with the newest published weights of a protocol, without a restart; safe to call from many threads.

    Args:
        protocol: the served protocol.
        model_root: folder of the models that training publishes; they win.
        pretrained_root: folder of the shipped models.
    """

    def __init__(self, protocol: Protocol, model_root: Path, pretrained_root: Path) -> None:
        self.protocol = protocol
        self.roots = (model_root, pretrained_root)
        self._lock = threading.Lock()
        self._loaded: tuple[_Signature, Predictor] | None = None
        self._card: tuple[_Signature, ModelCard | InputError] | None = None

    def folder(self) -> Path | None:
        """The folder of the current model; None before the first training of a protocol without shipped weights."""
        return find_model(self.protocol.name, *self.roots)

    def is_ready(self) -> bool:
        """Whether there are weights that answer this protocol."""
        return self.folder() is not None and self._problem() is None

    def card(self) -> ModelCard:
        """The card of the current model.

        Raises:
            ConflictError: there is no model, its card is damaged, or it was trained for other landmarks.
        """
        folder = self.folder()
        name = self.protocol.name
        if folder is None:
            raise ConflictError(
                f"The protocol {name} has no trained network yet: label images, then train it with POST /train/{name} "
                f"or `monai-landmarks train --protocol {name} --studies DIR`."
            )
        problem = self._problem()
        if problem is not None:
            raise ConflictError(problem)
        return read_card(folder)

    def predictor(self) -> Predictor:
        """The current model, ready to predict.

        Raises:
            ConflictError: as :meth:`card`, or the weights are damaged.
        """
        self.card()
        with self._lock:
            folder = self.folder()
            signature = None if folder is None else _signature(folder)
            if folder is None or signature is None:
                raise ConflictError(f"The model of the protocol {self.protocol.name} was just removed; train it again.")
            if self._loaded is None or self._loaded[0] != signature:
                try:
                    predictor = Predictor.load(folder, "cuda" if torch.cuda.is_available() else "cpu")
                except InputError as error:
                    raise ConflictError(str(error)) from None
                logger.info("Loaded %s, version %s.", folder, predictor.version)
                self._loaded = (signature, predictor)
            return self._loaded[1]

    def _problem(self) -> str | None:
        """Why the model on disk cannot answer this protocol; None when it can."""
        folder = self.folder()
        signature = None if folder is None else _signature(folder)
        if folder is None or signature is None:
            return f"The model of the protocol {self.protocol.name} was just removed; train it again."
        known = self._card
        if known is None or known[0] != signature:
            known = (signature, _read(folder))
            self._card = known
            if isinstance(known[1], InputError):
                logger.warning("The protocol %s is not offered: %s", self.protocol.name, known[1])
        card = known[1]
        if isinstance(card, InputError):
            return str(card)
        if card.protocol.landmark_names != self.protocol.landmark_names:
            return (
                f"The model in {folder} was trained for the landmarks {', '.join(card.protocol.landmark_names)}, which "
                f"are not those of the protocol {self.protocol.name} now; train it again."
            )
        return None


def _read(folder: Path) -> ModelCard | InputError:
    try:
        return read_card(folder)
    except InputError as error:
        return error


def _signature(folder: Path) -> _Signature | None:
    """Changes with every published version."""
    try:
        stat = (folder / CARD).stat()
    except FileNotFoundError:
        return None
    return str(folder), stat.st_mtime_ns, stat.st_ino

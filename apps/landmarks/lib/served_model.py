"""The model of one protocol as the server uses it: found on disk, loaded once, loaded again when it changed."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from pathlib import Path

from monai_ext.inferers import Predictor
from monai_ext.landmarks import InputError, Protocol
from monai_ext.networks.device import find_device
from monai_ext.networks.model_store import CARD, ModelCard, find_model, read_card

from .errors import ConflictError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _OnDisk:
    """A model folder as it was found: the signature changes with every published version."""

    signature: tuple[str, int, int]
    card: ModelCard | None
    problem: str


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
        self._on_disk: _OnDisk | None = None
        self._loaded: tuple[tuple[str, int, int], Predictor] | None = None

    def is_ready(self) -> bool:
        """Whether there are weights that answer this protocol."""
        try:
            self.card()
        except ConflictError:
            return False
        return True

    def card(self) -> ModelCard:
        """The card of the current model.

        Raises:
            ConflictError: there is no model, its card is damaged, or it was trained for other landmarks.
        """
        return self._look()[2]

    def weights(self) -> Path | None:
        """The weights file of the current model; None where there is no usable model."""
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
            folder, signature, _ = self._look()
            if self._loaded is None or self._loaded[0] != signature:
                try:
                    predictor = Predictor.load(folder, find_device("auto"))
                except InputError as error:
                    raise ConflictError(str(error)) from None
                logger.info("Loaded %s, version %s.", folder, predictor.version)
                self._loaded = (signature, predictor)
            return self._loaded[1]

    def _look(self) -> tuple[Path, tuple[str, int, int], ModelCard]:
        name = self.protocol.name
        folder = find_model(name, *self.roots)
        signature = None if folder is None else _signature(folder)
        if folder is None or signature is None:
            raise ConflictError(
                f"The protocol {name} has no trained network yet: label images, then train it with POST /train/{name} "
                f"or `monai-landmarks train --protocol {name} --studies DIR`."
            )
        known = self._on_disk
        if known is None or known.signature != signature:
            known = self._read(folder, signature)
            self._on_disk = known
        if known.card is None:
            raise ConflictError(known.problem)
        return folder, signature, known.card

    def _read(self, folder: Path, signature: tuple[str, int, int]) -> _OnDisk:
        try:
            card = read_card(folder)
        except InputError as error:
            logger.warning("The protocol %s is not offered: %s", self.protocol.name, error)
            return _OnDisk(signature, None, str(error))
        if card.protocol.landmark_names == self.protocol.landmark_names:
            return _OnDisk(signature, card, "")
        problem = (
            f"The model in {folder} was trained for the landmarks {', '.join(card.protocol.landmark_names)}, which "
            f"are not those of the protocol {self.protocol.name} now; train it again."
        )
        logger.warning("The protocol %s is not offered: %s", self.protocol.name, problem)
        return _OnDisk(signature, None, problem)


def _signature(folder: Path) -> tuple[str, int, int] | None:
    try:
        stat = (folder / CARD).stat()
    except FileNotFoundError:
        return None
    return str(folder), stat.st_mtime_ns, stat.st_ino

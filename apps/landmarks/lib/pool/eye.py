"""The current model of a protocol, as images are looked at in the background, and those who see the same."""

from __future__ import annotations

import copy
import itertools
import math
from pathlib import Path
from typing import NamedTuple, Protocol

import torch
from torch import nn

from monai_ext.active import Observer, Predictions, find_measure, image_score
from monai_ext.images import read_frame
from monai_ext.inferers import Predictor
from monai_ext.landmarks import FloatArray, Landmarks, ModelError

from ..served_model import ServedModel, Signature
from .score_table import Origin

#: Digits of the SHA-256 that identify the weights of a model.
_DIGITS = 12


class Sight(NamedTuple):
    """Points that the current model of a protocol found in one image of the studies.

    Attributes:
        protocol: the name of the protocol.
        image: the ID of the image.
        path: its file.
        model_version: of the model.
        names: of the K landmarks.
        predictions: of this one image, B = 1.
        score: how unsure the model is of the image.
    """

    protocol: str
    image: str
    path: Path
    model_version: str
    names: tuple[str, ...]
    predictions: Predictions
    score: float

    def landmarks(self) -> Landmarks:
        """The found points in the frame of the image, as a prediction answers them.

        Raises:
            InputError: the image cannot be read any more.
        """
        return self.predictions.landmarks(self.names, read_frame(self.path))


class Looker(Protocol):
    """Something that wants to see what the background thread sees; ``pool.add_looker(looker)`` adds it.

    One after the other, the images are looked at that have no score of the current model or whose file changed, and
    those that a looker wants. Each is shown to all lookers. Images with a final label are looked at too, after those
    that wait for one. Where nothing has asked for a protocol yet, :meth:`ImagePool.ask` does.

    Example:
        >>> class Flags:
        ...     def __init__(self) -> None:
        ...         self.seen: dict[tuple[str, str], str] = {}
        ...     def wants(self, protocol: str, image: str, model_version: str) -> bool:
        ...         return self.seen.get((protocol, image)) != model_version
        ...     def look(self, sight: Sight) -> None:
        ...         self.seen[sight.protocol, sight.image] = sight.model_version
        >>> pool.add_looker(Flags())  # doctest: +SKIP
        >>> pool.ask("fundus")        # doctest: +SKIP
    """

    def wants(self, protocol: str, image: str, model_version: str) -> bool:
        """Returns whether it has to see an image although its score is up to date.

        Asked of every image whenever there may be work, in the background thread: answered from memory. What
        changes the answer, e.g. a saved label, calls :meth:`ImagePool.wake`.
        """

    def look(self, sight: Sight) -> None:
        """Takes what the model found in an image, in the background thread; what it raises is logged."""


class Eye:
    """Looks at one image at a time.

    Args:
        model: the served model; its weights are shared, not copied.
        measure: the name of a measure of uncertainty.

    Raises:
        ConflictError: there is no model, or it is damaged.
        InputError: the model cannot have the measure.
    """

    def __init__(self, model: ServedModel, measure: str) -> None:
        self.signature: Signature = model.signature()
        served = model.predictor()
        predictor = Predictor(shared_copy(served.network), served.card, served.device, served.calibration)
        self._protocol = served.protocol
        self._measure = find_measure(measure, served.protocol, predictor.network)
        sources = () if self._measure.source is None else (self._measure.source,)
        self._observer = Observer([predictor], sources, features=True, batch_size=1)
        self.origin = Origin(served.version, served.card.sha256[:_DIGITS], measure)

    def look(self, image: str, path: Path) -> tuple[Sight, FloatArray]:
        """Returns what is found in an image file, and its (F,) features.

        Raises:
            InputError: the image cannot be read.
            ModelError: the network's values are not finite.
        """
        predictions = self._observer.observe([path])
        assert predictions.features is not None
        score = float(image_score(self._measure.compute(predictions), predictions.status)[0])
        found = predictions.points, predictions.features
        if not math.isfinite(score) or not all(bool(torch.isfinite(values).all()) for values in found):
            raise ModelError(
                f"The model {self._protocol.name} {self.origin.model_version} answers {path.name} with values that "
                "are not finite: its weights are damaged; train it again, or go back to an earlier version."
            )
        sight = Sight(
            self._protocol.name,
            image,
            path,
            self.origin.model_version,
            self._protocol.landmark_names,
            predictions,
            score,
        )
        return sight, predictions.features[0].cpu().numpy()


def shared_copy(network: nn.Module) -> nn.Module:
    """A network of its own with the weights of another one.

    Predictions that run meanwhile neither see what is hooked into it nor which of its layers drop units.
    """
    tensors = itertools.chain(network.parameters(), network.buffers())
    return copy.deepcopy(network, {id(tensor): tensor for tensor in tensors})

"""The current model of a protocol, as the background worker looks through it."""

from __future__ import annotations

import copy
import itertools
import math
from pathlib import Path

import torch
from torch import nn

from monai_ext.active import Observer, find_measure, image_score
from monai_ext.inferers import Predictor
from monai_ext.landmarks.errors import ModelError
from monai_ext.landmarks.geometry import FloatArray

from ..served_model import ServedModel, Signature
from .score_table import Origin
from .sight import Sight

#: So many digits of their SHA-256 tell the weights of a model from all others.
_DIGITS = 12


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
        predictor = Predictor(shared_copy(served.network), served.card, served.device)
        self._protocol = served.protocol
        self._measure = find_measure(measure, served.protocol, predictor.network)
        sources = () if self._measure.source is None else (self._measure.source,)
        self._observer = Observer([predictor], sources, features=True, batch_size=1)
        self.origin = Origin(served.version, served.card.sha256[:_DIGITS], measure)

    def look(self, image: str, path: Path) -> tuple[Sight, FloatArray]:
        """What is found in an image file, and its (F,) features.

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

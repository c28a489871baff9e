"""A trained model that finds the landmarks of image files, shared by the command line and the server."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from monai_ext.images import StatedSize, with_size
from monai_ext.landmarks import Decoder, FloatArray, Frame, Landmarks, ModelError, Protocol, input_errors_unwrapped
from monai_ext.models import (
    Calibration,
    Familiarity,
    ModelCard,
    Unfamiliar,
    answer_radii,
    load_network,
    read_calibration,
    read_familiarity,
)
from monai_ext.networks import FeatureTap, LandmarkNetwork, NetworkOutput, encoder_features, is_finite
from monai_ext.transforms import inference_transforms

from .read_output import ImageBatch, Predictions, batch_of, read_output
from .runtime import Runtime, onnx_network
from .uncertainty import Uncertainty, uncertainty_of


class Answer(NamedTuple):
    """The landmarks of one image.

    Attributes:
        landmarks: of the network.
        coarse: (K, 2) original pixels that the coarse stage alone would answer, or None if there is one stage.
        uncertainty: how unsure the network is.
        radius: (K,) how far each point may be off, in the unit of the image; NaN where that is not known, as of a
            landmark that is missing or was not calibrated.
        coverage: the probability that a true point lies within its radius; None if the model is not calibrated.
        unfamiliar: how unlike the training images the image is, where it is; None also if the model has no familiarity.
    """

    landmarks: Landmarks
    coarse: FloatArray | None
    uncertainty: Uncertainty
    radius: FloatArray
    coverage: float | None
    unfamiliar: Unfamiliar | None = None


class Predictor:
    """A trained network with its protocol, ready to predict.

    Args:
        network: in evaluation mode; moved to the device.
        card: the card of the model.
        device: where to run.
        calibration: of this version of the model, or None.
        familiarity: what this version knows of images like those of its training, or None: then none is unfamiliar.
        runtime: what makes the answers; ``onnx`` makes a graph of the network at first, which is kept.

    Raises:
        InputError: the runtime is not installed, does not use the device, or cannot run the network.

    Examples:
        >>> predictor = Predictor.load(Path("apps/landmarks/pretrained/fundus"))  # doctest: +SKIP
        >>> predictor.predict(Path("photograph.png")).point("fovea")              # doctest: +SKIP
        array([301.2, 188.7])
    """

    def __init__(
        self,
        network: nn.Module,
        card: ModelCard,
        device: str | torch.device = "cpu",
        calibration: Calibration | None = None,
        familiarity: Familiarity | None = None,
        runtime: Runtime = "torch",
    ) -> None:
        self.card, self.calibration, self.familiarity, self.runtime = card, calibration, familiarity, runtime
        self.device = torch.device(device)
        fitted = None if calibration is None else calibration.presence
        #: (K,) probabilities from which on a landmark is present, float64; None takes one half for all.
        self.threshold = None if fitted is None else torch.from_numpy(fitted.filled()).to(self.device)
        self.network = network.eval().to(self.device)
        self._onnx = onnx_network(self.network, card, self.device) if runtime == "onnx" else None
        self._transforms = inference_transforms(card.protocol)

    @classmethod
    def load(cls, folder: Path, device: str | torch.device = "cpu", runtime: Runtime = "torch") -> Predictor:
        """Loads a model folder with the calibration and the familiarity that lie beside its weights, if any.

        Raises:
            InputError: there is no model, one of the files is damaged, or the runtime cannot run it.
        """
        folder = Path(folder)
        network, card = load_network(folder)
        calibration = read_calibration(folder, card.version, card.protocol.landmark_names, card.sha256)
        familiarity = read_familiarity(folder, card.version, card.sha256)
        return cls(network, card, device, calibration, familiarity, runtime)

    @property
    def protocol(self) -> Protocol:
        """The protocol that the model was trained for."""
        return self.card.protocol

    @property
    def version(self) -> str:
        """The version of the model."""
        return self.card.version

    def predict(self, path: str | Path) -> Landmarks:
        """The landmarks of one image file, in its original pixels and frame.

        Raises:
            InputError: the image cannot be read.
        """
        return self.predict_stages(path).landmarks

    def predict_stages(
        self, path: str | Path, check: Callable[[], None] = lambda: None, size: StatedSize | None = None
    ) -> Answer:
        """The same with the uncertainty, the radii, and the points of the coarse stage.

        Args:
            path: the image file.
            check: called between reading the image and the network; what it raises ends the prediction.
            size: of a pixel, in the place of the one that the image has.

        Raises:
            InputError: the image cannot be read.
        """
        own = self.protocol.network.decoder
        return self.predict_decoders(path, (own,), check, size)[own]

    @torch.inference_mode()
    def predict_decoders(
        self,
        path: str | Path,
        decoders: Sequence[Decoder],
        check: Callable[[], None] = lambda: None,
        size: StatedSize | None = None,
    ) -> dict[Decoder, Answer]:
        """The answers that several decoders read off the heatmaps of one forward pass.

        Args:
            path: the image file.
            decoders: which to use.
            check: called between reading the image and the network; what it raises ends the prediction.
            size: of a pixel, in the place of the one that the image has.

        Raises:
            InputError: the image cannot be read.
            ModelError: the network's values are not finite.
        """
        with input_errors_unwrapped():
            sample = self._transforms({"image": str(path)})
        if size is not None:
            sample["frame"] = with_size(sample["frame"], size)
        check()
        batch = batch_of([sample], self.device)
        output, features = self._run(batch.image)
        if not bool(is_finite(output)):
            raise ModelError(
                f"The model {self.protocol.name} {self.version} answers {Path(path).name} with values that are not "
                "finite: its weights are damaged; train it again, or go back to an earlier version."
            )
        unfamiliar = None
        if features is not None and self.familiarity is not None:
            unfamiliar = self.familiarity.judge(features.cpu().numpy())
        return {
            decoder: self._answer(decoder, output, batch, sample["frame"])._replace(unfamiliar=unfamiliar)
            for decoder in decoders
        }

    def _run(self, image: torch.Tensor) -> tuple[NetworkOutput, torch.Tensor | None]:
        """The network's output and, if the model can interpret them, (B, F) features of its encoder."""
        if self._onnx is None:
            with self._tap() as tap:
                output = self.network(image)
            return output, None if tap is None else tap.all_features
        if self.familiarity is None:
            return self._onnx(image), None
        assert isinstance(self.network, LandmarkNetwork)
        return self._onnx(image), encoder_features(self.network, image, all_maps=True)

    def _tap(self) -> AbstractContextManager[FeatureTap | None]:
        """Keeps the features of the next pass, if the model can interpret them."""
        if self.familiarity is None:
            return nullcontext()
        assert isinstance(self.network, LandmarkNetwork)
        return FeatureTap(self.network)

    def _answer(self, decoder: Decoder, output: NetworkOutput, batch: ImageBatch, frame: Frame) -> Answer:
        found = read_output(output, batch, self.protocol, self.threshold, decoder)
        landmarks = found.landmarks(self.protocol.landmark_names, frame)
        uncertainty = uncertainty_of(found)
        radius, coverage = np.full(len(landmarks), np.nan), None
        if decoder == self.protocol.network.decoder:  # another decoder makes other errors
            radius, coverage = self.radius(landmarks, found, uncertainty)
        coarse = None if found.coarse is None else found.coarse[0].cpu().numpy()
        return Answer(landmarks, coarse, uncertainty, radius, coverage)

    def radius(
        self, landmarks: Landmarks, found: Predictions, uncertainty: Uncertainty
    ) -> tuple[FloatArray, float | None]:
        """(K,) how far each point of an image may be off and with which probability it is not, as in :class:`Answer`.

        Args:
            landmarks: what the network found with the decoder of its protocol.
            found: the same, the one image of its batch.
            uncertainty: of the same (see :func:`~monai_ext.inferers.uncertainty_of`).
        """
        calibrated = None if self.calibration is None else self.calibration.answered
        if calibrated is None:
            return np.full(len(landmarks), np.nan), None
        shown = math.nan if found.shown is None else float(found.shown[0])
        radii = answer_radii(calibrated, uncertainty.landmarks, landmarks.frame, shown)
        return np.where(landmarks.defined, radii, np.nan), calibrated.coverage

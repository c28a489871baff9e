"""One image file in, landmarks out: the trained model that the command line and the server share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from monai_ext.landmarks import Frame, Landmarks, Protocol
from monai_ext.landmarks.errors import ModelError, input_errors_unwrapped
from monai_ext.landmarks.geometry import FloatArray
from monai_ext.landmarks.network_config import Decoder
from monai_ext.networks.model_store import ModelCard, load_network
from monai_ext.networks.output import is_finite
from monai_ext.transforms.pipeline import inference_transforms

from .decode_output import Prediction, decode_output


class Answer(NamedTuple):
    """The landmarks of one image.

    Attributes:
        landmarks: what the network answers.
        coarse: (K, 2) original pixels that the coarse stage alone would answer, or None where there is one stage.
    """

    landmarks: Landmarks
    coarse: FloatArray | None


class Predictor:
    """A trained network with its protocol, ready to predict.

    Args:
        network: in evaluation mode; moved to the device.
        card: the card of the model.
        device: where to run.

    Example:
        >>> predictor = Predictor.load(Path("apps/landmarks/pretrained/fundus"))  # doctest: +SKIP
        >>> predictor.predict(Path("photograph.png")).point("fovea")              # doctest: +SKIP
        array([301.2, 188.7])
    """

    def __init__(self, network: nn.Module, card: ModelCard, device: str | torch.device = "cpu") -> None:
        self.card = card
        self.device = torch.device(device)
        self.network = network.eval().to(self.device)
        self._transforms = inference_transforms(card.protocol)

    @classmethod
    def load(cls, folder: Path, device: str | torch.device = "cpu") -> Predictor:
        """Loads a model folder.

        Raises:
            InputError: there is no model, or it is damaged.
        """
        network, card = load_network(Path(folder))
        return cls(network, card, device)

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

    def predict_stages(self, path: str | Path, check: Callable[[], None] = lambda: None) -> Answer:
        """The same with what the stages before the last one found.

        Args:
            path: the image file.
            check: called between reading the image and the network; what it raises ends the prediction.

        Raises:
            InputError: the image cannot be read.
        """
        own = self.protocol.network.decoder
        return self.predict_decoders(path, (own,), check)[own]

    @torch.inference_mode()
    def predict_decoders(
        self, path: str | Path, decoders: Sequence[Decoder], check: Callable[[], None] = lambda: None
    ) -> dict[Decoder, Answer]:
        """What each of several decoders reads off the heatmaps of one forward pass.

        Args:
            path: the image file.
            decoders: which to use.
            check: called between reading the image and the network; what it raises ends the prediction.

        Raises:
            InputError: the image cannot be read.
            ModelError: the network's values are not finite.
        """
        with input_errors_unwrapped():
            sample = self._transforms({"image": str(path)})
        check()
        size = torch.tensor([sample["frame"].size], device=self.device)
        image = torch.as_tensor(sample["image"]).as_subclass(torch.Tensor)[None].to(self.device)
        matrix = torch.as_tensor(sample["matrix"])[None].to(self.device)
        output = self.network(image)
        if not bool(is_finite(output)):
            raise ModelError(
                f"The model {self.protocol.name} {self.version} answers {Path(path).name} with values that are not "
                "finite: its weights are damaged; train it again, or go back to an earlier version."
            )
        answers: dict[Decoder, Answer] = {}
        for decoder in decoders:
            network = self.protocol.network.model_copy(update={"decoder": decoder})
            protocol = self.protocol.model_copy(update={"network": network})
            answers[decoder] = self._answer(decode_output(output, matrix, size, protocol), sample["frame"])
        return answers

    def _answer(self, prediction: Prediction, frame: Frame) -> Answer:
        landmarks = Landmarks(
            self.protocol.landmark_names,
            prediction.points[0].cpu().numpy(),
            frame,
            prediction.status[0].cpu().numpy(),
            prediction.confidence[0].cpu().numpy(),
        )
        return Answer(landmarks, None if prediction.coarse is None else prediction.coarse[0].cpu().numpy())

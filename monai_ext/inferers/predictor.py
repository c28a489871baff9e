"""One image file in, landmarks out: the trained model that the command line and the server share."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from monai_ext.landmarks import Landmarks, Protocol
from monai_ext.landmarks.errors import input_errors_unwrapped
from monai_ext.networks.model_store import ModelCard, load_network
from monai_ext.transforms.pipeline import inference_transforms

from .decode_output import decode_output


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

    @torch.inference_mode()
    def predict(self, path: str | Path) -> Landmarks:
        """The landmarks of one image file, in its original pixels and frame.

        Raises:
            InputError: the image cannot be read.
        """
        with input_errors_unwrapped():
            sample = self._transforms({"image": str(path)})
        size = torch.tensor([sample["frame"].size], device=self.device)
        image = torch.as_tensor(sample["image"]).as_subclass(torch.Tensor)[None].to(self.device)
        matrix = torch.as_tensor(sample["matrix"])[None].to(self.device)
        points, status, confidence = decode_output(self.network(image), matrix, size, self.protocol)
        return Landmarks(
            self.protocol.landmark_names,
            points[0].cpu().numpy(),
            sample["frame"],
            status[0].cpu().numpy(),
            confidence[0].cpu().numpy(),
        )

"""Image files and label files of a protocol, brought onto the scale on which features are matched, and back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from monai_ext.landmarks import (
    Frame,
    HeatmapNetConfig,
    Landmarks,
    Protocol,
    Size,
    input_errors_unwrapped,
    input_size,
    transform_points,
)
from monai_ext.transforms import inference_transforms, to_original, validation_transforms

from .features import FeatureEncoder, Seen
from .first_labels import FirstLabels, LabelledView, Proposal


class FileMatcher:
    """Reads the images of a protocol for :class:`FirstLabels`, in the shape of its network's input.

    Args:
        protocol: the landmark task. Mirror images are matched too where its training flips images.
        device: where the encoder runs.

    Raises:
        InputError: the encoder's weights are not installed, or damaged.
    """

    def __init__(self, protocol: Protocol, device: str | torch.device = "cpu") -> None:
        network = protocol.network
        width, height = input_size([network.fitted_size.wh], enlarge=True)
        scale = HeatmapNetConfig(input_size=Size(width=width, height=height), field_of_view=network.field_of_view)
        fitted = protocol.model_copy(update={"network": scale})
        self.protocol = protocol
        self._flips = protocol.recipe.augmentation.flip > 0
        self._labelled, self._alone = validation_transforms(fitted), inference_transforms(fitted)
        self._encoder = FeatureEncoder(protocol.num_channels, device)

    def labelled(self, image: Path, label: Path) -> LabelledView:
        """A labelled image.

        Raises:
            InputError: one of the files cannot be read.
        """
        with input_errors_unwrapped():
            sample = self._labelled({"image": str(image), "label": str(label)})
        mirrored = None
        if self._flips:
            left, top, right, bottom = _inside(sample)
            last = sample["image"].shape[-1] - 1.0
            mirrored = self._encoder.see(sample["image"].flip(-1), (last - right, top, last - left, bottom))
        return LabelledView(self._see(sample), mirrored, sample["points"].double(), sample["status"])

    def first_labels(self, views: Sequence[LabelledView]) -> FirstLabels:
        """Makes a finder of the landmarks of some labelled images.

        Raises:
            InputError: as :class:`FirstLabels`.
        """
        return FirstLabels(views, self.protocol.swap)

    def propose(self, first: FirstLabels, image: Path) -> tuple[Landmarks, Proposal]:
        """Landmarks that labelled images propose for another one, in its original pixels and frame.

        Args:
            first: made of the labelled images.
            image: the file of the other one.

        Raises:
            InputError: the image cannot be read.
        """
        with input_errors_unwrapped():
            sample = self._alone({"image": str(image)})
        proposal = first.propose(self._see(sample))
        frame: Frame = sample["frame"]
        points = to_original(proposal.points, sample["matrix"]).numpy()
        points = np.clip(points, 0.0, np.array(frame.size) - 1.0)
        names = self.protocol.landmark_names
        return Landmarks(names, points, frame, proposal.status.numpy(), proposal.confidence.numpy()), proposal

    def _see(self, sample: dict[Any, Any]) -> Seen:
        return self._encoder.see(sample["image"], _inside(sample))


def _inside(sample: dict[Any, Any]) -> tuple[float, float, float, float]:
    """The left, top, right and bottom of a fitted image within the network's input."""
    height, width = sample["image"].shape[-2:]
    frame: Frame = sample["frame"]
    corners = np.array([[-0.5, -0.5], [frame.width - 0.5, frame.height - 0.5]])
    low, high = transform_points(sample["matrix"].numpy(), corners).tolist()
    return max(low[0], -0.5), max(low[1], -0.5), min(high[0], width - 0.5), min(high[1], height - 0.5)

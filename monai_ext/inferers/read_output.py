"""From image files to a batch, and from a network's output to points, status, confidence and what measures look at.

Shapes: B images, K landmarks, (h, w) cells of a heatmap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import torch

from monai_ext.landmarks import (
    Decoder,
    Frame,
    InputError,
    Landmarks,
    Protocol,
    Status,
    input_errors_unwrapped,
    transform_points,
)
from monai_ext.models import PRESENCE_THRESHOLD, RadiusUnit
from monai_ext.networks import NetworkOutput, Stage
from monai_ext.transforms import activate, decode_heatmap, inference_transforms, to_original

#: Half the side of the window that a peak is decoded in, in sigmas of the target: softmax maps are broader than it.
WINDOW_SIGMAS = 3.0
#: The stage of a network of several stages that looks at the whole image.
COARSE = "coarse"
#: What makes several answers for one image: the image changed and changed back, a network that drops units at random,
#: or several networks.
Source = Literal["augmentation", "dropout", "ensemble"]
SOURCES: tuple[Source, ...] = get_args(Source)


class ImageBatch(NamedTuple):
    """Images as a network takes them.

    Attributes:
        image: (B, C, H, W).
        matrix: (B, 3, 3) maps from original to network-input pixels.
        size: (B, 2) width and height of the original images.
        pixel_length: (B, 2) length of an original pixel along (x, y) in millimetres; 1 where not calibrated. None
            where no image is.
        calibrated: (B,) whether those are millimetres.
    """

    image: torch.Tensor
    matrix: torch.Tensor
    size: torch.Tensor
    pixel_length: torch.Tensor | None = None
    calibrated: torch.Tensor | None = None


class Predictions(NamedTuple):
    """Landmarks that were found in B images, with all that a measure of uncertainty may look at.

    Attributes:
        points: (B, K, 2) pixels (x, y) of the original images, float64; the likeliest place also where missing.
        status: (B, K) int8 codes of Status, defined or missing.
        confidence: (B, K) in [0, 1], of the place where defined and of the absence where missing.
        heatmaps: (B, K, h, w) of the answering stage, of amplitude 1 where the network is sure.
        cells: (B, K, 2) the points in cells of their heatmaps.
        linear: (B, K, 2, 2) the step in pixels of the original image that a step in cells makes, float64.
        radius: half the side of the window in cells that a peak is fitted in.
        pixel_length: (B, 2) length of an original pixel along (x, y) in millimetres; 1 where not calibrated.
        calibrated: (B,) whether those are millimetres.
        presence: (B, K) probability of the landmark being in the image, or None if the network does not predict it.
        first: (B, K, 2) points of the first stage in original pixels, or None if there is one stage.
        first_stage: the name of that stage.
        samples: (S, B, K, 2) points in original pixels that S passes found, by what made them differ.
        features: (B, F) of the encoder, or None if they were not asked for.
        shown: (B,) width in pixels of the original image of what the network input shows, float64; None if unknown.
    """

    points: torch.Tensor
    status: torch.Tensor
    confidence: torch.Tensor
    heatmaps: torch.Tensor
    cells: torch.Tensor
    linear: torch.Tensor
    radius: int
    pixel_length: torch.Tensor
    calibrated: torch.Tensor
    presence: torch.Tensor | None = None
    first: torch.Tensor | None = None
    first_stage: str = ""
    samples: Mapping[Source, torch.Tensor] = {}
    features: torch.Tensor | None = None
    shown: torch.Tensor | None = None

    @property
    def coarse(self) -> torch.Tensor | None:
        """(B, K, 2) the points of the coarse stage alone; None if the network has none."""
        return self.first if self.first_stage == COARSE else None

    def landmarks(self, names: Sequence[str], frame: Frame) -> Landmarks:
        """The K landmarks of the one image in a batch, which has that frame."""
        points, status, confidence = (part[0].cpu().numpy() for part in (self.points, self.status, self.confidence))
        return Landmarks(names, points, frame, status, confidence)

    def lengths(self, unit: RadiusUnit) -> torch.Tensor:
        """(B, 1, 2) factors from a step in (x, y) of original pixels to the unit.

        Raises:
            InputError: millimetres of an image without calibration.
        """
        if unit == "px":
            return torch.ones_like(self.pixel_length)[:, None]
        if unit == "%":
            assert self.shown is not None
            return (100 / self.shown)[:, None, None].expand(-1, 1, 2).to(self.pixel_length)
        if not bool(self.calibrated.all()):
            raise InputError(
                "An uncertainty in mm needs images of known pixel size, but at least one image has none: use px."
            )
        return self.pixel_length[:, None]


def load_batch(paths: Sequence[Path], protocol: Protocol, device: torch.device) -> ImageBatch:
    """Prepares image files as the protocol says.

    Raises:
        InputError: an image cannot be read.
    """
    transforms = inference_transforms(protocol)
    with input_errors_unwrapped():
        samples = [transforms({"image": str(path)}) for path in paths]
    return batch_of(samples, device)


def batch_of(samples: Sequence[Mapping[str, Any]], device: torch.device) -> ImageBatch:
    """Puts images that :func:`~monai_ext.transforms.pipeline.inference_transforms` prepared on a device."""
    frames = [sample["frame"] for sample in samples]
    return ImageBatch(
        torch.stack([torch.as_tensor(sample["image"]).as_subclass(torch.Tensor) for sample in samples]).to(device),
        torch.stack([torch.as_tensor(sample["matrix"]) for sample in samples]).double().to(device),
        torch.tensor([frame.size for frame in frames], device=device),
        torch.stack([torch.from_numpy(frame.scale) for frame in frames]).to(device),
        torch.tensor([frame.spacing is not None for frame in frames], device=device),
    )


def read_output(
    output: NetworkOutput,
    batch: ImageBatch,
    protocol: Protocol,
    threshold: torch.Tensor | None = None,
    decoder: Decoder | None = None,
) -> Predictions:
    """Decodes a network's output, batched and on its device.

    Args:
        output: the heatmaps, of which the last stage answers, and presence logits (B, K) or None.
        batch: that the network saw; a peak in the letterbox beside an image answers the nearest point of the image.
        protocol: names the decoder, the loss that the heatmaps were trained with, and their sigma.
        threshold: (K,) probabilities of presence from which on a landmark is defined, float64; None takes one half.
        decoder: in the place of the protocol's.
    """
    decoder = decoder or protocol.network.decoder
    matrix, last, first = batch.matrix.double(), output.stages[-1], output.stages[0]
    heatmaps, points, confidence = _points(last, batch, protocol, decoder)
    presence = None if output.presence is None else output.presence.float().sigmoid()
    status = torch.full(points.shape[:2], int(Status.DEFINED), dtype=torch.int8, device=points.device)
    if presence is not None:
        # a threshold in the middle of two neighbouring float32 numbers is neither of them
        defined = presence >= PRESENCE_THRESHOLD if threshold is None else presence.double() >= threshold
        status = torch.where(defined, int(Status.DEFINED), int(Status.MISSING)).to(torch.int8)
        confidence = torch.where(defined, confidence * presence, 1 - presence)
    several = len(output.stages) > 1
    ones = torch.ones(len(points), 2, dtype=torch.float64, device=points.device)
    return Predictions(
        points=points,
        status=status,
        confidence=confidence,
        heatmaps=heatmaps,
        cells=last.frame.from_image(transform_points(matrix, points)),
        linear=_linear(last, matrix),
        radius=_window(protocol),
        pixel_length=ones if batch.pixel_length is None else batch.pixel_length,
        calibrated=torch.zeros_like(ones[:, 0], dtype=torch.bool) if batch.calibrated is None else batch.calibrated,
        presence=presence,
        first=_points(first, batch, protocol, decoder)[1] if several else None,
        first_stage=first.name if several else "",
        shown=batch.image.shape[-1] / torch.linalg.det(matrix[:, :2, :2]).abs().sqrt(),
    )


def _points(
    stage: Stage, batch: ImageBatch, protocol: Protocol, decoder: Decoder
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(B, K, h, w) heatmaps as the loss means them, (B, K, 2) points on the original images, (B, K) heights."""
    heatmaps = activate(stage.heatmaps.float(), protocol.recipe.loss, protocol.network.sigma)
    decoded = decode_heatmap(heatmaps, decoder, radius=_window(protocol))
    points = to_original(stage.frame.to_image(decoded.points.double()), batch.matrix.double())
    points = torch.minimum(points.clamp(min=-0.5), batch.size[:, None].to(points) - 0.5)
    return heatmaps, points, decoded.confidence


def _window(protocol: Protocol) -> int:
    return max(2, round(WINDOW_SIGMAS * protocol.network.sigma))


def _linear(stage: Stage, matrix: torch.Tensor) -> torch.Tensor:
    """(B, K, 2, 2) a step in cells of a stage in original pixels; its columns are the images of (1, 0) and (0, 1)."""
    shape = (*stage.heatmaps.shape[:2], 2)
    corner = torch.zeros(shape, dtype=torch.float64, device=matrix.device)
    place = stage.frame.to_image(corner)
    across, down = (stage.frame.to_image(corner + corner.new_tensor(step)) - place for step in ((1, 0), (0, 1)))
    inverse = torch.linalg.inv_ex(matrix[:, :2, :2]).inverse
    return inverse[:, None] @ torch.stack([across, down], -1).double()

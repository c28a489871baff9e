"""Base of the heatmap losses, which draw their targets from points and count by status, and their registration."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from importlib import import_module
from typing import ClassVar, TypeVar

import torch
from torch import nn

from monai_ext.landmarks import LOSSES, InputError, Meaning, Status
from monai_ext.transforms import Sigma, gaussian_heatmap, inside


class HeatmapLoss(nn.Module, ABC):
    """A loss of raw heatmap outputs against points, computed in float32 also under autocast.

    A defined point off the image (or not finite) has no pixel that could be right: it counts as not annotated.

    Args:
        sigma: standard deviation of the target in heatmap pixels; see :data:`monai_ext.transforms.heatmap.Sigma`.

    Raises:
        InputError: sigma is not positive.
    """

    #: Weight that brings a presence term of this loss's training to a comparable scale.
    presence_weight: ClassVar[float]
    #: Meaning of the outputs that it trains.
    meaning: ClassVar[Meaning] = "heatmap"

    def __init__(self, sigma: Sigma = 2.0) -> None:
        super().__init__()
        values = torch.as_tensor(sigma, dtype=torch.float32)
        if not bool((values > 0).all() & values.isfinite().all()):
            raise InputError(f"A sigma must be a positive number of pixels, not {sigma}.")
        self.register_buffer("sigma", values, persistent=False)
        self.sigma: torch.Tensor

    def forward(self, outputs: torch.Tensor, points: torch.Tensor, status: torch.Tensor) -> torch.Tensor:
        """The loss, a scalar; 0 with a gradient of 0 where nothing counts.

        Args:
            outputs: (B, K, H, W) raw network output.
            points: (B, K, 2) points (x, y) in heatmap pixels; ignored where not defined, NaN allowed there.
            status: (B, K) codes of Status.
        """
        if outputs.ndim != 4 or points.shape != (*outputs.shape[:2], 2) or status.shape != outputs.shape[:2]:
            raise InputError(
                "A heatmap loss needs outputs (B, K, H, W), points (B, K, 2) and status (B, K), "
                f"not {tuple(outputs.shape)}, {tuple(points.shape)} and {tuple(status.shape)}."
            )
        with torch.autocast(outputs.device.type, enabled=False):
            seen = status_in_view(points.float(), status, outputs.shape[2:])
            return self.compute(outputs.float(), points.float(), seen)

    def compute(self, outputs: torch.Tensor, points: torch.Tensor, status: torch.Tensor) -> torch.Tensor:
        """The loss of float32 arguments whose defined points all lie on the map."""
        return self.compare(outputs, gaussian_heatmap(points, outputs.shape[2:], self.sigma, status), status)

    @abstractmethod
    def compare(self, prediction: torch.Tensor, target: torch.Tensor, status: torch.Tensor) -> torch.Tensor:
        """The loss of a prediction against a drawn target, both (B, K, H, W)."""

    def summed(self) -> HeatmapLoss:
        """The loss as a sum over landmarks and pixels in place of a mean, for ``reduction: sum``.

        Raises:
            InputError: it has none.
        """
        raise InputError("The reduction 'sum' needs the loss 'mse': set the recipe's loss to mse, or use 'mean'.")


T = TypeVar("T", bound=type[HeatmapLoss])

_CLASSES: dict[str, type[HeatmapLoss]] = {}


def register_loss(name: str) -> Callable[[T], T]:
    """Decorator of a :class:`HeatmapLoss` that is built with a sigma: recipes may ask for it by a name.

    Raises:
        InputError: another loss has the name.
    """

    def registered(loss: T) -> T:
        LOSSES.add(name, loss.meaning)
        if _CLASSES.setdefault(name, loss) is not loss:
            raise InputError(f"There is a loss {name!r} already: rename the one of the plug-in.")
        return loss

    return registered


def build_heatmap_loss(name: str, sigma: Sigma) -> HeatmapLoss:
    """Builds the heatmap loss of a name.

    Args:
        name: ``spatial_cross_entropy``, ``mse``, ``adaptive_wing`` or one of a plug-in.
        sigma: of the target, heatmap pixels; see :data:`monai_ext.transforms.heatmap.Sigma`.

    Raises:
        InputError: an unknown name or a sigma that is not positive.
    """
    reason = LOSSES.unknown(name)
    if reason is not None:
        raise InputError(f"The loss cannot be built: {reason}.")
    if name not in _CLASSES:  # the library's own losses are in the module of their name
        import_module(f".{name}", __package__)
    return _CLASSES[name](sigma)


def status_in_view(points: torch.Tensor, status: torch.Tensor, size_hw: torch.Size) -> torch.Tensor:
    """(B, K) status where a defined point that is not on the map of (H, W) has become undefined."""
    lost = (status > 0) & ~inside(points, size_hw)
    return torch.where(lost, int(Status.UNDEFINED), status)


def mean_over_maps(per_pixel: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Mean of (B, K, H, W) values over the pixels of the maps where (B, K) ``counts`` is true; 0 where none is."""
    per_map = torch.where(counts, per_pixel.mean((2, 3)), 0.0)
    return per_map.sum() / counts.sum().clamp(min=1)


def without_uncounted(prediction: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """(B, K, ...) prediction with zeros where (B, K) ``counts`` is false, so that neither value nor NaN leaks."""
    return torch.where(counts.reshape(*counts.shape, *[1] * (prediction.ndim - 2)), prediction, 0.0)

"""The interface of all measures of uncertainty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    import torch

    from monai_ext.inferers import Predictions, Source

#: What the next image is chosen by where nobody says otherwise. One forward pass of any network, and no length: lengths
#: in original pixels know errors best, but among images of many sizes they choose the large ones.
DEFAULT_MEASURE = "entropy"

#: "1" has no unit; px are pixels of the original image, % a share of what the network sees of it.
MeasureUnit = Literal["1", "px", "mm", "%"]


class UncertaintyMeasure(Protocol):
    """Uncertainty of a model about each landmark of each image; the larger, the less sure."""

    @property
    def name(self) -> str:
        """Name in tables and options."""

    @property
    def unit(self) -> MeasureUnit:
        """Of its values."""

    @property
    def source(self) -> Source | None:
        """The further passes that it needs, None if the plain one does."""

    def compute(self, predictions: Predictions) -> torch.Tensor:
        """(B, K) finite values, none below 0.

        Raises:
            InputError: the predictions lack what it needs.
        """

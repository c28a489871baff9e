"""Base of all parts of a protocol document."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]
DEVICE_PATTERN = r"^(auto|cpu|cuda(:\d+)?)$"
DeviceName = Annotated[str, Field(pattern=DEVICE_PATTERN)]


class Strict(BaseModel):
    """A document part that refuses unknown keys and cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Size(Strict):
    """A raster size in pixels.

    Args:
        width, height: from 32 to 4096.
    """

    width: Annotated[int, Field(ge=32, le=4096)]
    height: Annotated[int, Field(ge=32, le=4096)]

    @property
    def wh(self) -> tuple[int, int]:
        """(width, height)."""
        return self.width, self.height

"""The protocol: the one place that defines a landmark task, as a validated document."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

#: Colours of Okabe and Ito (2008), told apart by people with colour-blindness; used where a protocol names none.
DEFAULT_COLORS = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")

NAME_PATTERN = r"^[A-Za-z][A-Za-z0-9_]*$"
NAME_LENGTH = 64
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=NAME_LENGTH)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Strict(BaseModel):
    """A document part that refuses unknown keys and cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LandmarkDefinition(Strict):
    """One landmark: its name, what it is anatomically, how it is shown."""

    name: Name
    description: Annotated[str, Field(min_length=1)]
    color: Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$")] = ""
    pair: Name | None = None
    optional: bool = False


class Measurement(Strict):
    """A length or an angle between landmarks.

    ``distance``: between two. ``height``: of the first above the straight line through the second and third.
    ``angle``: at the middle one of three, in degrees.
    """

    name: Name
    kind: Literal["distance", "height", "angle"] = "distance"
    between: tuple[Name, ...]
    description: str = ""

    @model_validator(mode="after")
    def _count(self) -> Measurement:
        needed = 2 if self.kind == "distance" else 3
        if len(self.between) != needed or len(set(self.between)) != needed:
            raise ValueError(f"a {self.kind} is between {needed} different landmarks, not {list(self.between)}")
        return self


class Size(Strict):
    """A raster size in pixels."""

    width: Annotated[int, Field(ge=32, le=4096)]
    height: Annotated[int, Field(ge=32, le=4096)]

    @property
    def wh(self) -> tuple[int, int]:
        """(width, height)."""
        return self.width, self.height


class HeatmapNetConfig(Strict):
    """The network ``heatmap_net``: MONAI's FlexibleUNet with a heatmap head."""

    name: Literal["heatmap_net"] = "heatmap_net"
    backbone: str = "efficientnet-b0"
    decoder_channels: tuple[int, ...] = (256, 128, 64, 32, 16)
    input_size: Size = Size(width=384, height=320)
    sigma: Positive = 2.5
    decoder: Literal["argmax", "local_soft_argmax", "dark", "gaussian_fit"] = "local_soft_argmax"
    presence: bool = True


class Augmentation(Strict):
    """Random changes of a training image; ranges are symmetric unless said otherwise."""

    rotation: Annotated[float, Field(ge=0, le=180)] = 20.0  #: degrees
    scale: Annotated[float, Field(ge=0, lt=1)] = 0.2  #: relative
    shift: Fraction = 0.08  #: of the image side
    flip: Fraction = 0.0  #: probability of a left-right flip (paired landmarks swap by name)
    brightness: Annotated[float, Field(ge=0)] = 0.3  #: in standard deviations of the image
    contrast: Annotated[float, Field(ge=0, lt=1)] = 0.3  #: relative
    gamma: Annotated[float, Field(ge=0, lt=1)] = 0.0  #: relative
    noise: Annotated[float, Field(ge=0)] = 0.1  #: standard deviations of the image
    blur: Annotated[float, Field(ge=0)] = 0.0  #: largest Gaussian sigma, pixels of the network input
    color: Annotated[float, Field(ge=0, lt=1)] = 0.0  #: relative gain per channel (RGB only)


class Recipe(Strict):
    """How a network of this protocol is trained."""

    loss: Literal["spatial_cross_entropy", "mse", "adaptive_wing"] = "spatial_cross_entropy"
    max_epochs: Annotated[int, Field(ge=1, le=100_000)] = 100
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 4
    learning_rate: Positive = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.02
    warmup: Fraction = 0.05  #: share of the steps with a linearly rising learning rate, then cosine to zero
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.99  #: moving average of the weights; 0 turns it off
    gradient_clip: Positive = 5.0  #: largest gradient norm
    patience: Annotated[int, Field(ge=0)] = 0  #: validations without improvement before stopping; 0 never stops
    val_interval: Annotated[int, Field(ge=1)] = 5  #: epochs between validations
    val_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.2  #: of the labelled images, where no split is given
    augmentation: Augmentation = Augmentation()


class Protocol(Strict):
    """A landmark task.

    Args:
        name: identifier, used in addresses and folder names.
        title: what a person reads.
        channels: ``grey`` (1 channel) or ``rgb`` (3 channels); images are converted to it.
        landmarks: the K landmarks in order; left/right partners name each other as ``pair``.
        measurements: lengths and angles derived from the landmarks.
        network: the network and its options.
        recipe: the training recipe.
    """

    name: Name
    title: Annotated[str, Field(min_length=1)]
    description: str = ""
    channels: Literal["grey", "rgb"]
    landmarks: Annotated[tuple[LandmarkDefinition, ...], Field(min_length=1)]
    measurements: tuple[Measurement, ...] = ()
    network: HeatmapNetConfig = HeatmapNetConfig()
    recipe: Recipe = Recipe()

    @field_validator("landmarks")
    @classmethod
    def _distinct_and_paired(cls, landmarks: tuple[LandmarkDefinition, ...]) -> tuple[LandmarkDefinition, ...]:
        by_name: dict[str, LandmarkDefinition] = {}
        for landmark in landmarks:
            if landmark.name in by_name:
                raise ValueError(f"the landmark name {landmark.name!r} occurs twice; give each its own")
            by_name[landmark.name] = landmark
        for landmark in landmarks:
            if landmark.pair is None:
                continue
            partner = by_name.get(landmark.pair)
            if partner is None or partner.pair != landmark.name or partner is landmark:
                raise ValueError(
                    f"{landmark.name!r} has the pair {landmark.pair!r}, which must be another landmark "
                    f"whose pair is {landmark.name!r}"
                )
        return tuple(
            item if item.color else item.model_copy(update={"color": DEFAULT_COLORS[i % len(DEFAULT_COLORS)]})
            for i, item in enumerate(landmarks)
        )

    @model_validator(mode="after")
    def _measurements_use_landmarks(self) -> Protocol:
        seen: set[str] = set()
        for measurement in self.measurements:
            for name in measurement.between:
                if name not in self.landmark_names:
                    raise ValueError(f"the measurement {measurement.name!r} uses the unknown landmark {name!r}")
            if measurement.name in seen:
                raise ValueError(f"the measurement name {measurement.name!r} occurs twice; give each its own")
            seen.add(measurement.name)
        return self

    @property
    def landmark_names(self) -> tuple[str, ...]:
        """The K names in order."""
        return tuple(landmark.name for landmark in self.landmarks)

    @property
    def num_channels(self) -> int:
        """1 for grey, 3 for RGB."""
        return 3 if self.channels == "rgb" else 1

    @property
    def swap(self) -> tuple[int, ...]:
        """(K,) for each landmark the index of its left/right partner, or its own: the order after a flip."""
        names = self.landmark_names
        return tuple(names.index(item.pair) if item.pair else i for i, item in enumerate(self.landmarks))


def is_name(text: str) -> bool:
    """Whether a text may name a protocol or a landmark."""
    # fullmatch, since "$" alone lets a final line break pass.
    return re.fullmatch(NAME_PATTERN, text) is not None and len(text) <= NAME_LENGTH

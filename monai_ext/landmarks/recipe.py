"""Recipes of training: loss, optimiser, schedule, augmentation, and named recipes of papers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SerializeAsAny,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    model_serializer,
    model_validator,
)

from .document import Fraction, NotNegative, Positive, Size, Strict
from .plugins import Registry, validated

#: Steps of a training whose number is left to the images: as many as these and one for each image, within bounds.
LEAST_STEPS, STEPS_BESIDE_IMAGES, MOST_STEPS = 150, 120, 1000
#: Then an epoch has at least so many steps, so that few images are not validated after every other step.
EPOCH_STEPS = 25


@dataclass(frozen=True)
class Length:
    """Length of a training.

    Attributes:
        epochs: the parts that it is divided into; validations and saves lie between them.
        epoch_steps: optimiser steps of each.
    """

    epochs: int
    epoch_steps: int

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole training."""
        return self.epochs * self.epoch_steps


class TransformOptions(Strict):
    """Options of a random change of image values that a plug-in has.

    Args:
        name: of the change.
    """

    name: str


#: Options of transforms of plug-ins by name; ``register_transform`` of :mod:`monai_ext.transforms` adds them.
TRANSFORMS: Registry[type[TransformOptions]] = Registry("transform", {})


def _of_its_kind(value: Any, info: ValidationInfo) -> TransformOptions:
    return validated(TRANSFORMS, value, info)


class Scenery(Strict):
    """Training pictures in which the subject lies anywhere, before a random surround, or is not to be seen at all.

    For subjects before an even surround, as portraits, which are cut out of it. A picture with another surround is
    used as a whole.

    Args:
        smallest, largest: longer side of the box of a picture's landmarks, as a share of the height of the network
            input; log-uniform between them. Wherever the box fits in, it lies inside.
        empty: share of pictures without the subject, all landmarks of which are missing.
        kept: share of pictures that keep their own surround.
        in_front: share of pictures in which something lies before a part of the subject.
    """

    smallest: Annotated[float, Field(gt=0, le=2)] = 0.1
    largest: Annotated[float, Field(gt=0, le=2)] = 0.6
    empty: Fraction = 0.2
    kept: Fraction = 0.1
    in_front: Fraction = 0.2

    @model_validator(mode="after")
    def _range_rises(self) -> Scenery:
        if self.smallest > self.largest:
            raise ValueError(f"smallest {self.smallest:g} must not be above largest {self.largest:g}")
        return self


class Augmentation(Strict):
    """Random changes of a training image; ranges are symmetric unless said otherwise.

    Args:
        rotation: degrees.
        scale: relative size.
        shift: share of the image side.
        stretch: relative, along a random direction, with a squeeze at right angles to it, as of objects turned away.
        flip: probability of a left-right flip, in which paired landmarks swap by name.
        crop: train on a random part of this size that holds the landmarks, or as many as it can, instead of the whole
            network input; for networks that take images of any size.
        brightness: in standard deviations of the image.
        contrast, gamma: relative.
        noise: in standard deviations of the image.
        blur: largest sigma of a Gaussian, pixels of the network input.
        color: relative gain of each channel (RGB only).
        hue: turn of the colours about grey, degrees (RGB only).
        saturation: relative (RGB only).
        channel_gamma: relative exponent of each channel (RGB only).
        shade: loss of light to one side, and again towards the corners.
        haze: light from one side, as a share of the image's range.
        spots: light of up to six small spots, as a share of the image's range.
        resolution: fewer pixels, by a factor of up to 1 + resolution.
        jpeg: largest loss of JPEG quality, of 100.
        field_of_view: how much of the lit circle of a fundus photograph may be hidden, for other cameras; needs
            ``network.field_of_view``. Landmarks stay visible.
        hide: probability of a field of view that hides landmarks, narrower or cut by a line; they are missing then;
            needs the same.
        border: brightest surround that is drawn around the lit part, as a share of white; needs the same.
        scenery: other surroundings, sizes and places of a subject before an even surround, and pictures without it;
            ``scale`` and ``shift`` are then without effect. null for none.
        further: changes that plug-ins have, each with its ``name`` and options, after those as between cameras.
    """

    rotation: Annotated[float, Field(ge=0, le=180)] = 20.0
    scale: Annotated[float, Field(ge=0, lt=1)] = 0.2
    shift: Fraction = 0.08
    stretch: Annotated[float, Field(ge=0, lt=1)] = 0.0
    flip: Fraction = 0.0
    crop: Size | None = None
    brightness: Annotated[float, Field(ge=0)] = 0.3
    contrast: Annotated[float, Field(ge=0, lt=1)] = 0.3
    gamma: Annotated[float, Field(ge=0, lt=1)] = 0.0
    noise: Annotated[float, Field(ge=0)] = 0.1
    blur: Annotated[float, Field(ge=0)] = 0.0
    color: Annotated[float, Field(ge=0, lt=1)] = 0.0
    hue: Annotated[float, Field(ge=0, le=180)] = 0.0
    saturation: Annotated[float, Field(ge=0, le=1)] = 0.0
    channel_gamma: Annotated[float, Field(ge=0, le=4)] = 0.0
    shade: Annotated[float, Field(ge=0, lt=1)] = 0.0
    haze: Annotated[float, Field(ge=0, le=4)] = 0.0
    spots: Annotated[float, Field(ge=0, le=1)] = 0.0
    resolution: Annotated[float, Field(ge=0, le=15)] = 0.0
    jpeg: Annotated[int, Field(ge=0, le=99)] = 0
    field_of_view: Annotated[float, Field(ge=0, lt=1)] = 0.0
    hide: Fraction = 0.0
    border: Fraction = 0.0
    scenery: Scenery | None = None
    further: tuple[Annotated[SerializeAsAny[TransformOptions], BeforeValidator(_of_its_kind)], ...] = ()

    @model_serializer(mode="wrap")
    def _without_nothing_further(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Documents are as they were before there were these changes where none of them is used."""
        fields: dict[str, Any] = written(self)
        for name in ("stretch", "hide", "scenery", "further"):
            if not getattr(self, name):
                fields.pop(name, None)
        return fields


#: Source classifiers that have a name of their own: the ImageNet classifier with the network's encoder, and a network
#: that recognises people.
IMAGENET, FACES = "imagenet", "faces"


#: Weight of a regulariser and temperature of the class probabilities in Fu et al., MLMI 2020, section 3.1.
CROSS_TASK_WEIGHT, CROSS_TASK_TEMPERATURE = 0.002, 2.0


class CrossTask(Strict):
    """A frozen classifier of a neighbouring task that the encoder begins as and is kept close to.

    Fu et al., Cross-Task Representation Learning for Anatomical Landmark Detection, MLMI 2020.

    Args:
        source: the classifier: ``imagenet``, ``faces``, a file, or the name of one in the models folder,
            ``sources/<name>.safetensors``.
        lambda_cd: weight of the distance between the tempered class probabilities of source and target.
        lambda_ed: weight of the distance between their features.
        temperature: of the probabilities (mu).
        level: the features compared: the whole ``map``, the ``pooled`` ones, or each ``pixel``.
        train_classifier: whether the target's copy of the classifier learns too.
        freeze_bn: keep the statistics of the encoder's batch normalisations.
        trainable: what of the encoder learns: ``all``, its ``last_block``, or ``none`` of it.
        reduction: of the heatmap loss: ``mean`` or, as the paper writes it, ``sum``.
    """

    source: Annotated[str, Field(min_length=1)]
    lambda_cd: NotNegative = 0.0
    lambda_ed: NotNegative = CROSS_TASK_WEIGHT
    temperature: Positive = CROSS_TASK_TEMPERATURE
    level: Literal["map", "pooled", "pixel"] = "map"
    train_classifier: bool = False
    freeze_bn: bool = False
    trainable: Literal["all", "last_block", "none"] = "all"
    reduction: Literal["mean", "sum"] = "mean"

    @model_validator(mode="after")
    def _classifier_is_used(self) -> CrossTask:
        if self.train_classifier and not self.lambda_cd:
            raise ValueError("train_classifier needs a loss that the classifier takes part in: set lambda_cd above 0")
        return self


#: Recipes by name: the fields that they set.
#: ``zian_a``: Lei et al., OMIA 2022. ``zian_b``: decoupled weight decay, linear warm-up and decay, as its public code
#: trains the attention rows. ``fine_tune``: for encoders that begin with public weights: few steps, as many as the
#: number of images asks for. ``cross_task``: Fu et al., MLMI 2020.
NAMED_RECIPES: Mapping[str, Mapping[str, Any]] = {
    "zian_a": {
        "loss": "mse",
        "optimizer": "adam",
        "schedule": "step",
        "learning_rate": 2e-4,
        "weight_decay": 0.0,
        "warmup": 0.0,
        "max_epochs": 140,
        "ema_decay": 0.0,
        "gradient_clip": None,
    },
    "zian_b": {
        "loss": "mse",
        "optimizer": "adamw",
        "schedule": "linear",
        "learning_rate": 2e-4,
        "weight_decay": 1e-3,
        "warmup": 0.2,
        "max_epochs": 140,
        "ema_decay": 0.0,
        "gradient_clip": 5.0,
    },
    "fine_tune": {
        "loss": "spatial_cross_entropy",
        "optimizer": "adamw",
        "schedule": "cosine",
        "learning_rate": 2e-3,
        "weight_decay": 0.02,
        "warmup": 0.07,
        "max_steps": "auto",
        "max_epochs": 100_000,
        "ema_decay": 0.95,
        "gradient_clip": 5.0,
        "val_interval": 1,
    },
    "cross_task": {
        "loss": "mse",
        "optimizer": "adam",
        "schedule": "polynomial",
        "learning_rate": 1e-3,
        "weight_decay": 0.0,
        "warmup": 0.0,
        "batch_size": 2,
        "max_epochs": 150,
        "ema_decay": 0.0,
        "gradient_clip": None,
    },
}


#: Meaning of a network's raw output: heatmaps of amplitude 1, or logits of a probability over the pixels.
Meaning = Literal["heatmap", "logits"]

#: Losses of heatmaps by name, with the meaning of what they train; ``register_loss`` of :mod:`monai_ext.losses` adds
#: those of plug-ins.
LOSSES: Registry[Meaning] = Registry(
    "loss", {"spatial_cross_entropy": "logits", "mse": "heatmap", "adaptive_wing": "heatmap"}
)


def _known_loss(name: str) -> str:
    reason = LOSSES.unknown(name)
    if reason is not None:
        raise ValueError(reason)
    return name


class Recipe(Strict):
    """Recipe by which a network of a protocol is trained.

    Args:
        name: a named recipe whose fields stand where none are given here; ``default`` is this class's own.
        loss: ``spatial_cross_entropy``, ``mse``, ``adaptive_wing``, or that of a plug-in.
        optimizer: ``adamw`` or ``adam``.
        schedule: of the learning rate after the warm-up: ``cosine`` or ``linear`` to zero, ``polynomial`` to zero with
            the power 0.9, ``step`` down to a tenth after 90/140 of the steps, or ``constant``.
        max_epochs: passes over the training images.
        batch_size: images of an optimiser step; with several processes, of each.
        learning_rate: the largest.
        encoder_rate: share of the learning rate at which encoders learn that begin with pretrained weights.
        max_steps: optimiser steps after which a training ends, if ``max_epochs`` passes over the images have not ended
            it before; ``auto`` takes 120 and one for each image, from 150 to 1000. Epochs then have at least 25 steps.
        weight_decay: of the optimiser.
        warmup: share of the steps in which the learning rate rises.
        ema_decay: of the moving average of the weights, which is published; 0 turns it off.
        gradient_clip: largest gradient norm; null for none.
        patience: validations without improvement before stopping; 0 never stops.
        val_interval: epochs between validations.
        val_fraction: share of the labelled images that validates where no split is given.
        augmentation: random changes of training images.
        cross_task: a classifier that the encoder begins as and is kept close to; null for none.
    """

    name: Literal["default", "zian_a", "zian_b", "fine_tune", "cross_task"] = "default"
    loss: Annotated[str, AfterValidator(_known_loss)] = "spatial_cross_entropy"
    optimizer: Literal["adamw", "adam"] = "adamw"
    schedule: Literal["cosine", "linear", "polynomial", "step", "constant"] = "cosine"
    max_epochs: Annotated[int, Field(ge=1, le=100_000)] = 100
    max_steps: Annotated[int, Field(ge=1, le=10_000_000)] | Literal["auto"] | None = None
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 4
    learning_rate: Positive = 1e-3
    encoder_rate: Annotated[float, Field(gt=0, le=1)] = 1.0
    weight_decay: Annotated[float, Field(ge=0)] = 0.02
    warmup: Fraction = 0.05
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.99
    gradient_clip: Positive | None = 5.0
    patience: Annotated[int, Field(ge=0)] = 0
    val_interval: Annotated[int, Field(ge=1)] = 5
    val_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.2
    augmentation: Augmentation = Augmentation()
    cross_task: CrossTask | None = None

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        """Fills in the fields of a named recipe."""
        if not isinstance(value, dict):
            return value
        return {**NAMED_RECIPES.get(str(value.get("name")), {}), **value}

    def length(self, images: int) -> Length:
        """Length of a training on a number of images.

        Examples:
            >>> recipe = Recipe(name="fine_tune", batch_size=4)
            >>> recipe.length(50), recipe.length(361)
            (Length(epochs=7, epoch_steps=25), Length(epochs=5, epoch_steps=97))
        """
        once = max(1, images // self.batch_size)
        if self.max_steps is None:
            return Length(self.max_epochs, once)
        steps = min(max(STEPS_BESIDE_IMAGES + images, LEAST_STEPS), MOST_STEPS)
        if isinstance(self.max_steps, int):
            steps = self.max_steps
        if self.max_epochs * once <= steps:
            return Length(self.max_epochs, once)
        epochs = max(1, round(steps / max(once, EPOCH_STEPS)))
        return Length(epochs, -(-steps // epochs))

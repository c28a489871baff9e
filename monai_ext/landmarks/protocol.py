"""The protocol: the one place that defines a landmark task, as a validated document."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from .document import Strict
from .network_config import NETWORKS, AnyNetwork, HeatmapNetConfig, ZoomNetConfig
from .picture import Picture
from .recipe import FACES, IMAGENET, Recipe

#: Colours of Okabe and Ito (2008), told apart by people with colour-blindness; used where a protocol names none.
DEFAULT_COLORS = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")

#: Beginnings of the names of encoders whose ImageNet classifiers have a normalisation of their own name.
_LITE = ("efficientnet-lite", "tf_efficientnet_lite")
NAME_PATTERN = r"^[A-Za-z][A-Za-z0-9_]*$"
NAME_LENGTH = 64
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=NAME_LENGTH)]


class ConceptCode(Strict):
    """A code of a terminology, e.g. SNOMED CT, for documents that other programs read.

    Args:
        value: of the code, as ``67046006``.
        scheme: designator as DICOM has it (PS3.16, 8): ``SCT``, ``DCM``, ``LN``; a private one begins with 99.
        meaning: what a person reads.
    """

    value: Annotated[str, Field(min_length=1, max_length=16, pattern=r"^[^\\\s]+$")]
    scheme: Annotated[str, Field(min_length=1, max_length=16, pattern=r"^[A-Z0-9][A-Z0-9_.-]*$")]
    meaning: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\\]+$")]


class LandmarkDefinition(Strict):
    """One landmark: its name, what it is anatomically, how it is shown.

    ``picture`` and ``code`` are for people and other programs: documents of what a network learned leave them out.

    Args:
        name: letters, digits and underscores.
        description: where it lies, for the person who places it.
        color: ``#rrggbb``; where it is left out, one of a series that is suitable for colour-blind people.
        pair: its partner on the other side, which names it likewise.
        optional: whether a label may be submitted without it.
        picture: an example: the path of a PNG beside the protocol file, or the path with the point.
        code: for structured reports.
    """

    name: Name
    description: Annotated[str, Field(min_length=1)]
    color: Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$")] = ""
    pair: Name | None = None
    optional: bool = False
    picture: Picture | None = Field(default=None, exclude=True)
    code: ConceptCode | None = Field(default=None, exclude=True)


class Measurement(Strict):
    """A length, an angle or a ratio between landmarks.

    ``distance``: between two. ``height``: of the first above the straight line through the second and third.
    ``angle``: at the middle one of three, in degrees. ``ratio``: the distance of the first two divided by that of the
    last two of four, of which one may stand in both.

    Args:
        name: letters, digits and underscores.
        kind: ``distance``, ``height``, ``angle`` or ``ratio``.
        between: names of the two, three or four landmarks.
        description: what it is, for a person.
        code: for structured reports.
    """

    name: Name
    kind: Literal["distance", "height", "angle", "ratio"] = "distance"
    between: tuple[Name, ...]
    description: str = ""
    code: ConceptCode | None = Field(default=None, exclude=True)

    @model_validator(mode="after")
    def _count(self) -> Measurement:
        needed = {"distance": 2, "ratio": 4}.get(self.kind, 3)
        different = len(set(self.between)) == needed
        if self.kind == "ratio":
            ends = {frozenset(self.between[:2]), frozenset(self.between[2:])}
            different = len(ends) == 2 and all(len(pair) == 2 for pair in ends)
        if len(self.between) != needed or not different:
            words = "of two different distances, each between 2" if self.kind == "ratio" else f"between {needed}"
            raise ValueError(f"a {self.kind} is {words} different landmarks, not {list(self.between)}")
        return self

    def unit(self, length: str) -> str:
        """The unit of its value where lengths have the given one: "deg" of an angle, "1" of a ratio."""
        return {"angle": "deg", "ratio": "1"}.get(self.kind, length)


class Protocol(Strict):
    """A landmark task.

    Args:
        name: identifier, used in addresses and folder names.
        title: what a person reads.
        description: of the task.
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
    network: AnyNetwork = HeatmapNetConfig()
    recipe: Recipe = Recipe()

    @model_validator(mode="before")
    @classmethod
    def _normalization_follows(cls, value: Any) -> Any:
        return _with_source_normalization(value)

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

    @model_validator(mode="after")
    def _halves_have_pairs(self) -> Protocol:
        single = [landmark.name for landmark in self.landmarks if landmark.pair is None]
        if self.network.halves and single:
            raise ValueError(
                f"network.halves needs every landmark in both halves of the image, but {single[0]!r} has no pair"
            )
        return self

    @model_validator(mode="after")
    def _zoom_has_an_extent(self) -> Protocol:
        if isinstance(self.network, ZoomNetConfig) and len(self.landmarks) < 2:
            raise ValueError(
                f"a {self.network.name} looks again at the box of its landmarks, and of {self.landmark_names[0]!r} "
                "alone it has no extent: add a second landmark, or use a heatmap_net"
            )
        return self

    @model_validator(mode="after")
    def _crop_is_within(self) -> Protocol:
        crop, size = self.recipe.augmentation.crop, self.network.input_size
        if crop and (crop.width > size.width or crop.height > size.height):
            raise ValueError(f"recipe.augmentation.crop {crop.wh} must not be larger than network.input_size {size.wh}")
        if crop and self.network.halves:
            raise ValueError(
                "recipe.augmentation.crop would lose the centre line that network.halves needs; remove one"
            )
        return self

    @model_validator(mode="after")
    def _scenery_has_a_use(self) -> Protocol:
        scenery = self.recipe.augmentation.scenery
        if scenery is None:
            return self
        if self.network.field_of_view or self.network.halves:
            raise ValueError(
                "recipe.augmentation.scenery is of whole pictures: not with network.field_of_view or halves"
            )
        if scenery.empty and not self.network.presence:
            raise ValueError(
                "recipe.augmentation.scenery draws pictures without the subject, which teach a network nothing that "
                "does not predict presence: set network.presence to true, or scenery.empty to 0"
            )
        return self

    @model_validator(mode="after")
    def _border_is_sought(self) -> Protocol:
        augmentation = self.recipe.augmentation
        for name in ("field_of_view", "hide", "border"):
            if getattr(augmentation, name) and not self.network.field_of_view:
                raise ValueError(
                    f"recipe.augmentation.{name} changes the lit circle of fundus photographs, "
                    "which is only looked for with network.field_of_view: true"
                )
        return self

    @property
    def has_pretrained_encoder(self) -> bool:
        """True if training starts from pretrained weights or those of a source classifier."""
        return self.recipe.cross_task is not None or self.network.start_weights is not None

    @property
    def landmark_names(self) -> tuple[str, ...]:
        """The K names in order."""
        return tuple(landmark.name for landmark in self.landmarks)

    @property
    def num_channels(self) -> int:
        """1 for grey, 3 for RGB."""
        return 3 if self.channels == "rgb" else 1

    @property
    def networks_landmarks(self) -> int:
        """The number of heatmaps of the network: K, or K / 2 where it sees the image in halves."""
        return len(self.landmarks) // 2 if self.network.halves else len(self.landmarks)

    @property
    def swap(self) -> tuple[int, ...]:
        """(K,) for each landmark the index of its left/right partner, or its own: the order after a flip."""
        names = self.landmark_names
        return tuple(names.index(item.pair) if item.pair else i for i, item in enumerate(self.landmarks))


def is_name(text: str) -> bool:
    """True if a text is a valid name of a protocol or a landmark."""
    # fullmatch, since "$" alone lets a final line break pass.
    return re.fullmatch(NAME_PATTERN, text) is not None and len(text) <= NAME_LENGTH


def _with_source_normalization(protocol: Any) -> Any:
    """A protocol document whose network has the normalisation of its source, where it has none.

    Only sources with names of their own are known here; what a file was trained on is seen when it is read.

    Args:
        protocol: the raw document; anything that is none is given back.
    """
    if not isinstance(protocol, dict):
        return protocol
    network, recipe = protocol.get("network"), protocol.get("recipe")
    block = recipe.get("cross_task") if isinstance(recipe, dict) else None
    if not isinstance(network, dict) or not isinstance(block, dict) or "normalization" in network:
        return protocol
    name = network.get("name", "heatmap_net")
    field = None if NETWORKS.unknown(name) else NETWORKS[name].encoder_field
    if field is None:
        return protocol
    encoder = str(network.get(field, NETWORKS[name].model_fields[field].default))
    names = {FACES: "dlib", IMAGENET: "efficientnet-lite" if encoder.startswith(_LITE) else "imagenet"}
    source = block.get("source")
    if not isinstance(source, str) or source not in names:
        return protocol
    return {**protocol, "network": {**network, "normalization": names[source]}}

"""Source classifiers on disk: the library's own files, which say all of themselves, and weights from elsewhere."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from monai_ext.landmarks import CHANNEL_SCALES, OWN_SCALE, InputError, check_normalization, write_atomically
from monai_ext.networks.encoders import encoder_names, is_encoder
from monai_ext.networks.pretrained import COUNTER, LoadReport, Weights, load_named, read_state_dict, without_prefixes

from .source import SourceClassifier
from .source_layout import State, torchvision_layout

logger = logging.getLogger(__name__)

SUFFIX = ".safetensors"

#: What the metadata of the library's own files say they are.
KIND: Final = "source classifier"

#: Names of a ResNet's classifier's tensors.
_CLASSIFIER = ("fc.weight", "fc.bias")


class SourceCard(BaseModel):
    """Description of a source classifier; in its file each field is a string of the metadata.

    Attributes:
        architecture: name of the encoder; see :func:`~monai_ext.networks.encoders.build_encoder`.
        normalization: what its weights were trained on: ``image`` or one of
            :data:`~monai_ext.landmarks.normalization.CHANNEL_SCALES`.
        in_channels: number of image channels.
        num_classes: number of classes; 0 where it has no classifier.
        class_names: of all classes, or empty where they are unknown.
        trained_on: one sentence that says what the images were.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["source classifier"] = KIND
    format: Literal[1] = 1
    architecture: str
    normalization: str
    in_channels: int = Field(ge=1)
    num_classes: int = Field(ge=0)
    class_names: tuple[str, ...] = ()
    trained_on: str = ""

    @field_validator("architecture")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if not is_encoder(value):
            raise ValueError(f"the architecture {value!r} is none of {', '.join(encoder_names())}")
        return value

    @field_validator("normalization")
    @classmethod
    def _is_normalization(cls, value: str) -> str:
        return check_normalization(value)

    @model_validator(mode="after")
    def _names_all_classes(self) -> SourceCard:
        if self.class_names and len(self.class_names) != self.num_classes:
            raise ValueError(f"there are {len(self.class_names)} class names for {self.num_classes} classes")
        return self

    def metadata(self) -> dict[str, str]:
        """The card as strings."""
        fields = self.model_dump(mode="json")
        return {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}


class SourceReport(NamedTuple):
    """Outcome of reading a source.

    Attributes:
        card: what the file says, or what was recognised of weights from elsewhere.
        names: how its tensors were called: own, torchvision, numbered or caffe.
        missing: tensors that the weights lack: never others than counters of batch normalisation.
        unexpected: names of the file that fit nothing and were left out: never others than counters.
        changes: what was done to values on reading, in words.
    """

    card: SourceCard
    names: str
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    changes: tuple[str, ...]


def write_source(path: Path, state: State, card: SourceCard) -> None:
    """Writes a source classifier in one step.

    Args:
        path: the ``.safetensors`` file to write or replace.
        state: the state dict of a :class:`SourceClassifier`, or of a classifier with the same names (timm's,
            torchvision's for a ResNet). Half precision stays half.
        card: what it is.

    Raises:
        InputError: another suffix, or tensors that do not fit the card or are not finite.
    """
    path = Path(path)
    if path.suffix != SUFFIX:
        raise InputError(f"A source classifier must be written as a {SUFFIX} file, not as {path.name!r}.")
    named = _named_state(state)
    fill_source(empty_source(card), named, "The weights of this source")
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in named.items()}
    write_atomically(path, save(tensors, card.metadata()))


def read_source(
    path: Path, normalization: str | None = None, in_channels: int | None = None
) -> tuple[SourceClassifier, SourceReport]:
    """A source classifier from a file: the library's own, or public weights of a ResNet-18, -34 or -50.

    Public weights say nothing of what they were trained on; it has to be given, and with it the conventions of
    their origin are known: see :func:`~monai_ext.networks.cross_task.source_layout.torchvision_layout`.

    Where one image channel is requested and the weights take three, those of the first convolution are summed: a grey
    image then gives what its three equal channels gave, if all three are normalised alike.

    Args:
        path: .safetensors, or .pth or .pt as torch.save writes it; read without running any code that it may hold.
        normalization: one of :data:`~monai_ext.landmarks.normalization.CHANNEL_SCALES`. Where the file says it, None or
            the same.
        in_channels: number of image channels; None for that of the file.

    Returns:
        The frozen classifier and what came of reading it.

    Raises:
        InputError: the file is absent, damaged, or not such a classifier; or its normalisation is another or unknown.
    """
    path = Path(path)
    source = f"The weights {path}"
    state = without_prefixes(read_state_dict(path))
    card = _read_card(path)
    if card is None:
        if normalization is None or check_normalization(normalization) == OWN_SCALE:
            raise InputError(
                f"{source} do not say what they were trained on: "
                f"give the normalisation that they need, one of {', '.join(CHANNEL_SCALES)}."
            )
        layout = torchvision_layout(state, normalization, source)
        state, names, changes = layout.state, layout.names, layout.changes
        card = _card_of(state, layout.architecture, normalization, source)
    else:
        if normalization not in (None, card.normalization):
            raise InputError(
                f"{source} were trained with the normalisation {card.normalization!r}, not {normalization!r}: "
                f"set the normalisation to {card.normalization!r}."
            )
        names, state = "own", _named_state(state)
        changes = ()
    if in_channels is not None and in_channels != card.in_channels:
        if (card.in_channels, in_channels) != (3, 1):
            raise InputError(f"{source} are of images with {card.in_channels} channels, not {in_channels}.")
        card = card.model_copy(update={"in_channels": 1})
        changes += ("the first convolution's weights for red, green and blue were added up",)
    classifier = empty_source(card)
    loaded = fill_source(classifier, state, source)
    logger.info("%s are a %s of %d classes (%s).", source, card.architecture, card.num_classes, "; ".join(changes))
    return classifier, SourceReport(card, names, loaded.missing, loaded.unexpected, changes)


def _named_state(state: State) -> State:
    return {_in_file(name): tensor for name, tensor in state.items()}


def _in_file(name: str) -> str:
    """The name in a file of a tensor of a :class:`SourceClassifier`: without the part that it is in."""
    return name.removeprefix("encoder.").removeprefix("head.")


def _read_card(path: Path) -> SourceCard | None:
    """The card of one of the library's own files."""
    if path.suffix != SUFFIX:
        return None
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise InputError(f"The weights {path} cannot be read ({error}): give an undamaged file.") from error
    if metadata.get("kind") != KIND:
        return None
    fields: dict[str, Any] = dict(metadata)
    try:
        for name in ("format", "in_channels", "num_classes", "class_names"):
            fields[name] = json.loads(fields.get(name, "null"))
        return SourceCard.model_validate(fields)
    except (json.JSONDecodeError, ValidationError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise InputError(f"The card in {path} is damaged ({reason}): write the source again.") from None


def _card_of(state: State, architecture: str, normalization: str, source: str) -> SourceCard:
    present = [name for name in _CLASSIFIER if name in state]
    if len(present) == 1:
        raise InputError(f"{source} have only {present[0]!r} of the classifier: give the complete classifier, or none.")
    classes = len(state["fc.bias"]) if present else 0
    channels = state["conv1.weight"].shape[1]
    return SourceCard(architecture=architecture, normalization=normalization, in_channels=channels, num_classes=classes)


def empty_source(card: SourceCard) -> SourceClassifier:
    """The classifier of a card with random weights."""
    return SourceClassifier(card.architecture, card.num_classes, card.normalization, card.in_channels)


def fill_source(classifier: SourceClassifier, state: State, source: str) -> LoadReport:
    """Loads tensors with the names of a file; half precision becomes single.

    Args:
        classifier: gets the weights.
        state: the tensors.
        source: how messages begin.

    Raises:
        InputError: the tensors are of another network or not finite.
    """
    single = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    counters = tuple(name for name in state if name.endswith(COUNTER))
    name = f"{classifier.architecture} with {classifier.num_classes} classes"
    return load_named("source", classifier, name, Weights(single, source), counters, _in_file)

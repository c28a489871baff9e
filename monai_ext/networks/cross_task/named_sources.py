"""Source classifiers that have a name of their own: nothing has to be put anywhere for them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from monai_ext.landmarks import FACES, IMAGENET, InputError, shipped_dir
from monai_ext.networks.imagenet import imagenet_weights

from .source import SourceClassifier
from .source_file import SourceCard, empty_source, fill_source, read_source

#: Folder of sources in that of the models that are shipped.
FOLDER = "sources"

#: Biases of the classifiers of ResNets and EfficientNets in timm's names, as long as there are classes.
_CLASS_BIASES = ("fc.bias", "classifier.bias")


def named_source(name: str, encoder: str, in_channels: int) -> SourceClassifier:
    """The frozen classifier of a name.

    Args:
        name: ``imagenet``: the ImageNet classifier with the encoder that is requested; ``faces``: the network that
            recognises people, whose encoder is ``face-resnet``.
        encoder: that of the network which learns from it.
        in_channels: number of image channels.

    Raises:
        InputError: there is none with such an encoder, or its weights are absent or damaged.
    """
    return NAMED_SOURCES[name](encoder, in_channels)


def _imagenet(encoder: str, in_channels: int) -> SourceClassifier:
    weights = imagenet_weights(encoder)
    classes = next((len(weights.state[name]) for name in _CLASS_BIASES if name in weights.state), 0)
    card = SourceCard(
        architecture=encoder,
        normalization=weights.normalization,
        in_channels=in_channels,
        num_classes=classes,
        trained_on=weights.origin,
    )
    source = empty_source(card)
    fill_source(source, weights.state, f"The {weights.origin}")
    return source


def _faces(encoder: str, in_channels: int) -> SourceClassifier:
    path = shipped_source(FACES)
    return read_source(path, None, in_channels)[0]


def shipped_source(name: str) -> Path:
    """The file of a shipped source, whose digest is that of its card.

    Raises:
        InputError: one of both is absent or damaged.
    """
    card = shipped_dir("pretrained") / FOLDER / f"{name}.json"
    try:
        described = json.loads(card.read_text(encoding="utf-8"))
        path = card.with_name(described["file"])
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"The shipped source {card} cannot be read ({error}): install the package again.") from None
    if digest != described["sha256"]:
        raise InputError(
            f"The shipped source {path} is damaged (SHA-256 {digest[:12]}... instead of "
            f"{described['sha256'][:12]}...): install the package again."
        )
    return path


#: What makes the source of each name for an encoder and a number of image channels.
NAMED_SOURCES: Mapping[str, Callable[[str, int], SourceClassifier]] = MappingProxyType(
    {IMAGENET: _imagenet, FACES: _faces}
)

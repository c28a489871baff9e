"""Initial weights of a network: random ones, public ones of its backbones, or those of a source classifier."""

from __future__ import annotations

from pathlib import Path

from monai_ext.landmarks import OWN_SCALE, InputError, Protocol
from monai_ext.networks import (
    NAMED_SOURCES,
    SUFFIXES,
    Distiller,
    LandmarkNetwork,
    SourceClassifier,
    Weights,
    find_weights,
    named_source,
    pretrained_weights,
    read_source,
)

#: On the card of a network that began without other weights.
RANDOM = "Random weights"

#: Folder of source classifiers beside the models.
SOURCES = "sources"


def find_source(protocol: Protocol, models: Path) -> SourceClassifier | None:
    """The source classifier of a protocol's recipe; None if it asks for none.

    Args:
        protocol: the task.
        models: folder of the models; sources lie in ``sources`` below it.

    Raises:
        InputError: it is not there or damaged, was trained on images of another normalisation, or is another network
            than the protocol's encoder.
    """
    config = protocol.recipe.cross_task
    if config is None:
        return None
    source = (_named_source if config.source in NAMED_SOURCES else _source_of_file)(config.source, protocol, models)
    own = encoder_of(protocol)
    if source.architecture != own:
        raise InputError(
            f"The source is a {source.architecture} and the network's encoder a {own}: set the network's encoder to "
            f"{source.architecture}, or give another source."
        )
    return source


def _source_of_file(name: str, protocol: Protocol, models: Path) -> SourceClassifier:
    try:
        path = find_weights(name, models / SOURCES)
    except InputError:
        place = models / SOURCES / f"{Path(name).stem}.safetensors"
        raise InputError(
            f"The protocol {protocol.name} needs the source classifier {name!r}, which does not exist: "
            f"put it at {place} (`monai-landmarks train-source` makes one), take one of {', '.join(NAMED_SOURCES)}, "
            "or remove recipe.cross_task."
        ) from None
    return read_source(path, protocol.network.normalization, protocol.num_channels)[0]


def _named_source(name: str, protocol: Protocol, models: Path) -> SourceClassifier:
    for suffix in SUFFIXES:
        if (namesake := models / SOURCES / f"{name}{suffix}").exists():
            raise InputError(
                f"The file {namesake} has the name of the source {name!r} that needs no file: give it another name, "
                "or set recipe.cross_task.source to its path."
            )
    source = named_source(name, encoder_of(protocol), protocol.num_channels)
    given, config = protocol.network.normalization, protocol.recipe.cross_task
    assert config is not None
    only_begins = config.trainable == "all" and not (config.lambda_cd or config.lambda_ed or config.freeze_bn)
    if given != source.normalization and not (given == OWN_SCALE and only_begins):
        raise InputError(
            f"The source {name!r} was trained with the normalisation {source.normalization!r}, not {given!r}: leave "
            f"network.normalization out, or set it to that; {OWN_SCALE!r} is for encoders that only begin as the "
            "source, with lambda_cd and lambda_ed 0, freeze_bn off and trainable all."
        )
    return source


def initialise(network: LandmarkNetwork, protocol: Protocol, models: Path, source: SourceClassifier | None) -> str:
    """Gives a new network the weights that its protocol begins with.

    Args:
        network: of the protocol; changed in place.
        protocol: the task; ``network.pretrained`` names the weights of its encoder or backbones.
        models: folder of the models.
        source: the classifier that the encoder becomes a copy of, or None.

    Returns:
        Where the weights come from, for the model's card.

    Raises:
        InputError: weights are missing, of another network, or of values on another scale than the protocol's.
    """
    origin = RANDOM
    if protocol.network.start_weights is not None:
        origin = _take_pretrained(network, protocol, protocol.network.start_weights, models)
    if source is not None:
        assert protocol.recipe.cross_task is not None
        state = dict(source.encoder.state_dict())
        network.take_encoder(source.architecture, Weights(state, "The weights of the source"))
        origin = f"The source classifier {protocol.recipe.cross_task.source}"
    return origin


def _take_pretrained(network: LandmarkNetwork, protocol: Protocol, name: str, models: Path) -> str:
    config, encoder = protocol.network, encoder_of(protocol)
    weights = pretrained_weights(name, encoder, models)
    if weights.normalization is not None and config.normalization not in (weights.normalization, OWN_SCALE):
        raise InputError(
            f"{weights.origin} were trained on values of the normalisation {weights.normalization!r}, not "
            f"{config.normalization!r}: leave network.normalization out, or set it to one of "
            f"{weights.normalization} and {OWN_SCALE}."
        )
    network.take_encoder(encoder, weights)
    return weights.origin


def encoder_of(protocol: Protocol) -> str:
    """The encoder or backbone that a protocol's network has.

    Raises:
        InputError: the network has none.
    """
    name = protocol.network.encoder_name
    if name is None:
        raise InputError(
            f"The network {protocol.network.name} has no encoder to compare with a source: remove recipe.cross_task."
        )
    return name


def distilled(network: LandmarkNetwork, protocol: Protocol, source: SourceClassifier | None) -> Distiller | None:
    """The network beside its source, as it is trained; None if the recipe does not ask for it."""
    config = protocol.recipe.cross_task
    if config is None:
        return None
    return Distiller(
        network,
        source if config.lambda_cd or config.lambda_ed else None,
        trainable=config.trainable,
        freeze_bn=config.freeze_bn,
        train_classifier=config.train_classifier,
    )

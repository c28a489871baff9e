"""What a network begins with beside random weights: public weights of its backbones, or a source classifier."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from monai_ext.landmarks import InputError, Protocol
from monai_ext.landmarks.network_config import DeconvNetConfig, HeatmapNetConfig, HourglassConfig, ZianNetConfig
from monai_ext.landmarks.normalization import OWN_SCALE
from monai_ext.networks.backbone import Backbone
from monai_ext.networks.cross_task import Distiller, SourceClassifier, read_source
from monai_ext.networks.cross_task.resnet import ResNetEncoder
from monai_ext.networks.pretrained import (
    Weights,
    find_weights,
    load_backbone_weights,
    load_encoder_weights,
    pretrained_weights,
)

#: What a card says of a network that began with nothing.
RANDOM = "Random weights"

#: Folder of source classifiers beside the models.
SOURCES = "sources"

#: Where the encoder of each network is; a hourglass has none.
ENCODERS = {HeatmapNetConfig: "encoder", DeconvNetConfig: "encoder", ZianNetConfig: "coarse_backbone.encoder"}


def find_source(protocol: Protocol, models: Path) -> SourceClassifier | None:
    """The source classifier of a protocol's recipe; None where it asks for none.

    Args:
        protocol: the task.
        models: folder of the models; sources lie in ``sources`` below it.

    Raises:
        InputError: it is not there or damaged, or was trained on images of another normalisation.
    """
    config = protocol.recipe.cross_task
    if config is None:
        return None
    try:
        path = find_weights(config.source, models / SOURCES)
    except InputError:
        place = models / SOURCES / f"{Path(config.source).stem}.safetensors"
        raise InputError(
            f"The protocol {protocol.name} learns from the source classifier {config.source!r}, which is not there: "
            f"put it at {place} (`monai-landmarks train-source` makes one), or remove recipe.cross_task."
        ) from None
    return read_source(path, protocol.network.normalization, protocol.num_channels)[0]


def initialise(network: nn.Module, protocol: Protocol, models: Path, source: SourceClassifier | None) -> str:
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
    config, origin = protocol.network, RANDOM
    if not isinstance(config, HourglassConfig) and config.pretrained is not None:
        origin = _take_pretrained(network, protocol, config.pretrained, models)
    if source is not None:
        _take_source(network, protocol, source)
        origin = "The source classifier"
    return origin


def _take_pretrained(network: nn.Module, protocol: Protocol, name: str, models: Path) -> str:
    config = protocol.network
    assert not isinstance(config, HourglassConfig)
    encoder = config.encoder if isinstance(config, DeconvNetConfig) else config.backbone
    weights = pretrained_weights(name, encoder, models)
    if weights.normalization is not None and config.normalization not in (weights.normalization, OWN_SCALE):
        raise InputError(
            f"{weights.origin} were trained on values of the normalisation {weights.normalization!r}, not "
            f"{config.normalization!r}: leave network.normalization out, or set it to one of "
            f"{weights.normalization} and {OWN_SCALE}."
        )
    if isinstance(config, ZianNetConfig):
        for backbone in _backbones(network):
            load_backbone_weights(backbone, weights)
    else:
        load_encoder_weights(network.get_submodule(encoder_name(protocol)), encoder, weights)
    return weights.origin


def _take_source(network: nn.Module, protocol: Protocol, source: SourceClassifier) -> None:
    encoder = network.get_submodule(encoder_name(protocol))
    if isinstance(encoder, ResNetEncoder):
        if encoder.architecture != source.architecture:
            raise InputError(
                f"The source is a {source.architecture} and the network's encoder a {encoder.architecture}: "
                f"set network.encoder to {source.architecture}, or give another source."
            )
        encoder.load_state_dict(source.encoder.state_dict())
        return
    backbones = _backbones(network)
    if not backbones:
        raise InputError("A source can be copied into a deconv_net or into the backbones of a zian, no other network.")
    if source.architecture not in {backbone.name for backbone in backbones}:
        raise InputError(
            f"The source is a {source.architecture} and the network's backbone a {backbones[0].name}: make them alike."
        )
    weights = Weights(dict(source.encoder.state_dict()), "The weights of the source")
    for backbone in backbones:
        load_backbone_weights(backbone, weights)


def encoder_name(protocol: Protocol) -> str:
    """Where the encoder of a protocol's network is in it.

    Raises:
        InputError: the network has none.
    """
    config = protocol.network
    if isinstance(config, HourglassConfig):
        raise InputError("A hourglass has no encoder to compare with a source: remove recipe.cross_task.")
    return f"network.{ENCODERS[type(config)]}" if config.halves else ENCODERS[type(config)]


def distilled(network: nn.Module, protocol: Protocol, source: SourceClassifier | None) -> Distiller | None:
    """The network beside its source, as it is trained; None where the recipe does not ask for it."""
    config = protocol.recipe.cross_task
    if config is None:
        return None
    return Distiller(
        network,
        source if config.lambda_cd or config.lambda_ed else None,
        encoder_name(protocol),
        trainable=config.trainable,
        freeze_bn=config.freeze_bn,
        train_classifier=config.train_classifier,
    )


def _backbones(network: nn.Module) -> list[Backbone]:
    return [module for module in network.modules() if isinstance(module, Backbone)]

"""The normalisation of a network that learns from a source classifier and states none."""

from __future__ import annotations

from typing import Any

from .network_config import NETWORKS
from .recipe import FACES, IMAGENET

#: Beginnings of the names of encoders whose ImageNet classifiers have a normalisation of their own name.
_LITE = ("efficientnet-lite", "tf_efficientnet_lite")


def with_source_normalization(protocol: Any) -> Any:
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

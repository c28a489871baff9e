"""The rows of an ablation: variants of one protocol that differ in one part each, under one recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from monai_ext.landmarks import (
    CROSS_TASK_TEMPERATURE,
    CROSS_TASK_WEIGHT,
    NAMED_RECIPES,
    HourglassConfig,
    InputError,
    Protocol,
    Recipe,
)
from monai_ext.losses import mode_weights

from .settings import RECIPES

#: Of Fu et al., MLMI 2020, table 1: what of the encoder learns, and which of the paper's terms the loss has.
CROSS_TASK_ROWS: Mapping[str, Mapping[str, Any]] = {
    "FE": {"trainable": "none", "mode": "FT"},
    "FTP": {"trainable": "last_block", "mode": "FT"},
    "FT": {"trainable": "all", "mode": "FT"},
    "CD": {"trainable": "all", "mode": "CD"},
    "ED": {"trainable": "all", "mode": "ED"},
    "Com": {"trainable": "all", "mode": "Com"},
}

#: Rows with a network of their own, by its number of stacks.
HOURGLASS_ROWS: Mapping[str, int] = {"HG": 2, "HG8": 8}

#: What the encoder begins with: the protocol's own weights, or random ones.
START_ROWS = ("pretrained", "random")

#: The protocol's own recipe.
OWN_RECIPE = "protocol"

#: What a recipe by name takes from the protocol: these belong to the images, not to the method.
_OF_THE_IMAGES = ("augmentation", "cross_task", "val_fraction", "batch_size")


def row_names(protocol: Protocol) -> tuple[str, ...]:
    """The rows that a protocol can have, none where it has no ZIAN, no source classifier and no pretrained encoder."""
    own = tuple(protocol.network.rows)
    transfer = ("FE", "FTP", "FT", *HOURGLASS_ROWS, "CD", "ED", "Com") if protocol.recipe.cross_task else ()
    starts = START_ROWS if protocol.network.start_weights else ()
    return own + transfer + starts


def default_rows(protocol: Protocol) -> tuple[str, ...]:
    """The rows of the papers' tables that a protocol can have; where it has none, both starts of the encoder."""
    names = row_names(protocol)
    return tuple(name for name in names if name not in ("HG8", *START_ROWS)) or names


def row_protocol(protocol: Protocol, row: str, *, weight: float = CROSS_TASK_WEIGHT) -> Protocol:
    """The protocol of a row.

    Args:
        protocol: the whole method; its recipe is that of every row.
        row: one of :func:`row_names`.
        weight: of each regulariser of the rows CD, ED and Com.

    Raises:
        InputError: the protocol cannot have such a row, or an option does not fit.
    """
    names = row_names(protocol)
    if not names:
        raise InputError(
            f"The protocol {protocol.name} has no rows to compare: its network is {protocol.network.name}, not zian, "
            "network.pretrained names no weights and recipe.cross_task no source classifier; set one of the three."
        )
    if row not in names:
        raise InputError(f"There is no row {row!r}: the protocol {protocol.name} can have {', '.join(names)}.")
    network = protocol.network.model_dump()
    if row == "pretrained":
        return protocol
    if row == "random":
        return _changed(protocol, network=network | {"pretrained": None})
    if row in protocol.network.rows:
        return _changed(protocol, network={**network, **protocol.network.rows[row]})
    if row in HOURGLASS_ROWS:
        kept = {name: network[name] for name in HourglassConfig.model_fields if name in network}
        hourglass = {**kept, "name": "hourglass", "stacks": HOURGLASS_ROWS[row]}
        return _changed(protocol, network=hourglass, recipe=protocol.recipe.model_dump() | {"cross_task": None})
    assert protocol.recipe.cross_task is not None
    parts = CROSS_TASK_ROWS[row]
    lambda_cd, lambda_ed = mode_weights(parts["mode"], weight)
    block = protocol.recipe.cross_task.model_dump() | {
        "lambda_cd": lambda_cd,
        "lambda_ed": lambda_ed,
        "trainable": parts["trainable"],
        "temperature": CROSS_TASK_TEMPERATURE,
    }
    if not lambda_cd:
        block["train_classifier"] = False  # the loss does not use it
    return _changed(protocol, network=network, recipe=protocol.recipe.model_dump() | {"cross_task": block})


def under_recipe(protocol: Protocol, name: str, **changes: Any) -> Protocol:
    """The protocol with one recipe for all rows, which never stops early.

    Args:
        protocol: the task; augmentation, batch size (unless the named recipe has one) and source are kept.
        name: one of :data:`RECIPES`.
        changes: fields of the recipe that stand instead; None keeps a field.

    Raises:
        InputError: there is no such recipe, or a value does not fit.
    """
    if name not in RECIPES:
        raise InputError(f"There is no recipe {name!r}: use one of {', '.join(RECIPES)}.")
    own = protocol.recipe.model_dump()
    if name == OWN_RECIPE:
        fields = own
    else:
        named = NAMED_RECIPES.get(name, {})
        fields = {"name": name, **{field: own[field] for field in _OF_THE_IMAGES if field not in named}}
        fields = Recipe.model_validate(fields).model_dump()
    given = {field: value for field, value in changes.items() if value is not None}
    return _changed(protocol, recipe={**fields, "patience": 0, **given})


def with_backbone(protocol: Protocol, backbone: str | None) -> Protocol:
    """The protocol with another backbone of its network, or encoder of a deconv_net; None keeps its own.

    Raises:
        InputError: the network has none.
    """
    if backbone is None:
        return protocol
    field = protocol.network.encoder_field
    if field is None:
        raise InputError(f"The network {protocol.network.name} has no backbone to replace: leave --backbone out.")
    return _changed(protocol, network=protocol.network.model_dump() | {field: backbone})


def _changed(protocol: Protocol, **parts: Any) -> Protocol:
    try:
        return Protocol.model_validate(protocol.model_dump() | parts)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InputError(f"The protocol {protocol.name} cannot have {field}: {first['msg']}.") from None

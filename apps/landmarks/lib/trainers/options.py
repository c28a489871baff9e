"""The parameters of a training request, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from monai_ext.engines import TrainOptions
from monai_ext.networks import device_names

from ..errors import ParameterError

#: What a request may choose; the other options of a run are the server's own affair.
OPTION_NAMES = ("max_epochs", "minutes", "batch_size", "learning_rate", "val_fraction", "patience", "seed", "device")
#: What MONAI Label and its client add to every training request.
PLATFORM_NAMES = ("model", "gpus", "local_rank", "client_id")


def train_options(request: Mapping[str, Any]) -> TrainOptions:
    """The options of a training request.

    Raises:
        ParameterError: an unknown name, a value of the wrong type or range, or a device that this machine lacks.
    """
    chosen = {name: value for name, value in request.items() if name not in PLATFORM_NAMES}
    for name, value in chosen.items():
        if name not in OPTION_NAMES:
            raise ParameterError(f"The training parameter {name[:80]!r} is unknown; use {', '.join(OPTION_NAMES)}.")
        if isinstance(value, bool):
            raise ParameterError(f"The training parameter {name!r} cannot be {value}: it is no yes or no.")
    try:
        options = TrainOptions.model_validate(chosen)
    except ValidationError as error:
        first = error.errors()[0]
        name, value = ".".join(map(str, first["loc"])), first.get("input")
        raise ParameterError(f"The training parameter {name!r} cannot be {value!r:.80}: {first['msg']}.") from None
    devices = device_names()
    if options.device not in devices:
        raise ParameterError(
            f"The training parameter 'device' cannot be {options.device!r:.80}: this machine has {', '.join(devices)}."
        )
    return options

"""MONAI Label's training task for one protocol."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

from monailabel.interfaces.tasks.train import TrainTask
from monailabel.utils.async_tasks.utils import tasks
from pydantic import ValidationError

from monai_ext.engines import TrainOptions, train_model
from monai_ext.landmarks import Protocol
from monai_ext.landmarks.errors import input_error_behind

from ..datastore import LandmarkDatastore
from ..errors import ParameterError
from ..served_model import ServedModel
from ..startup import in_server
from .parent_watch import ends_with_parent
from .progress import ProgressFile
from .training_set import training_set

logger = logging.getLogger(__name__)

#: What a request may choose; the other options of a run are the server's own affair.
OPTION_NAMES = ("max_epochs", "batch_size", "learning_rate", "val_fraction", "patience", "seed", "device")
#: What MONAI Label and its client add to every training request.
PLATFORM_NAMES = ("model", "gpus", "local_rank", "client_id")


def train_options(request: Mapping[str, Any]) -> TrainOptions:
    """The options of a training request, checked.

    Raises:
        ParameterError: an unknown name, or a value of the wrong type or range.
    """
    chosen = {name: value for name, value in request.items() if name not in PLATFORM_NAMES}
    for name in chosen:
        if name not in OPTION_NAMES:
            raise ParameterError(f"The training parameter {name[:80]!r} is unknown; use {', '.join(OPTION_NAMES)}.")
    try:
        return TrainOptions.model_validate(chosen)
    except ValidationError as error:
        first = error.errors()[0]
        name, value = ".".join(map(str, first["loc"])), first.get("input")
        raise ParameterError(f"The training parameter {name!r} cannot be {value!r:.80}: {first['msg']}.") from None


class LandmarkTrain(TrainTask):
    """Trains the network of one protocol on the final labels, in a process of its own.

    Args:
        model: the model to train; its first root receives what is published.
        protocols: all served protocols, to tell whose label is whose.
    """

    def __init__(self, model: ServedModel, protocols: Mapping[str, Protocol]) -> None:
        super().__init__(description=f"Trains the network of {model.protocol.title}")
        self.model = model
        self.protocols = protocols
        self.folder = model.roots[0] / model.protocol.name
        self.progress = ProgressFile(self.folder)

    def config(self) -> dict[str, Any]:
        """The parameters that a client may send, with their present values."""
        recipe = self.model.protocol.recipe
        return {"max_epochs": recipe.max_epochs, "batch_size": recipe.batch_size, "device": "auto"}

    def stats(self) -> dict[str, Any]:
        name = self.model.protocol.name
        state = next((t["status"] for t in reversed(tasks("train")) if t["request"].get("model") == name), None)
        return self.progress.read(waiting=state in {"SUBMITTED", "RUNNING"}, stopped=state == "STOPPED")

    def announce(self, options: TrainOptions) -> None:
        """Records that a run was asked for, so that the result of an earlier one is not taken for its own."""
        recipe = options.applied_to(self.model.protocol).recipe
        self.progress.write({"status": "queued", "epoch": 0, "max_epochs": recipe.max_epochs})

    def __call__(self, request: dict[str, Any], datastore: LandmarkDatastore) -> dict[str, Any]:
        """Trains and publishes.

        Raises:
            InputError: the options or the labels cannot be used.
        """
        try:
            with nullcontext() if in_server() else ends_with_parent(self._orphaned):
                return self._train(train_options(request), datastore)
        except Exception as error:
            reason = input_error_behind(error)
            unexpected = f"Training failed unexpectedly ({type(error).__name__}: {error}); see the server's log."
            self.progress.fail(str(reason or unexpected))
            logger.error("Training of %s failed: %s", self.model.protocol.name, reason or unexpected)
            if reason is None:
                raise
            raise reason from None

    def _train(self, options: TrainOptions, datastore: LandmarkDatastore) -> dict[str, Any]:
        start = time.monotonic()
        protocol = self.model.protocol
        self.announce(options)
        images = training_set(datastore, protocol, self.protocols)
        last: dict[str, Any] = {}

        def on_progress(progress: dict[str, Any]) -> None:
            last.update(progress)
            self.progress.write(progress)

        result = train_model(
            protocol,
            images,
            self.folder,
            options,
            pretrained=self.model.roots[1] / protocol.name,
            on_progress=on_progress,
            data=f"{len(images)} labelled images of {datastore.folder.name}",
        )
        version = (result.card or self.model.card()).version
        seconds = round(time.monotonic() - start, 1)
        final = {**last, "model_version": version, "message": result.reason, "total_time": seconds}
        self.progress.write(final)
        logger.info("%s", result.reason)
        return final

    def _orphaned(self) -> None:
        self.progress.fail("Training stopped because the server ended.")

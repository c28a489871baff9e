"""MONAI Label's training task for one protocol, and its options."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from monailabel.interfaces.tasks.train import TrainTask
from pydantic import ValidationError

from monai_ext.engines import StopSwitch, TrainOptions, stopped_by_signals, train_model
from monai_ext.landmarks import Protocol, input_error_behind
from monai_ext.models import FolderBusyError, check_free
from monai_ext.networks import device_names

from ..datastore import LandmarkDatastore
from ..errors import ConflictError, ParameterError, StorageError
from ..served_labels import training_set
from ..served_model import ServedModel
from ..start_check import in_server
from .ending import FAILED, PROCESS_VARIABLE, Ending, end_soon, ends_with_parent
from .progress import ACTIVE, ENDED, ProgressFile, is_about
from .queue import WORDS, OnEnd, new_record, training_queue

logger = logging.getLogger(__name__)

#: What a request may choose; the other options of a run are the server's own affair.
OPTION_NAMES = ("max_epochs", "minutes", "batch_size", "learning_rate", "val_fraction", "patience", "seed", "device")
#: What MONAI Label and its client add to every training request.
PLATFORM_NAMES = ("model", "gpus", "local_rank", "client_id")


class LandmarkTrain(TrainTask):
    """Trains the network of one protocol on the final labels, in a process of its own.

    Args:
        model: the model to train; its first root receives what is published.
        protocols: all served protocols, to assign labels to protocols.
    """

    def __init__(self, model: ServedModel, protocols: Mapping[str, Protocol]) -> None:
        super().__init__(description=f"Trains the network of {model.protocol.title}")
        self.model = model
        self.protocols = protocols
        self.folder = model.roots[0] / model.protocol.name
        self.progress = ProgressFile(self.folder)
        self._stop = StopSwitch()

    def config(self) -> dict[str, Any]:
        """The parameters that a client may send, with their present values."""
        recipe = self.model.protocol.recipe
        found: dict[str, Any] = {"batch_size": recipe.batch_size, "device": "auto"}
        if recipe.max_steps is None:  # else the number of epochs follows from the number of images
            found["max_epochs"] = recipe.max_epochs
        return found

    def request(self, options: TrainOptions) -> dict[str, Any]:
        """Returns what a training process gets: the protocol and what was chosen for the run."""
        return {"model": self.model.protocol.name, **options.model_dump(exclude_unset=True)}

    def stats(self) -> dict[str, Any]:
        return self.state()[0]

    def state(self) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """Returns the state of the last training of the protocol and what is kept of it: all answers come from this.

        A run that waits, or whose process has not come so far, counts as soon as the one before it has ended.
        """
        active = training_queue.active(self.model.protocol.name)
        progress, task = self.progress.look(waiting=bool(active))
        if progress["status"] not in ACTIVE:
            later = [each for each in active if progress["status"] == "never" or not is_about(task, each["id"])]
            if later:
                return {"status": "queued", "epoch": 0}, later[0]
        return progress, task

    def goes_on(self) -> bool:
        """Returns whether a training runs or waits; its process may be there for a while after it has ended."""
        return self.stats()["status"] in ACTIVE

    def refuse_busy_folder(self) -> None:
        """Refuses where another program trains the same network.

        Raises:
            ConflictError: it does, and this server's queue does not.
        """
        if training_queue.busy(self.model.protocol.name):
            return
        try:
            check_free(self.folder)
        except FolderBusyError as error:
            raise ConflictError(str(error)) from None

    def queue(self, options: TrainOptions, on_end: OnEnd | None = None) -> dict[str, Any]:
        """Queues a training; returns its task as MONAI Label describes it.

        Args:
            options: of the run.
            on_end: takes how the process ended in the place of :meth:`ended`, which it has to tell.

        Raises:
            StorageError: there is no room to record that it was requested.
        """
        try:
            return training_queue.submit(
                self.request(options), lambda asked: self.announce(options, asked), on_end or self.ended
            )
        except OSError as error:
            name = self.model.protocol.name
            raise StorageError(
                f"The progress of training {name!r} cannot be written ({error.strerror}): free some space on the disk."
            ) from None

    def announce(self, options: TrainOptions, task: dict[str, Any] | None = None) -> None:
        """Records that a run was requested, so that the result of an earlier one is not taken for its own.

        Args:
            options: of the run.
            task: what is kept of it; without it, it is the one that this process was started for, or a new one.
        """
        recipe = options.applied_to(self.model.protocol).recipe
        if task is None:
            identity, known = os.environ.get(PROCESS_VARIABLE), self.progress.look()[1]
            same = known is not None and known["id"] == identity
            task = known if same else new_record(self.request(options), identity)
        unknown = recipe.max_steps is not None and options.max_epochs is None  # until the images are counted
        epochs = 0 if unknown else recipe.max_epochs
        self.progress.write({"status": "queued", "epoch": 0, "max_epochs": epochs}, task)

    def stop(self) -> None:
        """Asks a training within this very process to stop."""
        self._stop.ask()

    def ended(self, ending: Ending) -> str:
        """Takes the end of a training process, which may not have recorded why; returns MONAI Label's word for it."""
        status = "stopped" if ending.asked else "failed"
        self.progress.end_if_active(status, ending.sentence, ending.task)
        progress, task = self.progress.look()
        own = ending.task is None or is_about(task, ending.task["id"])
        return WORDS[progress["status"] if own and progress["status"] in ENDED else status]

    def __call__(self, request: dict[str, Any], datastore: LandmarkDatastore) -> dict[str, Any]:
        """Trains and publishes.

        Raises:
            InputError: the options or the labels cannot be used, or memory or disk space is lacking; a process that
                was started for the training prints the sentence and ends instead.
        """
        self._stop = StopSwitch()
        try:
            with self._stopped_from_outside():
                final = self._train(train_options(request), datastore)
            end_soon(0)
            return final
        except Exception as error:
            reason = input_error_behind(error)
            unexpected = f"Training failed unexpectedly ({type(error).__name__}: {error}); see the server's log."
            sentence = " ".join(str(reason or unexpected).split())
            if not isinstance(reason, FolderBusyError):  # then the progress is that of another training
                self.progress.end("failed", sentence)
            logger.error("Training of %s failed.", self.model.protocol.name, exc_info=None if reason else error)
            if PROCESS_VARIABLE in os.environ:
                end_soon(1)
                raise SystemExit(FAILED + sentence) from None
            if reason is None:
                raise
            raise reason from None

    @contextmanager
    def _stopped_from_outside(self) -> Iterator[None]:
        if in_server():
            yield
            return
        with stopped_by_signals(self._stop), ends_with_parent(self._stop, self._lost):
            yield

    def _train(self, options: TrainOptions, datastore: LandmarkDatastore) -> dict[str, Any]:
        start = time.monotonic()
        protocol = self.model.protocol
        check_free(self.folder)
        self.announce(options)
        images = training_set(datastore, protocol, self.protocols)
        last: dict[str, Any] = {}

        def on_progress(progress: dict[str, Any]) -> None:
            last.update(progress)
            if progress["status"] in ACTIVE:  # its end is written below, with the version that is current then
                self.progress.write(progress)

        result = train_model(
            protocol,
            images,
            self.folder,
            options,
            pretrained=self.model.roots[1] / protocol.name,
            on_progress=on_progress,
            stop=self._stop,
            data=f"{len(images)} labelled images of {datastore.folder.name}",
        )
        message = f"{self._stop.cause} {result.reason}".strip() if result.stopped else result.reason
        final = {**last, "message": message, "total_time": round(time.monotonic() - start, 1)}
        if not result.stopped:
            final["model_version"] = (result.card or self.model.card()).version
        self.progress.write(final)
        logger.info("%s", message)
        return final

    def _lost(self) -> None:
        self.progress.end_if_active("stopped", "Training ended with its server.")


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
            raise ParameterError(f"The training parameter {name!r} cannot be {value}: it is neither yes nor no.")
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

"""Detecting all unlabelled images of a study, one after the other, while the person goes on."""

from __future__ import annotations

from typing import Any

from ..errors import Busy, Cancelled, ClientError, Refused, ServerFailed
from ..server.client import LandmarkClient
from ..server.images import UNLABELED, ImageEntry
from ..server.prediction import Prediction
from ..server.task_definition import TaskDefinition
from ..words import tr as _
from ..work import jobs
from ..work.jobs import Refreshed
from .workbench import ERROR, INFO, WARNING, Workbench

BATCH = "batch"


class BatchBox:
    """Asks for one prediction after the other; the server keeps each as its image's proposal, never as a label.

    Single requests, and not the server's own batch: that is for administrators, computes on the processor alone, and
    tells its progress in lines of a log.
    """

    def __init__(self, bench: Workbench, ui: Any) -> None:
        self._bench, self._ui = bench, ui
        self._left: list[str] = []
        self._total = 0
        self._made = 0
        self._reason = ""
        ui.detectAllButton.clicked.connect(self.start)
        ui.detectAllStopButton.clicked.connect(self.stop)
        bench.listen(self.show)

    @property
    def running(self) -> bool:
        return self._total > 0

    def start(self, *_args: Any) -> None:
        """Starts with the images that have neither a label nor a proposal of the present network."""
        bench = self._bench
        client, task, model = bench.observer, bench.session.task, bench.session.model
        if self.running or client is None or task is None or model is None:
            return
        version = model.version
        self._left = [entry.id for entry in bench.session.images if _is_open(entry, task, version)]
        if not self._left:
            words = _("Every unlabelled image has its proposal of network {version} already.")
            bench.say(words.format(version=version))
            return
        self._total, self._made, self._reason = len(self._left), 0, ""
        self._next(client, task)
        bench.say(
            _("Detecting {count} images in the background; you can continue labelling.").format(count=self._total)
        )

    def stop(self, *_args: Any) -> None:
        """Stops; the proposals made so far stay."""
        if self.running and self._bench.observer is not None:
            self._left.clear()
            self._bench.observer.cancel()

    def _next(self, client: LandmarkClient, task: TaskDefinition) -> None:
        image = self._left.pop(0)

        def done(_prediction: Prediction) -> None:
            self._made += 1
            go_on()

        def failed(error: ClientError) -> None:
            if not isinstance(error, Cancelled):
                self._reason = str(error)
            of_this_image = isinstance(error, (Refused, ServerFailed)) and not isinstance(error, Busy)
            if not of_this_image:
                self._left.clear()
            go_on()

        def go_on() -> None:
            if self._left:
                self._next(client, task)
                self._bench.changed()
            else:
                self._ended(client)

        self._bench.run(BATCH, "", lambda: jobs.detect(client, task, image, keep=True), done, failed, quiet=True)

    def _ended(self, client: LandmarkClient) -> None:
        bench, total, missed = self._bench, self._total, self._total - self._made
        stopped = not self._reason and missed > 0
        self._total = 0
        words = _("{count} images have a proposal now; open one to correct it.")
        if stopped:
            words = _("Stopped: {count} of {total} images have a proposal now.")
        elif missed:
            words = _("{count} of {total} images have a proposal now; the others failed: {reason}")
        sentence = words.format(count=self._made, total=total, reason=self._reason)
        kind = INFO if stopped or not missed else WARNING if missed < total else ERROR

        def done(refreshed: Refreshed) -> None:
            bench.session.refresh(refreshed)
            bench.say(sentence, kind)

        reader = bench.client or client  # the list is that reader's own where an image has several
        bench.run(BATCH, "", lambda: jobs.refresh(reader), done, lambda _error: bench.say(sentence, kind), quiet=True)

    def show(self) -> None:
        ui, session = self._ui, self._bench.session
        if not self._bench.background.running(BATCH):  # or its job was dropped, as for another server
            self._total = 0
        ready = session.connected and session.model is not None and not self._bench.background.running(BATCH)
        ui.detectAllButton.setEnabled(ready)
        ui.detectAllButton.setVisible(not self.running)
        ui.detectAllBar.setVisible(self.running)
        ui.detectAllStopButton.setVisible(self.running)
        if self.running:
            ui.detectAllBar.setMaximum(self._total)
            ui.detectAllBar.setValue(self._total - len(self._left) - 1)


def _is_open(entry: ImageEntry, task: TaskDefinition, version: str) -> bool:
    """True for an image with neither a label nor this network's proposal."""
    proposal = entry.labels.get("original")
    proposed = proposal is not None and (proposal.protocol, proposal.model_version) == (task.name, version)
    return entry.state == UNLABELED and not proposed

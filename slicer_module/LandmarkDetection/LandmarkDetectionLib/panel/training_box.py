"""The section "Training": start, stop, progress with a chart, and the network in use."""

from __future__ import annotations

from typing import Any

import qt

from ..errors import ClientError
from ..server.server_info import ServerInfo, TrainStats
from ..words import tr as _
from ..work import jobs
from ..work.jobs import Refreshed
from .pictures import Moment, draw_chart
from .workbench import ERROR, INFO, Workbench

TRAIN, WATCH, STOP = "train", "watch", "stop"
_WATCH_MILLISECONDS = 700


class TrainingBox:
    """Starts, watches and stops the training of the chosen protocol."""

    def __init__(self, bench: Workbench, ui: Any) -> None:
        self._bench, self._ui = bench, ui
        #: What the chart shows, by epoch, of the run that goes on or was the last.
        self.history: list[Moment] = []
        self._drawn: Any = None
        self._epochs_of = ""
        self._timer = qt.QTimer()
        self._timer.setInterval(_WATCH_MILLISECONDS)
        self._timer.timeout.connect(self._watch)
        self._watching = False
        ui.trainButton.clicked.connect(self.train)
        ui.stopButton.clicked.connect(self.stop)
        ui.trainingSection.contentsCollapsed.connect(lambda *_: self.show())
        bench.listen(self.show)

    def train(self, *_args: Any) -> None:
        """Starts training with the number of epochs in the field; 0 leaves it to the server."""
        bench, client, task = self._bench, self._bench.client, self._bench.session.task
        if client is None or task is None:
            bench.say(_("Connect to a server first."), ERROR)
            return
        epochs = self._ui.epochsSpin.value

        def job() -> ServerInfo:
            client.train(task.name, {"max_epochs": epochs} if epochs else {})
            return client.info()

        def done(info: ServerInfo) -> None:
            self.history = []
            bench.say(_("Training of {protocol} has started; you can continue labelling.").format(protocol=task.title))
            self._take(info)
            self._start()

        bench.run(TRAIN, _("Starting the training"), job, done)

    def stop(self, *_args: Any) -> None:
        bench, client = self._bench, self._bench.client
        if client is None:
            return

        def job() -> ServerInfo:
            client.stop_training()
            return client.info()

        bench.run(STOP, _("Stopping the training"), job, self._take)

    def follow(self) -> None:
        """Forgets the training of another server."""
        self.history = []

    def close(self) -> None:
        """Stops watching; the timer holds this object while it is connected."""
        self._timer.stop()
        self._timer.timeout.disconnect(self._watch)

    def _start(self) -> None:
        self._watching = True
        self._timer.start()

    def _stop(self) -> None:
        self._watching = False
        self._timer.stop()

    def _watch(self, *_args: Any) -> None:
        bench, observer = self._bench, self._bench.observer
        if observer is None:
            self._stop()
        elif not bench.background.running(WATCH):
            bench.run(WATCH, "", lambda: observer.info(), self._take, self._lost, quiet=True)

    def _lost(self, error: ClientError) -> None:
        self._bench.changed()

    def _take(self, info: ServerInfo) -> None:
        bench = self._bench
        before = bench.session.train_stats
        bench.session.update_info(info)
        stats = bench.session.train_stats
        if stats is None:
            self._stop()
            bench.changed()
            return
        self._remember(stats)
        if not stats.active:
            self._stop()
            if before is not None and before.active:
                self._ended(stats)
        bench.changed()

    def _remember(self, stats: TrainStats) -> None:
        if stats.epoch <= 0 or not (stats.active or self.history):
            return
        if self.history and stats.epoch < self.history[-1].epoch:
            self.history = []
        moment = Moment(stats.epoch, stats.loss, stats.val_error)
        if self.history and self.history[-1].epoch == stats.epoch:
            self.history[-1] = moment
        else:
            self.history.append(moment)

    def _ended(self, stats: TrainStats) -> None:
        bench, client = self._bench, self._bench.client
        kind = ERROR if stats.status == "failed" else INFO
        sentence = stats.message or _("Training has ended: {status}.").format(status=stats.status)
        if client is None:
            bench.say(sentence, kind)
            return

        def done(refreshed: Refreshed) -> None:
            problem = bench.session.refresh(refreshed)
            bench.say(problem or sentence, kind)

        def failed(_error: ClientError) -> None:
            bench.say(sentence, kind)

        bench.run(WATCH, "", lambda: jobs.refresh(client), done, failed, quiet=True)

    # Showing

    def show(self) -> None:
        session, ui = self._bench.session, self._ui
        stats = session.train_stats
        active = stats is not None and stats.active
        if active and not self._watching and self._bench.observer is not None:
            self._start()  # whoever began it
        busy = self._bench.background.running(TRAIN, STOP)
        ui.trainButton.setEnabled(stats is not None and not active and not busy)
        ui.stopButton.setEnabled(active and not busy)
        ui.epochsSpin.setEnabled(stats is not None and not active)
        self._show_epochs()
        ui.trainingBar.setMaximum(max(stats.max_epochs, 1) if stats is not None else 1)
        ui.trainingBar.setValue(stats.epoch if stats is not None else 0)
        ui.trainingBar.setTextVisible(stats is not None and stats.max_epochs > 0)
        ui.trainingLabel.setText(_progress_words(stats))
        ui.modelInfoLabel.setText(self._model_words())
        self._show_chart(stats)

    def _show_epochs(self) -> None:
        """Shows the server's default number of epochs once per protocol."""
        session = self._bench.session
        if session.info is None or session.task is None or session.task.name == self._epochs_of:
            return
        self._epochs_of = session.task.name
        epochs = session.info.train_options.get(session.task.name, {}).get("max_epochs", 0)
        if isinstance(epochs, (int, float)) and epochs >= 0:
            self._ui.epochsSpin.setValue(int(epochs))

    def _show_chart(self, stats: TrainStats | None) -> None:
        label = self._ui.chartLabel
        wanted = bool(self.history)
        label.setVisible(wanted and not self._ui.trainingSection.collapsed)
        if not wanted:
            return
        text = label.palette.color(qt.QPalette.WindowText).name()
        size = max(label.parentWidget().width - 20, 200), 140
        state = size, tuple(self.history), text
        if state != self._drawn:
            self._drawn = state
            epochs, unit = (stats.max_epochs, stats.unit) if stats is not None else (0, "")
            label.setPixmap(draw_chart(size, self.history, epochs, unit, text))

    def _model_words(self) -> str:
        session = self._bench.session
        model = session.model
        if session.info is None or session.task is None:
            return ""
        if model is None:
            return _("There is no network for this protocol yet.")
        words = [_("In use: network {version}").format(version=model.version)]
        if model.labels_used is not None:
            words.append(_("trained on {count} labels").format(count=model.labels_used))
        if model.val_error is not None:
            error = _("error {error:.2f} {unit} when it was published").format(error=model.val_error, unit=model.unit)
            words.append(error)
        return ", ".join(words)


def _progress_words(stats: TrainStats | None) -> str:
    if stats is None:
        return _("This server does not train.")
    if stats.status == "never":
        return _("Not trained on this server yet.")
    if stats.status == "queued":
        return _("The training is being prepared...")
    words = [] if stats.active or not stats.message else [stats.message]
    if stats.loss is not None:
        words.append(_("Loss {loss:.4g}").format(loss=stats.loss))
    if stats.val_error is not None:
        words.append(_("error now {error:.2f} {unit}").format(error=stats.val_error, unit=stats.unit))
    if stats.best is not None:
        words.append(_("best so far {best:.2f} {unit}").format(best=stats.best, unit=stats.unit))
    figures = ", ".join(words[1:] if not stats.active and stats.message else words)
    return f"{stats.message}\n{figures}" if not stats.active and stats.message else figures

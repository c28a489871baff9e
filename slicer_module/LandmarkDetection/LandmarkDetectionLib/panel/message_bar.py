"""The strip at the top: what runs, or the last thing that the person was told."""

from __future__ import annotations

from typing import Any

from ..words import tr as _
from ..workbench import Workbench
from .pictures import sign


class MessageBar:
    """Shows the workbench's jobs and message, with the buttons Cancel and Retry.

    Args:
        bench: what to show.
        ui: the widgets by name.
    """

    def __init__(self, bench: Workbench, ui: Any) -> None:
        self._bench, self._ui = bench, ui
        self._icon = ""
        ui.cancelButton.clicked.connect(lambda *_: bench.cancel())
        ui.retryButton.clicked.connect(self._retry)
        bench.listen(self.show)

    def show(self) -> None:
        bench, ui = self._bench, self._ui
        busy = bench.background.running()
        message = bench.message
        sentence = message.sentence or (_("{what}...").format(what=bench.background.words) if busy else self._rest())
        ui.messageLabel.setText(sentence)
        icon = message.kind if message.sentence else "busy" if busy else "idle"
        if icon != self._icon:
            self._icon = icon
            ui.messageIcon.setPixmap(sign(icon))
        ui.cancelButton.setVisible(busy)
        ui.busyBar.setVisible(busy)
        ui.retryButton.setText(message.retry_words or _("Retr&y"))
        ui.retryButton.setVisible(not busy and message.retry is not None)

    def _rest(self) -> str:
        session = self._bench.session
        if not session.connected:
            return _("Connect to a server to begin.")
        if session.work is None:
            return _("Open an image: press Next Sample, or double-click one in the list.")
        return _("{image} is open.").format(image=session.work.image)

    def _retry(self, *_: Any) -> None:
        retry = self._bench.message.retry
        if retry is not None:
            retry()

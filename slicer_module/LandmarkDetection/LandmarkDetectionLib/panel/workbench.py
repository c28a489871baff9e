"""Shared state of the panel: session, scene, client, jobs and the current message."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer

from ..errors import Cancelled, ClientError, TimedOut, Unreachable
from ..scene.scene import SceneAdapter, SceneError
from ..server.client import LandmarkClient
from ..words import tr as _
from ..work.question import Question
from ..work.session import Session
from .background import Background
from .settings import Settings

#: Where the session lies in the scene's parameter node.
STATE = "Session"
_STATUS_MILLISECONDS = 8000
ERROR, WARNING, INFO = "error", "warning", "info"

MakeClient = Callable[[str, str], LandmarkClient]


class Message:
    """The latest message to the person.

    Attributes:
        kind: ``error``, ``warning`` or ``info``.
        retry: what the button beside it does; None: no such button.
        retry_words: what that button says; empty: "Retry".
    """

    def __init__(
        self,
        sentence: str = "",
        kind: str = INFO,
        retry: Callable[[], object] | None = None,
        retry_words: str = "",
    ) -> None:
        self.sentence, self.kind, self.retry, self.retry_words = sentence, kind, retry, retry_words


class Workbench:
    """The shared state of the panel. Everything here happens in the GUI thread; jobs run elsewhere."""

    def __init__(
        self,
        scene: SceneAdapter,
        make_client: MakeClient,
        ask: Callable[[Question], str],
        settings: Settings,
        folder: Path,
    ) -> None:
        self.scene, self.make_client, self.ask, self.settings, self.folder = scene, make_client, ask, settings, folder
        self.session = Session()
        self.client: LandmarkClient | None = None
        #: Asks for the progress of training and detects whole studies, so that a cancelled request of the person leaves
        #: these alone.
        self.observer: LandmarkClient | None = None
        #: The client of a server that is being connected to.
        self.connecting: LandmarkClient | None = None
        #: Whether the server answered the last request.
        self.reachable = False
        self.message = Message()
        #: The landmark that keys and buttons act on.
        self.current = 0
        self.background = Background(self.changed)
        self._listeners: list[Callable[[], object]] = []
        self._saved = ""
        self._closed = False

    # What happened

    def listen(self, show: Callable[[], object]) -> None:
        """Registers a function that is called after every change."""
        self._listeners.append(show)

    def changed(self) -> None:
        """Updates every part of the panel."""
        if not self._closed:
            for show in self._listeners:
                show()

    def say(
        self,
        sentence: str,
        kind: str = INFO,
        retry: Callable[[], object] | None = None,
        retry_words: str = "",
    ) -> None:
        """Shows one sentence until the next one; arguments as those of :class:`Message`."""
        self.message = Message(sentence, kind, retry, retry_words)
        slicer.util.showStatusMessage(sentence, _STATUS_MILLISECONDS)
        self.changed()

    def answer(self, question: Question) -> str:
        """Puts a question to the person, while the image that it is about stays the open one."""
        with self.background.held():
            return self.ask(question)

    @property
    def image_folder(self) -> Path:
        """Folder for the images of this server; another server may use the same names."""
        name = "".join(letter if letter.isalnum() else "_" for letter in self.session.server)
        folder = self.folder / (name or "images")
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    # Jobs

    def run(
        self,
        key: str,
        words: str,
        job: Callable[[], Any],
        done: Callable[[Any], object],
        failed: Callable[[ClientError], object] | None = None,
        quiet: bool = False,
    ) -> None:
        """Runs a job; see :meth:`Background.run`. Without ``failed`` the error itself is shown."""
        if not quiet:
            self.message = Message()

        def succeeded(result: Any) -> None:
            self.reachable = True
            try:
                done(result)
            except (SceneError, ClientError) as error:
                self.say(str(error), ERROR)

        def went_wrong(error: ClientError) -> None:
            if isinstance(error, (Unreachable, TimedOut)):
                self.reachable = False
            if failed is not None:
                failed(error)
            elif isinstance(error, Cancelled):
                self.say(_("Cancelled."))
            else:
                self.say(str(error), ERROR)

        self.background.run(key, words, job, succeeded, went_wrong, quiet)

    def cancel(self) -> None:
        """Cancels the person's running requests."""
        for client in (self.client, self.connecting):
            if client is not None:
                client.cancel()

    # The scene

    def show_work(self) -> None:
        """Updates the scene from the work, then the panel."""
        work = self.session.work
        if work is not None:
            try:
                self.scene.show_points(work.task, work)
            except SceneError as error:
                self.message = Message(str(error), ERROR)
        self.save()
        self.changed()

    def save(self) -> None:
        """Stores the session in the scene."""
        if self.session.work is None and not self.session.unsent and not self._saved:
            return
        text = self.session.to_json()
        if text != self._saved:
            self._saved = text
            self.scene.save_state({STATE: text})

    def has_saved(self, text: str | None) -> bool:
        """Tests that a text of the scene is what this panel stored last."""
        return bool(text) and text == self._saved

    def forget_saved(self) -> None:
        """Forgets what was stored, for another scene."""
        self._saved = ""

    def close(self) -> None:
        """Ends all jobs and updates."""
        self._closed = True
        self.background.close()
        for client in (self.client, self.observer, self.connecting):
            if client is not None:
                client.cancel()
        if self.session.work is not None:
            self.session.work.pause()
        self.scene.close()

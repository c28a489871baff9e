"""The section "Server": address, connection, annotator, access token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import Cancelled, ClientError, WrongToken
from ..words import tr as _
from ..work import jobs
from ..work.jobs import Refreshed
from ..work.records import Unsent
from .pictures import FAIR, GOOD, IDLE, POOR, light
from .submit_bar import SEND
from .workbench import ERROR, INFO, WARNING, Workbench

CONNECT, REFRESH = "connect", "refresh"


class ServerBox:
    """Connects, and shows whether the server answers."""

    def __init__(self, bench: Workbench, ui: Any, connected: Callable[[], object] = lambda: None) -> None:
        self._bench, self._ui, self._connected = bench, ui, connected
        self._lamp = ""
        self._folded = False
        self._listed_for = ""
        for server in bench.settings.servers or ["http://127.0.0.1:8000"]:
            ui.serverCombo.addItem(server)
        ui.annotatorEdit.setText(bench.settings.annotator)
        bench.session.annotator = bench.settings.annotator
        ui.connectButton.clicked.connect(self.connect)
        ui.refreshButton.clicked.connect(self.refresh)
        ui.annotatorEdit.textChanged.connect(self._name)
        ui.annotatorEdit.editingFinished.connect(self._named)
        bench.listen(self.show)

    def connect(self, *_args: Any) -> None:
        """Connects to the address in the field; the open work stays."""
        bench = self._bench
        if bench.background.running(CONNECT):
            return
        address = self._ui.serverCombo.currentText.strip()
        try:
            client = bench.make_client(address, self._ui.tokenEdit.text)
            observer = bench.make_client(address, self._ui.tokenEdit.text)
        except ClientError as error:
            bench.say(str(error), ERROR)
            return
        client.annotator = bench.session.annotator
        bench.connecting = client

        def done(refreshed: Refreshed) -> None:
            bench.connecting, bench.client, bench.observer = None, client, observer
            client.annotator = bench.session.annotator  # it may have been changed meanwhile
            if client.url != bench.session.server:
                bench.background.drop_all_but(SEND)  # answers of the other server
            problem = bench.session.connect(client.url, refreshed)
            self._listed_for = client.annotator
            bench.settings.add_server(client.url)
            self._remember(client.url)
            self._say_connected(problem, bench.session.sendable)
            self._connected()
            bench.show_work()

        def failed(error: ClientError) -> None:
            bench.connecting, previous = None, bench.client
            lost = isinstance(error, WrongToken) or previous is None or previous.url == client.url
            if lost and not isinstance(error, Cancelled):
                bench.session.disconnect()
                bench.client = bench.observer = None
            bench.say(_("Cancelled.") if isinstance(error, Cancelled) else str(error), _kind(error))

        bench.run(CONNECT, _("Connecting to {server}").format(server=client.url), _refresh(client), done, failed)

    def refresh(self, *_args: Any) -> None:
        """Requests images, networks and protocols again."""
        bench = self._bench
        if bench.client is None:
            self.connect()
            return

        asked_by = bench.session.annotator

        def done(refreshed: Refreshed) -> None:
            self._listed_for = asked_by
            problem = bench.session.refresh(refreshed)
            if problem:
                bench.say(problem, WARNING)

        bench.run(REFRESH, _("Asking the server"), _refresh(bench.client), done)

    def show(self) -> None:
        session, ui = self._bench.session, self._ui
        busy = self._bench.background.running(CONNECT)
        ui.connectButton.setEnabled(not busy)
        ui.connectButton.setText(_("Rec&onnect") if session.connected else _("C&onnect"))
        ui.refreshButton.setEnabled(session.connected and not self._bench.background.running(REFRESH))
        lamp, words = self._state()
        if busy:
            lamp = FAIR
        ui.statusLabel.setText(words)
        self._fold()
        if lamp != self._lamp:
            self._lamp = lamp
            ui.statusLight.setPixmap(light(lamp))

    def _fold(self) -> None:
        """Collapses the section once, when an image is open; expands it when the connection is lost."""
        session, section = self._bench.session, self._ui.serverSection
        if not self._folded and session.connected and session.work is not None:
            self._folded = True
            section.collapsed = True
        elif self._folded and not session.connected:
            self._folded = False
            section.collapsed = False

    def _state(self) -> tuple[str, str]:
        session = self._bench.session
        if session.info is None:
            return IDLE, _("Not connected")
        if not self._bench.reachable:
            return POOR, _("{server} does not answer").format(server=session.server)
        name = f"{session.info.name} {session.info.version}".strip()
        if session.info.readers > 1:
            if not session.annotator:
                return POOR, _("Each image has {count} readers: enter your name").format(count=session.info.readers)
            words = _("Connected to {name}, labelling as {who}, one of {count} readers")
            return GOOD, words.format(name=name, who=session.annotator, count=session.info.readers)
        if session.annotator:
            return GOOD, _("Connected to {name}, labelling as {who}").format(name=name, who=session.annotator)
        return GOOD, _("Connected to {name}, labelling without a name").format(name=name)

    def _name(self, *_args: Any) -> None:
        name = self._ui.annotatorEdit.text.strip()
        self._bench.session.annotator = self._bench.settings.annotator = name
        if self._bench.client is not None:
            self._bench.client.annotator = name
        self.show()

    def _named(self, *_args: Any) -> None:
        """Refreshes the list for another reader, who has labels of their own and does not see those of the former."""
        session = self._bench.session
        if session.info is None or session.info.readers == 1 or session.annotator == self._listed_for:
            return
        if session.work is not None and session.is_of_another_reader(session.work):
            session.keep_unsent(_("The name was changed before it was submitted."))
            session.close_image()
            self._bench.scene.clear()
            self._bench.save()
        self.refresh()

    def _remember(self, address: str) -> None:
        combo = self._ui.serverCombo
        combo.clear()
        for server in self._bench.settings.servers:
            combo.addItem(server)
        combo.setCurrentIndex(0)

    def _say_connected(self, problem: str, unsent: tuple[Unsent, ...]) -> None:
        bench = self._bench
        if problem:
            bench.say(problem, WARNING)
        elif getattr(bench.client, "exposes_token", False):
            bench.say(_("Connected, but the access token goes over the network unencrypted: use https."), WARNING)
        elif unsent:
            bench.say(_("Connected; there is work that the server does not have: press Send Again."), WARNING)
        else:
            bench.say(_("Connected to {server}.").format(server=bench.session.server), INFO)


def _refresh(client: Any) -> Callable[[], Refreshed]:
    return lambda: jobs.refresh(client)


def _kind(error: ClientError) -> str:
    return INFO if isinstance(error, Cancelled) else ERROR

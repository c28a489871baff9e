"""The example picture of a landmark beside its definition."""

from __future__ import annotations

from typing import Any

import qt

from ..errors import ClientError
from ..words import tr as _
from .workbench import Workbench

PICTURE = "picture"
#: The largest side in pixels of the window.
SIDE = 200


class LandmarkPicture:
    """Shows the picture of the landmark while it is placed; at other times the panel needs the room."""

    def __init__(self, bench: Workbench, ui: Any) -> None:
        self._bench, self._frame = bench, ui.landmarkPicture
        self._label = qt.QLabel()
        self._label.setObjectName("pictureLabel")
        self._label.setAlignment(qt.Qt.AlignCenter)
        ui.landmarkPicture.layout().addWidget(self._label)
        #: By server, protocol and landmark; None for what is no picture.
        self._pictures: dict[tuple[str, str, str], Any] = {}
        #: What the server could not send; it is asked for again when the landmark is placed again.
        self._failed: tuple[str, str, str] | None = None
        self._shown: tuple[str, str, str] | None = None
        bench.listen(self.show)

    def show(self) -> None:
        key = self._key()
        if key != self._failed:
            self._failed = None
        if key is not None and key not in self._pictures and key != self._failed:
            self._fetch(key)
        picture = None if key is None else self._pictures.get(key)
        self._frame.setVisible(picture is not None)
        if picture is not None and key is not None and key != self._shown:
            self._label.setPixmap(picture)
            self._label.setToolTip(_("Example of {landmark}").format(landmark=key[2].replace("_", " ")))
        self._shown = None if picture is None else key

    def _key(self) -> tuple[str, str, str] | None:
        """Server, protocol and landmark of the picture to show; None while nothing is placed, or without a picture."""
        session, index = self._bench.session, self._bench.scene.placing
        if index is None or session.work is None or session.task is None or index >= len(session.task.landmarks):
            return None
        landmark = session.task.landmarks[index]
        return (session.server, session.task.name, landmark.name) if landmark.picture else None

    def _fetch(self, key: tuple[str, str, str]) -> None:
        bench, client = self._bench, self._bench.client
        if client is None or not bench.session.connected or bench.background.running(PICTURE):
            return

        def done(content: bytes) -> None:
            self._pictures[key] = picture_of(content)

        def failed(_error: ClientError) -> None:
            self._failed = key  # the definition is there all the same

        bench.run(PICTURE, "", lambda: client.landmark_picture(key[1], key[2]), done, failed, quiet=True)


def picture_of(content: bytes) -> Any:
    """A PNG as it fits the panel; None if it is none."""
    picture = qt.QPixmap()
    picture.loadFromData(content)
    if picture.isNull():
        return None
    if max(picture.width(), picture.height()) <= SIDE:
        return picture
    return picture.scaled(SIDE, SIDE, qt.Qt.KeepAspectRatio, qt.Qt.SmoothTransformation)

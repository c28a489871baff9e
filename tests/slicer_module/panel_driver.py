"""Works the real panel as a person does: clicks buttons, reads tables, drags points in the rendered view."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from host import Host
from host.install import MODULE
from LandmarkDetectionLib.work.question import Question
from PySide6 import QtCore, QtGui, QtTest, QtWidgets
from scipy import ndimage


class Driver:
    """The module in its host.

    Args:
        folder: for settings.
        make_client: None: over HTTP.
        view_size: width and height of the slice view.
        source: the module's folder.
    """

    def __init__(
        self,
        folder: Path,
        make_client: Callable[[str, str], Any] | None = None,
        view_size: tuple[int, int] = (480, 400),
        source: Path = MODULE,
    ) -> None:
        self.host = Host(folder, view_size, source)
        self.widget = self.host.open_module()
        self.panel = self.widget.panel
        self.bench = self.panel.bench
        self.ui = self.widget.ui
        #: The questions that came, and the answers that are given, in order; without one it is the safest.
        self.questions: list[Question] = []
        self.answers: list[str] = []
        #: Where a test put the points, in pixels.
        self.placed: list[tuple[float, float]] = []
        #: How many keys were pressed, and how often a point was dragged or placed.
        self.keys, self.deeds = 0, 0
        self.bench.ask = self._answer
        if make_client is not None:
            self.bench.make_client = make_client

    def _answer(self, question: Question) -> str:
        self.questions.append(question)
        answer = self.answers.pop(0) if self.answers else question.choices[0]
        assert answer in question.choices, (answer, question)
        return answer

    # The panel

    def click(self, name: str) -> None:
        """Presses a button with the mouse; AssertionError where it is greyed."""
        button = getattr(self.ui, f"{name}Button")
        assert button.enabled, f"{name} is not enabled: {self.message}"
        QtTest.QTest.mouseClick(button, QtCore.Qt.LeftButton)

    def idle(self, seconds: float = 60.0) -> None:
        """Waits until no request of the person goes on."""
        self.host.wait(lambda: not self.bench.background.running(), seconds, self.bench.background.words)

    def do(self, name: str) -> None:
        """Presses a button and waits until it has had its effect."""
        self.click(name)
        self.idle()

    def submit(self) -> None:
        """Submits, also where predictions were not looked at."""
        self.do("submit")
        if self.bench.message.retry_words:
            self.do("retry")

    def connect(self, url: str, token: str = "") -> None:
        self.ui.serverCombo.setEditText(url)
        self.ui.tokenEdit.setText(token)
        self.do("connect")

    def open(self, image: str) -> None:
        """Double-clicks an image in the list."""
        table = self.ui.imageTable
        row = [table.item(r, 0).text() for r in range(table.rowCount)].index(image)
        table.selectRow(row)
        table.cellDoubleClicked.emit(row, 0)
        self.idle()

    def choose(self, row: int) -> None:
        """Clicks a row of the landmark table."""
        table = self.ui.landmarkTable
        place = table.visualItemRect(table.item(row, 0)).center()
        QtTest.QTest.mouseClick(table.viewport(), QtCore.Qt.LeftButton, QtCore.Qt.NoModifier, place)

    def key(self, key: str, modifier: str = "") -> None:
        """Presses a key while the slice view has the focus; the events are counted in :attr:`keys`."""
        self.host.window.activateWindow()
        self.host.slice_widget.setFocus()
        shift = QtCore.Qt.ShiftModifier if modifier == "shift" else QtCore.Qt.NoModifier
        QtTest.QTest.keyClick(self.host.window, key, shift)
        self.keys += 1
        self.host.step()

    @property
    def message(self) -> str:
        return str(self.ui.messageLabel.text)

    @property
    def rows(self) -> list[list[str]]:
        """The landmark table: name, status, confidence, moved."""
        table = self.ui.landmarkTable
        return [[table.item(row, column).text() for column in range(4)] for row in range(table.rowCount)]

    @property
    def images(self) -> dict[str, str]:
        """The image list: state by image."""
        table = self.ui.imageTable
        return {table.item(row, 0).text(): table.item(row, 1).text() for row in range(table.rowCount)}

    @property
    def work(self) -> Any:
        return self.bench.session.work

    # The slice view

    def pixels(self) -> list[tuple[float, float] | None]:
        """Where the scene's points are, in pixels of the image."""
        return [point.pixel for point in self.bench.scene.read_points()]

    def image_to_view(self, x: float, y: float) -> tuple[float, float]:
        """View pixel of an image pixel, by the volume's own IJKToRAS."""
        volume = self.bench.scene.volume
        matrix = _matrix(volume.GetIJKToRASMatrix)
        return self.host.view.at((matrix @ [x, y, 0.0, 1.0])[:3])

    def view_to_image(self, x: float, y: float) -> tuple[float, float]:
        """Image pixel of a view pixel, by matrices of the volume and the slice node alone."""
        view = self.host.view
        ijk = np.linalg.inv(_matrix(self.bench.scene.volume.GetIJKToRASMatrix))
        to_ras = np.array([[view.node.GetXYToRAS().GetElement(r, c) for c in range(4)] for r in range(4)])
        found = ijk @ to_ras @ [x, view.size[1] - 1 - y, 0.0, 1.0]
        return float(found[0]), float(found[1])

    def drag(self, index: int, to: tuple[float, float]) -> None:
        """Drags a landmark to an image pixel with Qt's mouse events on the view's widget."""
        start, end = self.image_to_view(*self.pixels()[index]), self.image_to_view(*to)
        middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        widget, left = self.host.slice_widget, QtCore.Qt.LeftButton
        self.host.view.picture()
        self._move(start)
        self._move(start)
        QtTest.QTest.mousePress(widget, left, QtCore.Qt.NoModifier, _point(start))
        for place in (middle, end):
            self._move(place)
        QtTest.QTest.mouseRelease(widget, left, QtCore.Qt.NoModifier, _point(end))
        self.deeds += 1
        self.host.step()

    def click_view(self, x: float, y: float) -> None:
        """Clicks at an image pixel in the view."""
        place = self.image_to_view(x, y)
        self.host.view.picture()
        self._move(place)
        self._move(place)
        QtTest.QTest.mouseClick(self.host.slice_widget, QtCore.Qt.LeftButton, QtCore.Qt.NoModifier, _point(place))
        self.deeds += 1
        self.host.step()

    def _move(self, place: tuple[float, float]) -> None:
        position = QtCore.QPointF(_point(place))
        global_position = QtCore.QPointF(self.host.slice_widget.mapToGlobal(_point(place)))
        for kind in (QtCore.QEvent.Enter, QtCore.QEvent.MouseMove):
            if kind == QtCore.QEvent.Enter:
                event: Any = QtGui.QEnterEvent(position, position, global_position)
            else:
                none = QtCore.Qt.NoButton
                event = QtGui.QMouseEvent(kind, position, global_position, none, none, QtCore.Qt.NoModifier)
            QtWidgets.QApplication.sendEvent(self.host.slice_widget, event)

    def glyph(self, color: str) -> tuple[float, float]:
        """Image pixel in the middle of the largest mark of a landmark's colour in the rendered picture.

        A mark is a cross whose middle is open: its four arms count as one.
        """
        picture = self.host.view.picture().astype(int)
        wanted = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
        drawn = (np.abs(picture - wanted) < 40).all(-1)
        patches, count = ndimage.label(ndimage.binary_dilation(drawn, iterations=4))
        assert count, f"nothing in the picture is {color}"
        sizes = ndimage.sum_labels(drawn, patches, range(1, count + 1))
        y, x = ndimage.center_of_mass(drawn & (patches == 1 + int(np.argmax(sizes))))
        return self.view_to_image(x, y)

    def let_go(self) -> None:
        """Keeps nothing of the panel, so that a test sees whether anything else does."""
        self.widget = self.panel = self.bench = self.ui = None

    def close(self) -> None:
        self.host.close()


def _matrix(fill: Callable[[Any], None]) -> np.ndarray:
    import vtk

    matrix = vtk.vtkMatrix4x4()
    fill(matrix)
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def _point(place: tuple[float, float]) -> Any:
    return QtCore.QPoint(round(place[0]), round(place[1]))

"""Makes a picture of panel and view at each step of the use, on a real server with the shipped synthetic images.

From the root of the project:
``xvfb-run -a -s "-screen 0 1600x1400x24" python tests/slicer_module/screenshots.py --output pictures``;
it works without a screen too.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_PATHS = (ROOT / "slicer_module" / "LandmarkDetection", ROOT / "tests" / "slicer_module", ROOT / "tests" / "app", ROOT)
sys.path[:0] = [str(path) for path in _PATHS]

from app_server import Server, run_server  # noqa: E402
from host import install  # noqa: E402
from panel_driver import Driver  # noqa: E402
from PIL import Image  # noqa: E402
from PySide6 import QtCore, QtGui, QtWidgets  # noqa: E402

VIEW = (760, 760)
#: The picture's size: the panel's column and the view.
WINDOW = (1240, 780)
README_VIEW = (640, 900)
PANEL_WIDTH = 470
EPOCHS = 10
IMAGE, OTHER = "synthetic_fundus_004", "synthetic_fundus_007"
#: A dark window; Slicer follows the system's palette.
DARK = {
    QtGui.QPalette.Window: "#31363B",
    QtGui.QPalette.WindowText: "#EFF0F1",
    QtGui.QPalette.Base: "#232629",
    QtGui.QPalette.AlternateBase: "#2B2F33",
    QtGui.QPalette.Text: "#EFF0F1",
    QtGui.QPalette.Button: "#3B4045",
    QtGui.QPalette.ButtonText: "#EFF0F1",
    QtGui.QPalette.Highlight: "#2F7FC1",
    QtGui.QPalette.HighlightedText: "#FFFFFF",
    QtGui.QPalette.PlaceholderText: "#9AA0A6",
}


class Camera:
    """Photographs the window; pictures are numbered.

    Args:
        driver: works the panel.
        folder: where the pictures go.
    """

    def __init__(self, driver: Driver, folder: Path) -> None:
        self._driver, self._folder, self._number = driver, folder, 0
        driver.host.window.resize(*WINDOW)
        driver.host.scroll.setFixedWidth(WINDOW[0] - VIEW[0])

    def take(self, name: str, section: str = "") -> None:
        """A picture, with one section of the panel scrolled to the top; without one, the panel's top."""
        host = self._driver.host
        host.step(100)
        ui = self._driver.ui
        place = getattr(ui, f"{section}Section").mapTo(ui.panelContents, QtCore.QPoint(0, 0)).y()
        ui.panelScroll.verticalScrollBar().setValue(place)
        host.step(200)
        self._save(name, host.window)

    def panel(self, name: str) -> None:
        """A picture of all sections of the panel, as if the window were as high."""
        self._save(name, self._driver.ui.panelContents)

    def dialog(self, name: str, press: Callable[[], object]) -> None:
        """Presses something that opens a dialog, photographs and closes it."""
        from LandmarkDetectionLib.panel import dialogs

        def photograph() -> None:
            window = QtWidgets.QApplication.activeModalWidget()
            self._save(name, window)
            window.reject()

        ask, self._driver.bench.ask = self._driver.bench.ask, dialogs.ask
        QtCore.QTimer.singleShot(400, photograph)
        press()
        self._driver.bench.ask = ask

    def _save(self, name: str, widget: QtWidgets.QWidget) -> None:
        self._number += 1
        widget.grab().save(str(self._folder / f"{self._number:02}_{name}.png"))


def photograph_all(server: Server, folder: Path) -> None:
    """The whole use, step by step, in a light window."""
    driver = Driver(Path(tempfile.mkdtemp()), view_size=VIEW)
    camera = Camera(driver, folder)
    camera.take("start", "server")
    driver.ui.annotatorEdit.setText("Ada")
    driver.connect(server.url)
    camera.take("connected", "server")
    driver.open(IMAGE)
    camera.take("image_open", "study")
    driver.click("detect")
    camera.take("detecting", "landmarks")
    driver.idle()
    camera.take("detected", "landmarks")
    x, y = driver.pixels()[0]
    driver.drag(0, (x + 14, y - 9))
    camera.take("corrected", "landmarks")
    driver.choose(1)
    camera.take("centred", "landmarks")
    driver.bench.scene.fit_image()
    driver.click("place")
    camera.take("placing", "landmarks")
    driver.click("place")
    driver.choose(1)
    driver.click("missing")
    camera.take("missing", "landmarks")
    driver.click("undo")
    camera.dialog("leaving", lambda: driver.click("nextSample"))
    driver.bench.scene.fit_image()
    driver.submit()
    camera.take("submitted", "server")
    train(driver, camera)
    camera.take("measurements", "measurements")
    camera.panel("whole_panel")
    server.process.kill()
    driver.drag(0, (x, y))
    driver.submit()
    camera.take("not_sent", "server")
    driver.close()


def train(driver: Driver, camera: Camera) -> None:
    """Trains for a few epochs."""
    driver.ui.epochsSpin.setValue(EPOCHS)
    driver.click("train")
    driver.host.wait(lambda: len(driver.panel.training.history) >= EPOCHS * 0.7, 600)
    camera.take("training", "training")
    driver.host.wait(lambda: not driver.bench.session.train_stats.active, 600)
    driver.idle()
    camera.take("trained", "training")


def photograph_dark(server: Server, folder: Path) -> None:
    """A few steps in a dark window."""
    install()
    application = QtWidgets.QApplication.instance()
    palette = QtGui.QPalette()
    for role, color in DARK.items():
        palette.setColor(role, QtGui.QColor(color))
    for role in (QtGui.QPalette.Text, QtGui.QPalette.ButtonText, QtGui.QPalette.WindowText):
        palette.setColor(QtGui.QPalette.Disabled, role, QtGui.QColor("#7C8287"))
    application.setPalette(palette)
    driver = Driver(Path(tempfile.mkdtemp()), view_size=VIEW)
    camera = Camera(driver, folder)
    driver.connect(server.url)
    driver.open(OTHER)
    driver.do("detect")
    camera.take("dark_detected", "landmarks")
    train(driver, camera)
    camera.panel("dark_panel")
    driver.close()


def photograph_for_readme(server: Server, folder: Path) -> None:
    """Two small pictures: a corrected point, and the training."""
    driver = Driver(Path(tempfile.mkdtemp()), view_size=README_VIEW)
    host = driver.host
    driver.ui.annotatorEdit.setText("Ada")
    driver.connect(server.url)
    driver.open(IMAGE)
    host.scroll.setFixedWidth(PANEL_WIDTH)
    host.window.resize(PANEL_WIDTH + README_VIEW[0] + 24, README_VIEW[1])
    driver.do("detect")
    x, y = driver.pixels()[0]
    driver.drag(0, (x + 14, y - 9))
    host.step(200)
    save_small(host.window.grab(), folder / "slicer_correct.png")
    driver.submit()
    driver.ui.epochsSpin.setValue(EPOCHS)
    driver.click("train")
    host.wait(lambda: len(driver.panel.training.history) >= EPOCHS * 0.9, 600)
    host.step(100)
    save_small(driver.ui.trainingSection.grab(), folder / "slicer_training.png")
    driver.do("stop")
    driver.close()


def save_small(picture: QtGui.QPixmap, path: Path) -> None:
    """Saves a picture with five bits for each colour, which nobody sees and PNG makes smaller."""
    picture.save(str(path))
    with Image.open(path) as image:
        small = image.convert("RGB").point(lambda value: (value & 0xF8) | (value >> 5))
    small.save(path, optimize=True)


KINDS = {"all": photograph_all, "dark": photograph_dark, "readme": photograph_for_readme}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--kind", choices=list(KINDS), default="all", help="all steps; a few in the dark; the README's")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    root = Path(tempfile.mkdtemp())
    try:
        studies = Path(shutil.copytree(ROOT / "sample_data" / "fundus", root / "studies"))
        conf = {"protocols": "fundus,face", "model_dir": str(root / "models")}
        with run_server(ROOT / "apps" / "landmarks", studies, conf, root / "server.log") as server:
            KINDS[options.kind](server, options.output)
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()

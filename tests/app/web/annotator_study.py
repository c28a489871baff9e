"""Images of four formats with one bright pixel each, and a hand on the annotator's page."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import requests
import SimpleITK as sitk  # noqa: N813
from app_spots import NAMES, write_label
from PIL import Image

from monai_ext.images import read_frame
from monai_ext.landmarks import Landmarks
from monai_ext.landmarks.markups import read_markups

#: (width, height) of the images.
SIZE = (260, 190)
#: The bright pixel of each image, which is its landmark ``bright``; ``dim`` lies between pixels.
BRIGHT = {"plain.png": (37, 141), "deep.tiff": (201, 33), "flat.nrrd": (120, 97), "scan.dcm": (64, 150)}
DIM = (150.3, 60.7)


def write_images(folder: Path) -> None:
    """One image per format: dark grey with one bright pixel, in 8 and 16 bits, with pixels that are not square."""
    for name, (x, y) in BRIGHT.items():
        deep = name != "plain.png"
        pixels = np.full(SIZE[::-1], 9000 if deep else 40, np.uint16 if deep else np.uint8)
        pixels[y, x] = 60000 if deep else 250
        if name == "scan.dcm":
            pixels = (pixels // 16).astype(np.int16)
        image = sitk.GetImageFromArray(pixels)
        if name == "flat.nrrd":
            image.SetSpacing((0.35, 0.8))
            image.SetOrigin((-12.5, 40.0))
        if name == "scan.dcm":
            image.SetSpacing((0.2, 0.2))
        sitk.WriteImage(image, str(folder / name))


def label_images(folder: Path) -> None:
    """A finished label for each image, with ``bright`` on the bright pixel."""
    finals = folder / "labels" / "final"
    finals.mkdir(parents=True)
    for name, point in BRIGHT.items():
        write_label(finals / f"{Path(name).stem}.mrk.json", folder / name, [point, DIM])


def stored(folder: Path, image: str, tag: str = "final") -> Landmarks:
    """The label that lies in the studies folder, in pixels of its image as the library reads it."""
    file = next(path for path in folder.glob(f"{image}.*") if path.is_file())
    return read_markups(folder / "labels" / tag / f"{image}.mrk.json", read_frame(file), NAMES)


def label_info(server: Any, image: str, tag: str = "final") -> dict[str, Any]:
    answer = requests.get(f"{server.url}/datastore/label/info", params={"label": image, "tag": tag}, timeout=30)
    answer.raise_for_status()
    return dict(answer.json())


def kept(server: Any, **values: Any) -> dict[str, Any]:
    """A browser context's option: what the annotator remembers of a person, by name."""
    told = {"nameAsked": True, "annotator": "Ada", **values}
    entries = [{"name": f"landmarks.{name}", "value": json.dumps(value)} for name, value in told.items()]
    return {"origins": [{"origin": server.url, "localStorage": entries}]}


class Annotator:
    """The annotator's page, used as a person uses it."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.stage = page.locator(".stage")

    def open(self, image: str) -> None:
        self.page.goto(f"{self.page.url.split('#')[0]}#/annotate?image={image}")
        self.wait_for_image(image)

    def wait_for_image(self, image: str) -> None:
        self.page.locator(".opened", has_text=image).wait_for()
        self.wait_until_drawn()

    def wait_until_drawn(self) -> None:
        self.page.locator(".stage[aria-busy=false]").wait_for()

    def wait_for_state(self, state: str) -> None:
        """The tag beside the image's name: ``final``, ``draft``, ``no label``, ``changed``."""
        self.page.locator(".title .tag", has_text=state).wait_for()

    def image(self) -> str:
        return str(self.page.locator(".opened").inner_text())

    def press(self, *keys: str) -> None:
        self.stage.focus()
        for key in keys:
            self.page.keyboard.press(key)

    def zoom(self, zoom: float) -> None:
        """Sets the zoom by keys, with the current point in the middle."""
        self.press("1")
        for _ in range({1: 0, 2: 2, 3: 3, 8: 6}[int(zoom)]):
            self.page.keyboard.press("+")
        self.press("g")
        self.page.locator(".tools .zoom", has_text=f"{100 * zoom:.0f} %").wait_for()
        self.wait_until_drawn()

    def mark(self, name: str) -> tuple[float, float]:
        """The middle of a mark in CSS px of the page, once the page around it has come to rest."""
        return tuple(
            self.page.evaluate(
                """async name => {
                    const place = () => {
                        const {left, right, top, bottom} =
                            document.querySelector(`.mark[data-name="${name}"] .shade`).getBoundingClientRect();
                        return [(left + right) / 2, (top + bottom) / 2];
                    };
                    const drawn = () => new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)));
                    let before = null;
                    let now = place();
                    while (before === null || now.some((value, axis) => value !== before[axis])) {
                        await drawn();
                        [before, now] = [now, place()];
                    }
                    return now;
                }""",
                name,
            )
        )

    def status(self, name: str) -> str:
        """The status of a landmark in the list, as its row's data tells it."""
        row = self.page.locator(".landmarks li", has=self.page.locator(".name", has_text=name))
        return str(row.get_attribute("data-status"))

    def drag(self, begin: tuple[float, float], by: tuple[float, float]) -> None:
        """Real events of a mouse from one place of the page to another, in steps."""
        mouse = self.page.mouse
        mouse.move(*begin)
        mouse.down()
        for part in (0.2, 0.7, 1.0):
            mouse.move(begin[0] + part * by[0], begin[1] + part * by[1])
        mouse.up()

    def picture(self, marks: bool = True) -> np.ndarray:
        """(H, W) brightness of the stage in device pixels, without what lies over the picture if wished."""
        self._show(".hint, .readout, .notices", False)
        self._show(".marks", marks)
        png = self.stage.screenshot()
        self._show(".marks, .hint, .readout, .notices", True)
        pixels = np.array(Image.open(io.BytesIO(png)).convert("L"), dtype=np.float64)
        for edge in (pixels[:6], pixels[-6:], pixels[:, :6], pixels[:, -6:]):
            edge[...] = 0  # the frame of what has the focus
        return pixels

    def _show(self, what: str, shown: bool) -> None:
        self.page.evaluate(
            "([what, shown]) => document.querySelectorAll(what).forEach("
            "(node) => { node.style.visibility = shown ? '' : 'hidden'; })",
            [what, shown],
        )

    def stage_corner(self) -> tuple[float, float]:
        box = self.stage.bounding_box()
        return box["x"], box["y"]


def centre_of(pixels: np.ndarray, above: float) -> tuple[float, float]:
    """The middle (x, y) of what is brighter than a value, from the corner of the picture, in its pixels."""
    rows, columns = np.nonzero(pixels > above)
    return (columns.min() + columns.max() + 1) / 2, (rows.min() + rows.max() + 1) / 2

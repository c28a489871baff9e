"""Processor seconds that the Slicer panel takes to list N images, in one or several versions of the module.

From the root of the project: ``python tests/benchmarks/bench_image_list.py --images 100 400 5000``. To compare with
another checkout in the same run:
``--modules OTHER/slicer_module/LandmarkDetection slicer_module/LandmarkDetection``.
It runs in the test host, PySide6 without a screen.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "slicer_module" / "LandmarkDetection"


def entries(count: int) -> tuple[Any, ...]:
    """Images in all states, by two annotators."""
    from LandmarkDetectionLib.server.images import ImageEntry, LabelInfo

    found = []
    for number in range(count):
        tag = ("", "draft", "final")[number % 3]
        labels = {tag: LabelInfo(tag, "head", None, ("Ada", "Bob")[number % 2])} if tag else {}
        found.append(ImageEntry(f"image_{number:05}", tag or "unlabeled", f"{number}.png", labels=labels))
    return tuple(found)


def seconds(work: Callable[[], object]) -> float:
    """Processor seconds until the window is up to date."""
    from PySide6 import QtWidgets

    start = time.process_time()
    work()
    QtWidgets.QApplication.processEvents()
    return time.process_time() - start


def measure(driver: Any, count: int, rounds: int) -> list[float]:
    """The best of some rounds: the first fill, a refill with all rows changed, one with one row changed."""
    from LandmarkDetectionLib.server.images import ImageList

    images = entries(count)
    renamed = tuple(replace(entry, id=f"other_{entry.id}") for entry in images)
    one = (*images[:-1], replace(images[-1], id="last"))
    found: tuple[list[float], ...] = ([], [], [])

    def show(listed: tuple[Any, ...]) -> None:
        driver.bench.session.images = ImageList(listed)
        driver.bench.changed()

    for _ in range(rounds):
        show(())
        found[0].append(seconds(lambda: show(images)))
        found[1].append(seconds(lambda: show(renamed)))
        show(images)
        found[2].append(seconds(lambda: show(one)))
    return [min(values) for values in found]


def run(module: Path, images: list[int], rounds: int) -> None:
    """Measures one version and prints its figures."""
    sys.path[:0] = [str(path) for path in (module, ROOT / "tests" / "slicer_module", ROOT)]
    from folder_client import FolderClient
    from panel_driver import Driver

    driver = Driver(Path(tempfile.mkdtemp()), lambda _address, _token: FolderClient(), source=module)
    print(f"{module}\n{'images':>7} {'first fill':>11} {'all changed':>12} {'one changed':>12}")
    for count in images:
        first, whole, one = measure(driver, count, rounds)
        print(f"{count:>7} {first:>9.3f} s {whole:>10.3f} s {one:>10.3f} s", flush=True)
    driver.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs="+", default=[100, 200, 400, 5000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--modules", type=Path, nargs="+", default=[HERE], help="the module's folder in each version")
    options = parser.parse_args()
    if len(options.modules) == 1:
        run(options.modules[0].resolve(), options.images, options.rounds)
        return
    for module in options.modules:
        images = [str(count) for count in options.images]
        command = [sys.executable, __file__, "--modules", str(module), "--images", *images]
        subprocess.run([*command, "--rounds", str(options.rounds)], check=True)


if __name__ == "__main__":
    main()

"""Times the annotator in a browser, from the key to the next image with its points on a server of this machine.

python tests/benchmarks/bench_annotator.py [--images 6] [--output times.json]

The images are phantoms of fundus photographs: JPEGs of 1,000 px, and PNGs of 9,500 px. Cold: neither the server nor the
browser has seen the image; warm: it was prepared while the person looked at the one before, as it is by default.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright
from record import write_record

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "app"), str(ROOT / "tests" / "app" / "web")]
from annotator_study import Annotator, kept  # noqa: E402
from app_server import run_server  # noqa: E402

#: Name, file type and length of the images' longer side.
CASES = {"JPEG 1,000 px": ("jpg", 1000), "PNG 9,500 px": ("png", 9500)}
#: Milliseconds that a person looks at an image before the key.
LOOK_MS = {False: 0, True: 15_000}
PATIENCE_MS = 120_000


def write_images(folder: Path, kind: str, length: int, count: int) -> None:
    """Enlarged synthetic photographs, each with grain of its own."""
    source = sorted((ROOT / "sample_data" / "fundus").glob("*.jpg"))
    rng = np.random.default_rng(0)
    for index in range(count):
        image = Image.open(source[index % len(source)]).convert("RGB")
        image = image.resize((length, round(length * image.height / image.width)), Image.Resampling.BICUBIC)
        pixels = np.asarray(image).astype(np.int16)
        pixels += rng.integers(-2, 3, (pixels.shape[0], 1, 3), dtype=np.int16)
        options = {"quality": 92} if kind == "jpg" else {"compress_level": 1}
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"eye_{index:02}.{kind}", **options)


def times(server: Any, browser: Any, count: int, warm: bool) -> list[float]:
    """Seconds from the key to the next image, complete and with its points, for all images but the first."""
    settings = kept(server, prepareNext=warm, nextAfterSubmit=True)
    context = browser.new_context(viewport={"width": 1280, "height": 800}, storage_state=settings)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.allowed = []
    page.goto(f"{server.url}/#/annotate")
    annotator = Annotator(page)
    annotator.stage.wait_for()
    ready = """before => document.querySelector('.opened').textContent !== before
        && document.querySelector('.stage').getAttribute('aria-busy') === 'false'
        && document.querySelector('.landmarks li').dataset.status === 'predicted'"""
    page.wait_for_function(ready, arg="No image")
    found = []
    for _ in range(count - 1):
        page.wait_for_timeout(LOOK_MS[warm])
        before = annotator.image()
        start = time.perf_counter()
        page.keyboard.press("Enter")
        page.wait_for_function(ready, arg=before)
        found.append(time.perf_counter() - start)
    context.close()
    return found


def main() -> None:
    """Prints one line per case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=6, help="of each case, the first of which is not timed")
    parser.add_argument("--output", type=Path, help="JSON file")
    args = parser.parse_args()
    record: dict[str, Any] = {}
    names = ("chromium-headless-shell", "chromium", "chromium-browser")
    chromium = next(filter(None, map(shutil.which, names)), None)
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as root, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=sandbox)
        for name, (kind, length) in CASES.items():
            for warm in (False, True):
                folder = Path(root) / f"{kind}-{warm}"
                folder.mkdir()
                write_images(folder, kind, length, args.images)
                conf = {"protocols": "fundus", "model_dir": str(Path(root) / "model")}
                with run_server(ROOT / "apps" / "landmarks", folder, conf, Path(root) / "server.log") as server:
                    seconds = times(server, browser, args.images, warm)
                state = "warm" if warm else "cold"
                record[f"{name}, {state}"] = [round(value, 3) for value in seconds]
                print(
                    f"{name}, {state}: median {statistics.median(seconds):.2f} s, "
                    f"{min(seconds):.2f} to {max(seconds):.2f} s of {len(seconds)}",
                    flush=True,
                )
                shutil.rmtree(folder)
        browser.close()
    if args.output:
        write_record(args.output, record)


if __name__ == "__main__":
    main()

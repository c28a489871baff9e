"""Measures a model of the protocol ``scleral_spur`` on drawn sections of the seen and the unseen setting.

    python tests/benchmarks/bench_spur.py MODEL --seen spur --unseen spur_unseen --output results.json
    python tests/benchmarks/bench_spur.py --sheet docs/spur_phantoms.png

The folders are those that `monai-landmarks sample-data` made with `--variant scanner` and `--variant unseen`, and each
states the seed that it was made with; of the first, images left for validation are measured. Their plans are drawn anew
to tell open from closed angles. ``--sheet`` draws a page of phantoms and needs no model.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from record import write_record

from monai_ext.images import read_frame
from monai_ext.inferers import Predictor
from monai_ext.landmarks.markups import read_markups
from monai_ext.phantoms.as_oct import CUT, render_as_oct
from monai_ext.phantoms.as_oct_plan import AsOctPlan, draw_as_oct
from monai_ext.studies import Studies

#: An error above this share of the width, 21 px, is called far.
FAR = 0.01
#: Columns, rows and width in pixels of the pictures of a sheet, and its grey levels.
SHEET = (3, 4)
PICTURE_WIDTH, LEVELS = 330, 14


def plan_of(seed: int, index: int, setting: str, cut: float = CUT) -> AsOctPlan:
    """The plan of an image of a sample folder, drawn anew."""
    return draw_as_oct(np.random.default_rng([*b"scleral_spur", seed, index]), setting, cut)


def errors_of(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Errors and misses of some spurs that the images show."""
    errors = np.array([row["error"] for row in rows if row["error"] is not None])
    share = 100 * np.array([row["error"] / row["width"] for row in rows if row["error"] is not None])
    return {
        "spurs": len(rows),
        "called_missing": len(rows) - len(errors),
        "mean_px": round(float(errors.mean()), 3),
        "median_px": round(float(np.median(errors)), 3),
        "largest_px": round(float(errors.max()), 2),
        "mean_percent": round(float(share.mean()), 4),
        "median_percent": round(float(np.median(share)), 4),
        "far": int((share > 100 * FAR).sum()),
    }


def measured(predictor: Predictor, folder: Path, setting: str, split: str | None) -> dict[str, Any]:
    """The figures of one folder: open and closed angles, both, and what is called missing."""
    studies = Studies(folder)
    images, splits, names = studies.images(), studies.splits(), predictor.protocol.landmark_names
    seed = int(re.findall(r"seed (\d+)", (folder / "README.md").read_text(encoding="utf-8"))[0])
    shown: list[dict[str, Any]] = []
    outside = []
    chosen = [id for id in studies.labelled() if split is None or splits.get(id) == split]
    for id in chosen:
        truth = read_markups(studies.label_path(id), read_frame(images[id]), names)
        plan = plan_of(seed, int(id.rsplit("_", 1)[1]) - 1, setting)
        np.testing.assert_allclose(plan.points, truth.points, atol=1e-4, err_msg=f"{id} is of another plan")
        found = predictor.predict(images[id])
        for k, closed in enumerate(plan.closed):
            if not truth.defined[k]:
                outside.append(not found.defined[k])
                continue
            error = float(np.linalg.norm(found.points[k] - truth.points[k])) if found.defined[k] else None
            shown.append({"image": id, "closed": closed, "error": error, "width": truth.frame.width})
    return {
        "images": len(chosen),
        "all": errors_of(shown),
        "open": errors_of([row for row in shown if not row["closed"]]),
        "closed": errors_of([row for row in shown if row["closed"]]),
        "outside": {"spurs": len(outside), "called_missing": sum(outside)},
        "errors_px": [None if row["error"] is None else round(row["error"], 2) for row in shown],
    }


def sheet() -> Image.Image:
    """A page of phantoms: all rows but the last of the seen setting, the last of the unseen one; two are cut."""
    columns, rows = SHEET
    tiles = []
    for number in range(columns * rows):
        unseen = number >= columns * (rows - 1)
        plan = plan_of(11, number, "unseen" if unseen else "seen", float(number % (2 * columns) == columns + 1))
        picture = Image.fromarray(render_as_oct(plan).image)
        tiles.append(picture.resize((PICTURE_WIDTH, round(PICTURE_WIDTH * picture.height / picture.width))))
    width, height = tiles[0].width + 4, tiles[0].height + 4
    page = Image.new("L", (columns * width - 4, rows * height - 4), 90)
    for number, tile in enumerate(tiles):
        page.paste(tile, ((number % columns) * width, (number // columns) * height))
    few = page.point([round(value * (LEVELS - 1) / 255) for value in range(256)]).convert("P")
    few.putpalette([round(value * 255 / (LEVELS - 1)) for value in range(LEVELS) for _ in range(3)])
    return few


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--seen", type=Path)
    parser.add_argument("--unseen", type=Path)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()
    if options.sheet:
        sheet().save(options.sheet, optimize=True, bits=4)
    if options.model is None:
        return
    torch.set_num_threads(1)
    predictor = Predictor.load(options.model, device="cpu")
    figures: dict[str, Any] = {
        "protocol": predictor.protocol.name,
        "network": predictor.protocol.network.name,
        "model_version": predictor.card.version,
        "model_sha256": predictor.card.sha256,
    }
    for setting, folder, split in (("seen", options.seen, "val"), ("unseen", options.unseen, None)):
        if folder:
            figures[setting] = measured(predictor, folder, setting, split)
            told = {key: value for key, value in figures[setting].items() if key != "errors_px"}
            print(setting, told, flush=True)
    if options.output:
        write_record(options.output, figures)


if __name__ == "__main__":
    main()

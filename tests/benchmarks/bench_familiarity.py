"""How many images a model warns of: its own, the same as other cameras would draw them, and foreign ones.

    python tests/benchmarks/bench_familiarity.py --model MODEL --own DIR --camera DIR --foreign wings=DIR --foreign ...
    python tests/benchmarks/bench_familiarity.py --print docs/evidence/door_fundus/familiarity.json

Beside the folders that are named, noise, text, blank images and the own images turned, mirrored and inverted are drawn.
Only the encoder is computed. ``--output`` keeps the figures, ``--print`` prints the table of such a file.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageOps

from monai_ext.inferers import Predictor, load_batch
from monai_ext.landmarks import write_json_atomically
from monai_ext.models import read_familiarity
from monai_ext.networks import encoder_features, machine, versions
from monai_ext.studies import Studies

#: (width, height) of what is drawn.
SIZE = (800, 600)
DRAWN = 20
EVERY = 10**6
#: Predictions that are timed, in turn with and without; the first one does not count.
TIMED = 16


def drawn_images(folder: Path) -> Iterator[tuple[str, Path]]:
    """Noise, blank images and text, from a fixed seed."""
    rng = np.random.default_rng(0)
    for number in range(DRAWN):
        text = Image.new("RGB", SIZE, ("white", "black")[number % 2])
        for y in range(4, SIZE[1], 24):
            words = " ".join("".join(map(chr, rng.integers(97, 123, rng.integers(2, 9)))) for _ in range(14))
            ImageDraw.Draw(text).text((10, y), words, ("black", "white")[number % 2], font_size=18)
        shade = (
            (0, 0, 0) if number == 0 else (255, 255, 255) if number == 1 else tuple(rng.integers(0, 256, 3).tolist())
        )
        noise = Image.fromarray(rng.integers(0, 256, (*SIZE[::-1], 3), dtype=np.uint8))
        for kind, image in (("noise", noise), ("blank", Image.new("RGB", SIZE, shade)), ("text", text)):
            yield kind, saved(image, folder / f"{kind}_{number}.jpg")


def changed_images(paths: Sequence[Path], folder: Path) -> Iterator[tuple[str, Path]]:
    """The images turned by 180 degrees, upside down as in a mirror, and as negatives."""
    for path in paths:
        image = Image.open(path).convert("RGB")
        for kind, changed in (
            ("turned by 180 degrees", image.rotate(180)),
            ("upside down, mirrored", ImageOps.flip(image)),
            ("negative", ImageOps.invert(image)),
        ):
            yield kind, saved(changed, folder / f"{kind} {path.stem}.jpg")


def saved(image: Image.Image, path: Path) -> Path:
    image.save(path, quality=95)
    return path


def of_folder(folder: Path, most: int, split: str | None = None) -> list[Path]:
    """Images of a folder, spread over all; those of a split where one is named."""
    study = Studies(folder)
    splits = study.splits()
    paths = [path for id, path in study.images().items() if split is None or splits.get(id) == split]
    return [paths[i] for i in np.linspace(0, len(paths) - 1, min(most, len(paths))).astype(int)]


def measure(options: argparse.Namespace) -> dict[str, Any]:
    torch.set_num_threads(1)
    predictor = Predictor.load(options.model)
    folder = options.familiarity or options.model
    known = read_familiarity(folder, predictor.version, predictor.card.sha256)
    assert known is not None, f"{folder} has no familiarity"
    own = of_folder(options.own, EVERY, "val")
    groups = {"own, validation": own}
    for parts, most in ((options.camera, EVERY), (options.foreign, options.most)):
        for name, directory in (part.split("=") for part in parts):
            groups[name] = of_folder(Path(directory), most)
    rows = []
    with tempfile.TemporaryDirectory() as drawn:
        for name, path in (*drawn_images(Path(drawn)), *changed_images(own[:DRAWN], Path(drawn))):
            groups.setdefault(name, []).append(path)
        for name, paths in groups.items():
            found = [distance_of(path, predictor, known) for path in paths]
            rows.append(
                {
                    "images": name,
                    "count": len(found),
                    "warned": sum(distance > known.threshold for distance in found),
                    "median_distance": round(float(np.median(found)), 2),
                    "distances": [round(distance, 2) for distance in found],
                }
            )
            print(line(rows[-1]), flush=True)
    return {
        "protocol": known.protocol,
        "model_version": known.version,
        "fitted_to": known.images,
        "held_out": known.held_out,
        "threshold": round(known.threshold, 2),
        "milliseconds": milliseconds(own[0], predictor, known),
        "machine": machine(torch.device("cpu")),
        "versions": versions(),
        "rows": rows,
    }


def distance_of(path: Path, predictor: Predictor, known: Any) -> float:
    batch = load_batch([path], predictor.protocol, predictor.device)
    return float(known.distances(encoder_features(predictor.network, batch.image, all_maps=True).numpy())[0])


def milliseconds(path: Path, predictor: Predictor, known: Any) -> dict[str, float]:
    """Of this thread for a prediction without and with a familiarity, taken in turn: medians."""
    asked = {
        "without": Predictor(predictor.network, predictor.card, calibration=predictor.calibration),
        "with": Predictor(predictor.network, predictor.card, calibration=predictor.calibration, familiarity=known),
    }
    spent: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(TIMED):
        for name, one in asked.items():
            begun = time.thread_time()
            one.predict_stages(path)
            spent[name].append(1000 * (time.thread_time() - begun))
    return {name: round(float(np.median(values[1:])), 2) for name, values in spent.items()}


def line(row: dict[str, Any]) -> str:
    share = 100 * row["warned"] / row["count"]
    return f"| {row['images']} | {row['count']} | {share:.0f} % | {row['median_distance']:.0f} |"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--print", type=Path, dest="file")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--familiarity", type=Path, help="where VERSION.familiar.npz lies; default: the model")
    parser.add_argument("--own", type=Path, help="studies folder with a split")
    parser.add_argument("--camera", action="append", default=[], help="NAME=DIR")
    parser.add_argument("--foreign", action="append", default=[], help="NAME=DIR")
    parser.add_argument("--most", type=int, default=30, help="images of a foreign folder")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    if options.file is None:
        document = measure(options)
        if options.output:
            write_json_atomically(options.output, document)
        return
    document = json.loads(options.file.read_text(encoding="utf-8"))
    spent = document["milliseconds"]
    print(f"A prediction takes {spent['without']} ms without and {spent['with']} ms with it.")
    print(f"Threshold {document['threshold']}\n\n| images | number | warned of | median distance |\n|---|---|---|---|")
    print("\n".join(line(row) for row in document["rows"]))


if __name__ == "__main__":
    main()

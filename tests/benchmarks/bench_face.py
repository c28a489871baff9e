"""Measures a model of the protocol ``face``: on photographs, on composed pictures, and on pictures without a face.

    python tests/benchmarks/bench_face.py STUDIES --split val --without wings12 idrid_fundus2 --output results.json

STUDIES has labelled frontal photographs before an even surround. Composed pictures show its faces at any size, turned
by up to 20 degrees, before random sceneries, in colour or grey, as JPEG files. Errors are in percent of the distance of
the outer corners of the eyes, the mean over the landmarks of an image; an image fails above 10 %. A false answer is a
picture without a face in which any landmark is called defined. A picture of a face in which none is counts as without
answer and in no mean. ``--only other`` measures the crops of faces alone: all, those turned to a side and the others,
and all once more with their edges repeated outwards, so that the face is smaller and further from the border.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from record import write_record

from monai_ext.images import read_frame, read_image
from monai_ext.inferers import Predictor
from monai_ext.landmarks import Frame, Landmarks, Protocol, measure, read_label, read_points_table, shipped_dir
from monai_ext.studies import Studies
from monai_ext.transforms import RandAffineLandmarks, RandColor
from monai_ext.transforms.cut_out import subject_cover
from monai_ext.transforms.rand_scenery import scenery

CORNERS = ("right_exocanthion", "left_exocanthion")
#: Shares of the picture's height that the box of the landmarks takes; a face from hairline to chin is about 1.7 boxes.
SIZES = ((0.12, 0.2), (0.2, 0.35), (0.35, 0.6))
SHAPES = ((900, 600), (600, 800), (700, 700))
FAILED = 10.0
#: iBUG's number of the tip of the nose, and how far it may lie from the middle in a face that looks at the camera.
TIP, TURNED = 30, 0.1
#: iBUG's numbers of the landmarks that its 68 points have, too.
IBUG = {
    **dict(zip(("right_exocanthion", "right_endocanthion", "left_endocanthion"), (36, 39, 42), strict=True)),
    **dict(zip(("left_exocanthion", "right_alare", "left_alare", "subnasale"), (45, 31, 35, 33), strict=True)),
    **dict(zip(("right_cheilion", "left_cheilion", "labiale_superius"), (48, 54, 51), strict=True)),
    **dict(zip(("labiale_inferius", "gnathion"), (57, 8), strict=True)),
}


def relative_errors(found: Landmarks, truth: Landmarks) -> np.ndarray:
    """(K,) percent of the distance of the outer corners; NaN where one of both is not defined."""
    first, second = (truth.point(name) for name in CORNERS)
    errors = 100 * np.linalg.norm(found.points - truth.points, axis=1) / np.linalg.norm(second - first)
    return np.where(found.defined & truth.defined, errors, np.nan)


def summary(pairs: list[tuple[Landmarks, Landmarks]]) -> dict[str, Any]:
    """Errors over images, with the landmarks that were not found and the worst ones."""
    errors = np.array([relative_errors(found, truth) for found, truth in pairs])
    missed = [int((truth.defined & ~found.defined).sum()) for found, truth in pairs]
    answered = errors[np.isfinite(errors).any(1)]
    if not len(answered):
        return {"images": len(pairs), "without_answer": len(pairs)}
    images = np.nanmean(answered, axis=1)
    names = pairs[0][1].names
    return {
        "images": len(pairs),
        "without_answer": len(pairs) - len(answered),
        "landmarks_missed": sum(missed),
        "mean": round(float(images.mean()), 3),
        "median": round(float(np.median(images)), 3),
        "largest": round(float(images.max()), 3),
        "failed": int((images > FAILED).sum()),
        "landmarks": {
            name: round(float(np.nanmean(column)), 3)
            for name, column in zip(names, answered.T, strict=True)
            if np.isfinite(column).any()
        },
    }


def measurement_errors(pairs: list[tuple[Landmarks, Landmarks]], protocol: Protocol) -> dict[str, float]:
    """Mean absolute error of each measurement, percent of its true value."""
    rows: dict[str, list[float]] = {}
    for found, truth in pairs:
        true = {item["name"]: float(item["value"]) for item in measure(protocol, truth)}
        for item in measure(protocol, found):
            name = str(item["name"])
            rows.setdefault(name, []).append(100 * abs(float(item["value"]) - true[name]) / true[name])
    return {name: round(float(np.mean(values)), 3) for name, values in rows.items()}


def composed(image: np.ndarray, label: Landmarks, cover: np.ndarray, protocol: Protocol, seed: int) -> Iterator[Any]:
    """One picture of each size: its pixels (H, W, 3) and landmarks."""
    for number, size in enumerate(SIZES):
        random = np.random.RandomState([seed, number])
        shape = SHAPES[random.randint(len(SHAPES))]
        place = RandAffineLandmarks(shape, 20, flip=0.5, swap=protocol.swap, place=size, padding_mode="zeros")
        place.set_random_state(state=random)
        status = torch.from_numpy(label.status)
        stack = torch.from_numpy(np.concatenate([image, cover[None].astype(np.float32)]))
        drawn, points, kept, _ = place(stack, torch.from_numpy(label.points), status)
        ground = torch.from_numpy(scenery(random, shape, 3))
        picture = ground + drawn[3:] / 255 * (drawn[:3] - ground)
        picture = RandColor(5, 0.5, 0.3).set_random_state(state=random)(picture) * random.uniform(0.5, 1)
        pixels = picture.numpy().transpose(1, 2, 0)
        if random.uniform() < 0.2:
            pixels = np.repeat(pixels.mean(2, keepdims=True), 3, 2)
        yield pixels.clip(0, 255).astype(np.uint8), points.numpy(), kept.numpy(), int(random.randint(40, 96))


def found_in(predictor: Predictor, pixels: np.ndarray, folder: Path, quality: int) -> Landmarks:
    path = folder / "picture.jpg"
    Image.fromarray(pixels).save(path, quality=quality)
    return predictor.predict(path)


def on_composed(
    predictor: Predictor, labels: dict[str, Landmarks], images: dict[str, Path], folder: Path, rounds: int
) -> dict[str, Any]:
    """Errors by the size of the face, and of all."""
    pairs: list[list[tuple[Landmarks, Landmarks]]] = [[] for _ in SIZES]
    for number, (name, label) in enumerate(labels.items()):
        image, _ = read_image(images[name], "rgb")
        cover = subject_cover(image, label.points)
        for turn in range(rounds):
            pictures = composed(image, label, cover, predictor.protocol, 1000 * turn + number)
            for part, (pixels, points, status, quality) in zip(pairs, pictures, strict=True):
                truth = Landmarks(label.names, points, Frame(pixels.shape[1], pixels.shape[0]), status)
                part.append((found_in(predictor, pixels, folder, quality), truth))
    every = [pair for part in pairs for pair in part]
    sizes = {f"{low:g} to {high:g} of the height": summary(p) for (low, high), p in zip(SIZES, pairs, strict=True)}
    return {"all": summary(every), "measurements": measurement_errors(every, predictor.protocol), "sizes": sizes}


def on_other_camera(predictor: Predictor, folder: Path, count: int) -> dict[str, Any]:
    """Errors on crops of faces in iBUG's 68 points, at the landmarks that both have."""
    table, names = read_points_table(folder / "landmarks.csv"), predictor.protocol.landmark_names
    parts: dict[str, list[tuple[Landmarks, Landmarks]]] = {
        "all": [],
        "to the camera": [],
        "to a side": [],
        "widened": [],
    }
    with tempfile.TemporaryDirectory() as temporary:
        for name in sorted(name for name, entry in table.images.items() if entry.split == "val")[:count]:
            given = table.images[name].points
            points = np.full((len(names), 2), np.nan)
            for landmark, number in IBUG.items():
                points[names.index(landmark)] = (given[f"p{number:02}"].x, given[f"p{number:02}"].y)
            status = np.where(np.isfinite(points).all(1), 1, -1)
            found = predictor.predict(folder / "images" / name)
            truth = Landmarks(names, points, found.frame, status)
            tip = given[f"p{TIP:02}"]
            parts["all"].append((found, truth))
            parts["to a side" if turned(truth, (tip.x, tip.y)) > TURNED else "to the camera"].append((found, truth))
            wide, margin = widened(folder / "images" / name, Path(temporary))
            found = predictor.predict(wide)
            parts["widened"].append((found, Landmarks(names, points + margin, found.frame, status)))
    whole, *apart = ((part, summary(pairs)) for part, pairs in parts.items())
    return {**whole[1], "parts": dict(apart)}


def turned(truth: Landmarks, tip: tuple[float, float]) -> float:
    """How far the tip of the nose lies beside the middle of the outer corners, as a share of their distance."""
    first, second = (truth.point(name) for name in CORNERS)
    line = second - first
    return abs(float((tip - (first + second) / 2) @ line / (line @ line)))


def widened(path: Path, folder: Path) -> tuple[Path, int]:
    """The picture with its edges repeated by half of its longer side all around, and by how many pixels that is."""
    pixels = np.asarray(Image.open(path).convert("RGB"))
    margin = max(pixels.shape) // 2
    wide = folder / "widened.png"
    Image.fromarray(np.pad(pixels, ((margin, margin), (margin, margin), (0, 0)), mode="edge")).save(wide)
    return wide, margin


def false_answers(predictor: Predictor, paths: list[Path]) -> dict[str, Any]:
    """How many pictures without a face are answered with any landmark."""
    answered = [path.name for path in paths if predictor.predict(path).defined.any()]
    return {"pictures": len(paths), "false_answers": len(answered), "answered": answered}


def sceneries(folder: Path, count: int) -> list[Path]:
    """Random sceneries as JPEG files."""
    paths = []
    for number in range(count):
        random = np.random.RandomState([7, number])
        picture = scenery(random, SHAPES[number % len(SHAPES)], 3).transpose(1, 2, 0).astype(np.uint8)
        paths.append(folder / f"scenery_{number:03}.jpg")
        Image.fromarray(picture).save(paths[-1], quality=int(random.randint(40, 96)))
    return paths


def pictures_of(folder: Path, count: int) -> list[Path]:
    """So many pictures of a folder, evenly over its list."""
    paths = sorted(path for path in (folder / "images").iterdir() if path.is_file())
    return [paths[int(i)] for i in np.linspace(0, len(paths) - 1, min(count, len(paths)))]


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("studies", type=Path, help="labelled frontal photographs")
    parser.add_argument("--model", type=Path, default=shipped_dir("pretrained") / "face")
    parser.add_argument("--split", default="val")
    parser.add_argument("--rounds", type=int, default=3, help="composed pictures of each photograph and size")
    parser.add_argument("--sceneries", type=int, default=250)
    parser.add_argument("--without", type=Path, nargs="*", default=[], help="folders whose images show no face")
    parser.add_argument("--each", type=int, default=50, help="images of each of them")
    parser.add_argument("--other", type=Path, help="a folder of faces in 68 points")
    parser.add_argument("--others", type=int, default=131)
    parser.add_argument("--only", choices=["other"], help="measure the faces of --other alone")
    parser.add_argument("--output", type=Path)
    return parser.parse_args()


def on_studies(predictor: Predictor, args: argparse.Namespace) -> dict[str, Any]:
    """Errors on the labelled photographs and on pictures composed of them, and false answers."""
    studies = Studies(args.studies)
    images, splits = studies.images(), studies.splits()
    chosen = [name for name in studies.labelled() if args.split in ("all", splits.get(name))]
    labels = {
        name: read_label(studies.label_path(name), read_frame(images[name]), predictor.protocol) for name in chosen
    }
    photographs = [(predictor.predict(images[name]), label) for name, label in labels.items()]
    figures: dict[str, Any] = {
        "split": args.split,
        "photographs": summary(photographs),
        "measurements": measurement_errors(photographs, predictor.protocol),
    }
    print(figures)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        figures["composed"] = on_composed(predictor, labels, images, folder, args.rounds)
        print(figures["composed"])
        without = {"sceneries": false_answers(predictor, sceneries(folder, args.sceneries))}
    for path in args.without:
        without[path.name] = false_answers(predictor, pictures_of(path, args.each))
    figures["without_a_face"] = {
        name: {k: v for k, v in row.items() if k != "answered"} for name, row in without.items()
    }
    print(without)
    return figures


def main() -> None:
    """Measures, prints and writes the figures."""
    args = parsed()
    torch.set_num_threads(1)
    predictor = Predictor.load(args.model)
    figures: dict[str, Any] = {"model_version": predictor.version, "model_sha256": predictor.card.sha256}
    if args.only is None:
        figures |= on_studies(predictor, args)
    if args.other:
        figures["other_camera"] = on_other_camera(predictor, args.other, args.others)
        print(figures["other_camera"])
    if args.output:
        write_record(args.output, figures)


if __name__ == "__main__":
    main()

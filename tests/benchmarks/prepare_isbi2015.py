"""Makes a studies folder of the ISBI 2015 cephalograms: the mean of both readers, and the millimetres of the film.

    python tests/benchmarks/prepare_isbi2015.py DATA --output isbi2015

DATA holds ``images/``, ``landmarks.csv`` (image,landmark,x,y,width,height,split), whose split counts, and both readers'
``landmarks_senior.csv`` and ``landmarks_junior.csv``: the points of ``cephalometric`` by name, in pixels of the stored
image. The films were scanned as 1935 x 2400 pixels of 0.1
mm; images that were made smaller get the pixel size that follows, one for x and one for y. They are written as
MetaImage, which tells it to every program.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813  (its own idiom)
from PIL import Image

from monai_ext.images import read_frame
from monai_ext.landmarks import Landmarks, find_protocol
from monai_ext.landmarks.markups import write_markups
from monai_ext.landmarks.tables import read_points_table
from monai_ext.studies import Studies

FILM_MM, FILM_PIXELS = 0.1, (1935, 2400)


def read_reader(path: Path) -> dict[tuple[str, str], tuple[float, float]]:
    """(x, y) of one reader by image and landmark."""
    with path.open(newline="", encoding="utf-8") as file:
        return {(row["image"], row["landmark"]): (float(row["x"]), float(row["y"])) for row in csv.DictReader(file)}


def prepare(data: Path, output: Path) -> Studies:
    """Writes images, labels and splits; the studies."""
    names = find_protocol("cephalometric").landmark_names
    readers = [read_reader(data / f"landmarks_{reader}.csv") for reader in ("senior", "junior")]
    output.mkdir(parents=True, exist_ok=True)
    studies, splits = Studies(output), {}
    for name, entry in read_points_table(data / "landmarks.csv", names).images.items():
        pixels = np.asarray(Image.open(data / "images" / name).convert("L"))
        image = sitk.GetImageFromArray(pixels)
        image.SetSpacing([FILM_MM * film / stored for film, stored in zip(FILM_PIXELS, image.GetSize(), strict=True)])
        path = output / f"{Path(name).stem}.mha"
        sitk.WriteImage(image, str(path), useCompression=True)
        frame = read_frame(path)
        points = np.mean([[reader[name, landmark] for landmark in names] for reader in readers], axis=0)
        write_markups(studies.label_path(path.stem), Landmarks(names, points, frame))
        splits[path.stem] = entry.split or "train"
    studies.write_splits(splits)
    return studies


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    studies = prepare(args.data, args.output)
    print(f"{studies.root}: {len(studies.images())} films with the mean of both readers")


if __name__ == "__main__":
    main()

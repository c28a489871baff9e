"""Error of the points that a few labelled images propose, against the mean position of their landmarks.

From the root of the project: ``python tests/benchmarks/bench_first_labels.py wings.yaml wings_studies``.
Labelled images are drawn from the split ``train``, errors are of the split ``val``, in pixels of the stored images.
``--flip`` also matches mirror images, as for a protocol whose training flips. One thread, seconds of the processor.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from record import write_record

from monai_ext.images import read_frame
from monai_ext.inferers.first_labels import FileMatcher
from monai_ext.landmarks import Landmarks, Protocol
from monai_ext.landmarks.geometry import FloatArray
from monai_ext.landmarks.markups import read_markups
from monai_ext.landmarks.protocol_file import read_protocol
from monai_ext.studies import Studies

HEADER = (
    "| labels | matched: mean, median | mean position | answered | of these matched | s per image | s for the labels |"
)


class Row(NamedTuple):
    """What came of a number of labels.

    Attributes:
        labels: how many.
        matched: mean error of all images, px, whether or not an answer would have been given.
        median: of these errors.
        placed: error of the mean position.
        answered: share of the images that are answered.
        of_answered: error of these.
        seconds: of the processor for an image, reading it included.
        ready: the same until the labels are ready.
    """

    labels: int
    matched: float
    median: float
    placed: float
    answered: float
    of_answered: float
    seconds: float
    ready: float

    def line(self) -> str:
        return (
            f"| {self.labels} | {self.matched:.2f}, {self.median:.2f} | {self.placed:.1f} | "
            f"{100 * self.answered:.0f} % | {self.of_answered:.2f} | {self.seconds:.2f} | {self.ready:.1f} |"
        )


def errors(truth: Landmarks, points: FloatArray) -> FloatArray:
    """Pixels of each landmark that has a point."""
    return np.linalg.norm(points - truth.points, axis=1)[truth.defined]


def mean_position(labels: list[Landmarks], truth: Landmarks) -> FloatArray:
    """The landmarks where they lie in the mean, in shares of the image."""
    shares = [np.where(label.defined[:, None], (label.points + 0.5) / label.frame.size, np.nan) for label in labels]
    return np.asarray(np.nanmean(shares, axis=0) * truth.frame.size - 0.5)


def measure(protocol: Protocol, studies: Studies, count: int, seeds: range) -> Row:
    """The row of a number of labels."""
    matcher, splits = FileMatcher(protocol), studies.splits()
    train, val = ([image for image, split in splits.items() if split == name] for name in ("train", "val"))
    truths = {
        image: read_markups(studies.label_path(image), read_frame(studies.image_path(image)), protocol.landmark_names)
        for image in splits
    }
    own: list[float] = []
    placed: list[float] = []
    holds: list[bool] = []
    spent: list[float] = []
    ready: list[float] = []
    for seed in seeds:
        chosen = [str(image) for image in np.random.default_rng(seed).choice(train, count, replace=False)]
        start = time.process_time()
        views = [matcher.labelled(studies.image_path(i), studies.label_path(i)) for i in chosen]
        first = matcher.first_labels(views)
        left_out = first.leave_one_out()
        ready.append(time.process_time() - start)
        trusted = left_out is None or left_out.matched < left_out.placed
        for image in val:
            start = time.process_time()
            found, proposal = matcher.propose(first, studies.image_path(image))
            spent.append(time.process_time() - start)
            own.append(float(errors(truths[image], found.points).mean()))
            place = mean_position([truths[i] for i in chosen], truths[image])
            placed.append(float(errors(truths[image], place).mean()))
            holds.append(trusted and proposal.holds)
    answered = np.array(own)[holds]
    return Row(
        count,
        float(np.mean(own)),
        float(np.median(own)),
        float(np.mean(placed)),
        float(np.mean(holds)),
        float(answered.mean()) if len(answered) else float("nan"),
        float(np.median(spent)),
        float(np.median(ready)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("protocol", type=Path)
    parser.add_argument("studies", type=Path)
    parser.add_argument("--labels", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--flip", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    protocol = read_protocol(options.protocol)
    if options.flip:
        recipe = protocol.recipe
        augmentation = recipe.augmentation.model_copy(update={"flip": 0.5})
        protocol = protocol.model_copy(update={"recipe": recipe.model_copy(update={"augmentation": augmentation})})
    print(f"{protocol.name}{', mirror images too' if options.flip else ''}\n{HEADER}")
    print("|" + "---|" * 7)
    rows = []
    for count in options.labels:
        rows.append(measure(protocol, Studies(options.studies), count, range(options.seeds)))
        print(rows[-1].line(), flush=True)
    if options.out:
        write_record(
            options.out, {"protocol": protocol.name, "flip": options.flip, "rows": [r._asdict() for r in rows]}
        )


if __name__ == "__main__":
    main()

"""Rows of a paper's table, each trained on numbers of images with seeds, under one recipe."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from monai_ext.engines import LabelledImage, labelled_images, split_images
from monai_ext.images import read_frame
from monai_ext.inferers import Predictor
from monai_ext.landmarks import Decoder, Frame, InputError, Length, Protocol
from monai_ext.studies import Studies

from .ablation_rows import default_rows, row_protocol, with_backbone
from .ablation_scores import AblationMeasures, RowScores, Size, pooled_evaluation, seed_scores
from .predictions import ReadPairs, frames_of, predict, read_predictions, write_predictions
from .series import Series, length
from .settings import AblationSettings

ALL = "all"


@dataclass(frozen=True)
class Cell:
    """One training run of an ablation."""

    row: str
    size: Size
    seed: int

    @property
    def name(self) -> str:
        """Name of the cell's folder."""
        return f"{self.row}_{self.size.label}_seed{self.seed}"

    @property
    def title(self) -> str:
        """Name that a person reads."""
        return f"{self.row}, {self.size.count} images, seed {self.seed}"


def parse_sizes(named: str, available: int) -> tuple[Size, ...]:
    """Sizes of training sets from a text such as ``50,100,all``; in rising order, equal ones once.

    Raises:
        InputError: a size is neither a number nor ``all``, or there are not as many training images.
    """
    sizes: dict[int, Size] = {}
    for label in (part.strip() for part in named.split(",")):
        if label != ALL and not (label.isdecimal() and int(label) > 0):
            raise InputError(
                f"--sizes needs numbers of training images or {ALL!r}, separated by commas, not {label!r}."
            )
        size = Size(ALL, available) if label == ALL else Size(str(int(label)), int(label))
        if size.count > available:
            raise InputError(
                f"--sizes asks for {size.count} training images but there are {available}: "
                f"take fewer, or {ALL!r} for as many as there are."
            )
        sizes.setdefault(size.count, size)
    return tuple(sizes[count] for count in sorted(sizes))


def subset(images: Sequence[LabelledImage], count: int, seed: int) -> list[LabelledImage]:
    """``count`` of the training images, drawn by a hash of seed and ID, as training images.

    A smaller subset of the same seed is part of a larger one, and a draw does not depend on the row.
    """
    ranked = sorted(images, key=lambda image: hashlib.sha256(f"{seed}:{image.id}".encode()).digest())
    return sorted((replace(image, split="train") for image in ranked[:count]), key=lambda image: image.id)


class Ablation(Series[Cell]):
    """An ablation of one protocol on one study.

    Args:
        protocol: with the recipe of all rows; see :func:`~monai_ext.experiments.ablation_rows.under_recipe`.
        studies: images with labels and splits.
        output: folder of the results.
        settings: what a person chose.

    Attributes:
        rows: protocol of each row.
        cells: all cells, the first seed of all rows and sizes first.
        training_images: how many there are.
        reported: the images that are reported.

    Raises:
        InputError: an unknown row, a size that there are no images for, a missing source, no images to report.
    """

    settings: AblationSettings

    def __init__(self, protocol: Protocol, studies: Studies, output: Path, settings: AblationSettings) -> None:
        super().__init__(with_backbone(protocol, settings.backbone), output, settings)
        names = tuple(dict.fromkeys(settings.rows)) or default_rows(protocol) or ("",)
        self.rows = {name: row_protocol(self.protocol, name, weight=settings.weight) for name in names}
        images = labelled_images(studies)
        self._train, self._val = split_images(images, protocol.recipe.val_fraction)
        self.reported = self._val if settings.split == "val" else [i for i in images if i.split == "test"]
        if not self.reported:
            raise InputError(f"{studies.root} has no labelled image of the split 'test': use --split val.")
        self.training_images = len(self._train)
        self.sizes = parse_sizes(settings.sizes, self.training_images)
        seeds = range(settings.seeds)
        self.cells = [Cell(row, size, seed) for seed in seeds for size in self.sizes for row in self.rows]
        self._predictions: dict[Cell, ReadPairs] = {}

    @property
    def decoders(self) -> tuple[Decoder, Decoder]:
        """The protocol's own and the one set beside it: argmax, or one finer than pixels where that is its own."""
        own = self.protocol.network.decoder
        return own, "dark" if own == "argmax" else "argmax"

    def length(self, size: Size) -> Length:
        """The length of the trainings of a size."""
        largest = self.sizes[-1].count
        return length(size.count, largest, self.protocol.recipe, self.settings.max_epochs, self.settings.max_steps)

    def length_of(self, cell: Cell) -> Length:
        """As :meth:`length` of the cell's size."""
        return self.length(cell.size)

    def check(self, measures: AblationMeasures) -> None:
        """Checks that the reported images can be measured so, before any time is spent on training.

        Raises:
            InputError: lengths are to be in mm and an image is not calibrated, or an image cannot be read.
        """
        for image in self.reported if measures.unit == "mm" else ():
            if read_frame(image.image).spacing is None:
                raise InputError(f"Image {image.id} has no known pixel size, so that lengths cannot be in mm; use px.")

    def predictions(self, cell: Cell) -> ReadPairs:
        """Truths and points that the model of a finished cell predicted, in the frames that the images have now."""
        if cell not in self._predictions:
            answers = read_predictions(self._opened(cell).predictions, self._frames)
            self._predictions[cell] = {reading: [answer.pair for answer in found] for reading, found in answers.items()}
        return self._predictions[cell]

    @cached_property
    def _frames(self) -> dict[str, Frame]:
        return frames_of(self.reported)

    def scores(self, measures: AblationMeasures) -> list[RowScores]:
        """The rows of each size that have a finished cell, made from the tables of predictions.

        Raises:
            InputError: the measures do not fit the images.
        """
        found: list[RowScores] = []
        for size in self.sizes:
            for row in self.rows:
                cells = [cell for cell in self.cells if (cell.row, cell.size) == (row, size)]
                known = [(cell, document) for cell in cells if (document := self.finished(cell)) is not None]
                if not known:
                    continue
                runs = {cell.seed: self.predictions(cell) for cell, _ in known}
                seeds = tuple(seed_scores(runs[cell.seed], doc, measures, cell.seed) for cell, doc in known)
                found.append(RowScores(row, size, self.length(size).steps, seeds, pooled_evaluation(runs, measures)))
        return found

    def _run(self, cell: Cell, on_progress: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        folder = self._opened(cell)
        trained = folder.train(self._protocol(cell), self._images(cell), self._options(cell), on_progress)
        predictor = Predictor.load(folder.model, self.device)
        write_predictions(folder.predictions, predict(predictor, self.reported, self.decoders))
        about = {"row": cell.row, "size": cell.size.label, "training_images": cell.size.count, "seed": cell.seed}
        folder.finish(about | trained, keep_weights=self.settings.keep_weights)
        return trained

    def _protocol(self, cell: Cell) -> Protocol:
        return self.rows[cell.row]

    def _labelled(self) -> list[LabelledImage]:
        return [*self._train, *self._val, *self.reported]

    def _images(self, cell: Cell) -> list[LabelledImage]:
        return subset(self._train, cell.size.count, cell.seed) + [replace(image, split="val") for image in self._val]

    def _more_options(self, cell: Cell) -> Mapping[str, Any]:
        return {"seed": cell.seed}

    def _depends_on(self, cell: Cell) -> tuple[list[LabelledImage], list[str]]:
        return [*self._images(cell), *(self.reported if self.settings.split == "test" else [])], []

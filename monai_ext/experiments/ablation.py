"""Trains and evaluates every cell of an ablation that is not finished yet."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from monai_ext.engines import LabelledImage, TrainOptions, labelled_images, read_labels, split_images
from monai_ext.images import read_frame
from monai_ext.inferers import Predictor
from monai_ext.landmarks import InputError, Protocol
from monai_ext.landmarks.network_config import Decoder
from monai_ext.networks import find_device
from monai_ext.studies import Studies

from .ablation_rows import default_rows, row_protocol, with_backbone
from .ablation_scores import Measures, RowScores, pooled_evaluation, seed_scores
from .cell_folder import CellFolder
from .cell_signature import cell_signature, with_paths
from .cell_training import train_cell
from .cells import Cell, Length, Size, length, parse_sizes, subset
from .predictions import Predictions, predict, read_predictions, write_predictions
from .progress import OnCellProgress, Progress, report_training
from .settings import Settings


class Ablation:
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

    def __init__(self, protocol: Protocol, studies: Studies, output: Path, settings: Settings) -> None:
        self.protocol = with_paths(with_backbone(protocol, settings.backbone), settings.models)
        self.output, self.settings = output, settings
        self.device = find_device(settings.device)
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
        self._signatures: dict[Cell, str] = {}
        self._predictions: dict[Cell, Predictions] = {}

    @property
    def decoders(self) -> tuple[Decoder, Decoder]:
        """The protocol's own and the one set beside it: argmax, or one finer than pixels where that is its own."""
        own = self.protocol.network.decoder
        return own, "dark" if own == "argmax" else "argmax"

    def length(self, size: Size) -> Length:
        """How long the cells of a size are trained."""
        largest = self.sizes[-1].count
        return length(size.count, largest, self.protocol.recipe, self.settings.max_epochs, self.settings.max_steps)

    def run(self, on_progress: OnCellProgress = lambda progress: None) -> None:
        """Trains and evaluates the cells that are not finished. May be stopped at any time and called again.

        Raises:
            InputError: a label may not be used; nothing is trained then.
        """
        open_cells = [cell for cell in self.cells if self._folder(cell).finished() is None]
        if open_cells:
            read_labels([*self._train, *self._val, *self.reported], self.protocol)
        total, done = sum(self.length(cell.size).steps for cell in open_cells), 0
        for cell in open_cells:
            number, length = self.cells.index(cell) + 1, self.length(cell.size)
            place = Progress(cell, number, len(self.cells), done, total)
            on_progress(place)
            trained = self._run(cell, partial(report_training, on_progress, place, length))
            done += length.steps
            on_progress(replace(place, done=done, val_error=trained["val_error"], finished=True))

    def check(self, measures: Measures) -> None:
        """Looks whether the reported images can be measured so, before any time is spent on training.

        Raises:
            InputError: lengths are to be in mm and an image is not calibrated, or an image cannot be read.
        """
        for image in self.reported if measures.unit == "mm" else ():
            if read_frame(image.image).spacing is None:
                raise InputError(f"Image {image.id} has no known pixel size, so that lengths cannot be in mm; use px.")

    def finished(self, cell: Cell) -> dict[str, Any] | None:
        """What is known of a finished cell, or None."""
        return self._folder(cell).finished()

    def predictions(self, cell: Cell) -> Predictions:
        """What the model of a finished cell predicted."""
        if cell not in self._predictions:
            self._predictions[cell] = read_predictions(self._folder(cell).predictions)
        return self._predictions[cell]

    def scores(self, measures: Measures) -> list[RowScores]:
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
        folder = self._folder(cell)
        trained = train_cell(folder, self.rows[cell.row], self._images(cell), self._options(cell), on_progress)
        predictor = Predictor.load(folder.model, self.device)
        write_predictions(folder.predictions, predict(predictor, self.reported, self.decoders))
        folder.finish(
            {
                "row": cell.row,
                "size": cell.size.label,
                "training_images": cell.size.count,
                "seed": cell.seed,
                **trained,
            },
            keep_weights=self.settings.keep_weights,
        )
        return trained

    def _images(self, cell: Cell) -> list[LabelledImage]:
        return subset(self._train, cell.size.count, cell.seed) + [replace(image, split="val") for image in self._val]

    def _options(self, cell: Cell) -> TrainOptions:
        length = self.length(cell.size)
        return TrainOptions(
            max_epochs=length.epochs,
            epoch_steps=length.epoch_steps,
            val_interval=math.ceil(length.epochs / self.settings.validations),
            seed=cell.seed,
            device=self.settings.device,
            num_workers=self.settings.workers,
            warm_start=False,
            keep="last",
        )

    def _folder(self, cell: Cell) -> CellFolder:
        if cell not in self._signatures:
            self._signatures[cell] = self._signature(cell)
        return CellFolder(self.output, cell, self._signatures[cell])

    def _signature(self, cell: Cell) -> str:
        images = [*self._images(cell), *(self.reported if self.settings.split == "test" else [])]
        return cell_signature(self.rows[cell.row], self._options(cell), images)

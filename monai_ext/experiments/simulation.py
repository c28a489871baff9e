"""Active learning played through on images that are all labelled: which strategy needs fewer labels?"""

from __future__ import annotations

import math
import shutil
import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from monai_ext.active.measures import find_measure
from monai_ext.active.selection import USES_FEATURES, USES_SCORES, Candidates, by_chance, select
from monai_ext.engines import LabelledImage, TrainOptions, labelled_images, read_labels, split_images
from monai_ext.inferers import Predictor
from monai_ext.landmarks import Protocol
from monai_ext.models import CARD
from monai_ext.networks import build_network, find_device
from monai_ext.studies import Studies

from .cell_folder import CellFolder
from .cell_signature import cell_signature, with_paths
from .cell_training import train_cell
from .cells import Length, length
from .choice_file import ChoiceFile
from .pool import view_pool
from .predictions import predict, write_predictions
from .progress import OnCellProgress, Progress, report_training
from .round_error import mean_error
from .rounds import INITIAL, RoundCell, all_cells, check_strategies, label_counts
from .settings import SimulationSettings


class Simulation:
    """A simulation on one study: its training images are the pool, its validation images are reported.

    Args:
        protocol: whose recipe every training has; it must not stop early.
        studies: images with labels and splits.
        output: folder of the results.
        settings: what a person chose.

    Attributes:
        counts: labels after each round, the first ones included.
        cells: all cells in the order in which they are trained.
        length: how long each is trained.

    Raises:
        InputError: an unknown strategy or measure, too few images, a missing source.
    """

    def __init__(self, protocol: Protocol, studies: Studies, output: Path, settings: SimulationSettings) -> None:
        self.protocol = with_paths(protocol, settings.models)
        self.output, self.settings = output, settings
        self.strategies = check_strategies(settings.strategies)
        self.device = find_device(settings.device)
        if not USES_SCORES.isdisjoint(self.strategies):
            find_measure(settings.measure, self.protocol, build_network(self.protocol))
        train, self.reported = split_images(labelled_images(studies), protocol.recipe.val_fraction)
        self._pool = {image.id: image for image in train}
        self.counts = label_counts(settings.initial, settings.batch, settings.rounds, len(train))
        self.cells = all_cells(self.strategies, self.counts, settings.seeds)
        self.length: Length = length(self.counts[-1], self.counts[-1], protocol.recipe, max_steps=settings.max_steps)
        self._folders: dict[RoundCell, CellFolder] = {}

    def run(self, on_progress: OnCellProgress = lambda progress: None) -> None:
        """Trains the cells that are not finished. May be stopped at any time and called again.

        Raises:
            InputError: a label may not be used; nothing is trained then.
        """
        for cell in self.cells:
            self._reopen(cell)
        open_cells = [cell for cell in self.cells if self.finished(cell) is None]
        if open_cells:
            read_labels([*self._pool.values(), *self.reported], self.protocol)
        for done, cell in enumerate(open_cells):
            steps = self.length.steps
            place = Progress(cell, self.cells.index(cell) + 1, len(self.cells), done * steps, len(open_cells) * steps)
            on_progress(place)
            document = self._run(cell, partial(report_training, on_progress, place, self.length))
            on_progress(replace(place, done=place.done + steps, val_error=document["error"], finished=True))
        for cell in self.cells:
            self._tidy(cell)

    def labelled(self, cell: RoundCell) -> list[str] | None:
        """The IDs of a cell's training images in the order in which they were chosen.

        None where a round before it is not finished.
        """
        before = self._before(cell)
        if before is None:
            return by_chance(Candidates(tuple(self._pool), seed=cell.seed), cell.labels)
        known, chosen = self.labelled(before), self._chosen(cell)
        return None if known is None or chosen is None else known + chosen

    def finished(self, cell: RoundCell) -> dict[str, Any] | None:
        """What is known of a finished cell; None where it is not finished, or is of other data or options."""
        folder = self._folder(cell)
        return None if folder is None else folder.finished()

    def _run(self, cell: RoundCell, on_progress: Any) -> dict[str, Any]:
        before = self._before(cell)
        if before is not None and self._chosen(cell) is None:
            self._choose(before)
        folder, labelled = self._folder(cell), self.labelled(cell)
        assert folder is not None
        assert labelled is not None
        start = None if before is None or not self.settings.warm else self._opened(before).model
        trained = train_cell(
            folder, self.protocol, self._images(labelled), self._options(cell), on_progress, start=start
        )
        if start is not None and not trained["published"] and not folder.model.joinpath(CARD).is_file():
            shutil.copytree(start, folder.model, dirs_exist_ok=True)
        predictor = Predictor.load(folder.model, self.device)
        decoder = self.protocol.network.decoder
        found = predict(predictor, self.reported, (decoder,))
        write_predictions(folder.predictions, found)
        error, unit = mean_error(next(pairs for (stage, _), pairs in found.items() if stage == "answer"))
        document = {
            "strategy": cell.strategy,
            "round": cell.round,
            "labels": cell.labels,
            "seed": cell.seed,
            "error": error,
            "unit": unit,
            "labelled": labelled,
            **trained,
        }
        folder.finish(document, keep_weights=True)
        if before is not None:
            self._tidy(before)
        return document

    def _choose(self, cell: RoundCell) -> None:
        """Chooses the next labels of every strategy that goes on from a finished cell, and writes them down."""
        open_cells = [after for after in self._after(cell) if self._chosen(after) is None]
        strategies = {after.strategy for after in open_cells}
        labelled = self.labelled(cell)
        assert labelled is not None
        rest = sorted(self._pool.keys() - set(labelled))
        scored, described = not USES_SCORES.isdisjoint(strategies), not USES_FEATURES.isdisjoint(strategies)
        scores = features = known = None
        if scored or described:
            predictor = Predictor.load(self._opened(cell).model, self.device)
            measure = find_measure(self.settings.measure, self.protocol, predictor.network) if scored else None
            look = partial(view_pool, [predictor], reduction=self.settings.reduction, features=described)
            scores, features = look([self._pool[id].image for id in rest], measure)
            known = look([self._pool[id].image for id in labelled]).features
        candidates = Candidates(tuple(rest), scores, features, known, cell.seed)
        for after in open_cells:
            choice = self._choice(after)
            assert choice is not None
            choice.write(select(after.strategy, candidates, after.labels - cell.labels))

    def _chosen(self, cell: RoundCell) -> list[str] | None:
        """What a cell's strategy added to the labels of the round before; None where that is not chosen yet."""
        choice = self._choice(cell)
        return None if choice is None else choice.read()

    def _choice(self, cell: RoundCell) -> ChoiceFile | None:
        """The file of what a cell adds; None where the images of the round before are not chosen yet."""
        before = self._before(cell)
        folder = None if before is None else self._folder(before)
        if folder is None:
            return None
        parts = [folder.signature, cell.strategy, str(cell.labels), *sorted(self._pool)]
        if cell.strategy in USES_SCORES:
            parts += [self.settings.measure, self.settings.reduction]
        return ChoiceFile(self.output, cell.name, parts)

    def _before(self, cell: RoundCell) -> RoundCell | None:
        if cell.round == 0:
            return None
        name = INITIAL if cell.round == 1 else cell.strategy
        return RoundCell(name, cell.round - 1, self.counts[cell.round - 1], cell.seed)

    def _after(self, cell: RoundCell) -> list[RoundCell]:
        return [other for other in self.cells if self._before(other) == cell]

    def _folder(self, cell: RoundCell) -> CellFolder | None:
        """The folder of a cell; None where its images are not chosen yet."""
        if cell not in self._folders:
            labelled = self.labelled(cell)
            if labelled is None:
                return None
            before = self._before(cell)
            further = [self._opened(before).signature] if self.settings.warm and before is not None else []
            signature = cell_signature(self.protocol, self._options(cell), self._images(labelled), further)
            self._folders[cell] = CellFolder(self.output, cell, signature)
        return self._folders[cell]

    def _opened(self, cell: RoundCell) -> CellFolder:
        folder = self._folder(cell)
        assert folder is not None
        return folder

    def _reopen(self, cell: RoundCell) -> None:
        """Removes a finished cell whose weights are gone but needed, as a strategy came later that goes on from it."""
        folder = self._folder(cell)
        if folder is None or folder.finished() is None or (folder.model / CARD).is_file() or not self._needed(cell):
            return
        warnings.warn(f"The weights of {folder.path} were dropped but are needed; it is trained again.", stacklevel=3)
        shutil.rmtree(folder.path)

    def _needed(self, cell: RoundCell) -> bool:
        """Whether the weights of a finished cell are needed for the cells after it."""
        return any(self.finished(after) is None for after in self._after(cell))

    def _tidy(self, cell: RoundCell) -> None:
        """Drops the weights of a finished cell that nothing depends on any more, unless they are to be kept."""
        folder = self._folder(cell)
        if folder is not None and not self.settings.keep_weights and folder.finished() and not self._needed(cell):
            shutil.rmtree(folder.model, ignore_errors=True)

    def _images(self, labelled: Sequence[str]) -> list[LabelledImage]:
        chosen = [replace(self._pool[id], split="train") for id in sorted(labelled)]
        return chosen + [replace(image, split="val") for image in self.reported]

    def _options(self, cell: RoundCell) -> TrainOptions:
        return TrainOptions(
            max_epochs=self.length.epochs,
            epoch_steps=self.length.epoch_steps,
            val_interval=math.ceil(self.length.epochs / self.settings.validations),
            seed=cell.seed,
            device=self.settings.device,
            num_workers=self.settings.workers,
            warm_start=self.settings.warm,
            keep="last",
        )

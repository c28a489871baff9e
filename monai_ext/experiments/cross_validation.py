"""Trains one model for each fold and keeps what it answers on the images that it has not seen."""

from __future__ import annotations

import math
import shutil
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from monai_ext.engines import LabelledImage, TrainOptions, labelled_images, read_labels
from monai_ext.evaluation.report import Pair
from monai_ext.inferers import Predictor
from monai_ext.landmarks import InputError, Protocol
from monai_ext.landmarks.files import read_json, write_json_atomically
from monai_ext.models import CARD
from monai_ext.networks import find_device
from monai_ext.studies import Studies

from .cell_folder import CellFolder
from .cell_signature import cell_signature, with_paths
from .cell_training import train_cell
from .cells import Length, length
from .folds import Fold, fold_images
from .predictions import predict, read_predictions, write_predictions
from .progress import OnCellProgress, Progress, report_training
from .settings import CrossValidationSettings

#: Answers on changed images, and which images those were.
CHANGED, CHANGED_OF = "changed.csv", "changed.json"


class CrossValidation:
    """A cross-validation on the labelled images of a studies folder, those of the split "test" left out.

    The images of a fold are told to its training as validation images, which changes nothing: the weights of the last
    step are taken, so that no choice is made on them.

    Args:
        protocol: whose recipe every training has; it must not stop early.
        studies: images with labels.
        output: folder of the results.
        settings: what a person chose.
        changed: changed copies of the same images, with labels, which each fold's model answers too; or None.

    Attributes:
        cells: the folds in the order in which they are trained.
        length: how long each is trained.

    Raises:
        InputError: fewer images than folds, or the copies lack one of them.
    """

    def __init__(
        self,
        protocol: Protocol,
        studies: Studies,
        output: Path,
        settings: CrossValidationSettings,
        changed: Studies | None = None,
    ) -> None:
        recipe = protocol.recipe.model_copy(update={"patience": 0})
        self.protocol = with_paths(protocol.model_copy(update={"recipe": recipe}), settings.models)
        self.studies, self.output, self.settings, self.changed = studies, output, settings, changed
        self.device = find_device(settings.device)
        images = [image for image in labelled_images(studies) if image.split != "test"]
        parts = fold_images(images, settings.folds, settings.seed)
        self.cells = [Fold(k + 1, settings.folds, settings.seed) for k in range(settings.folds)]
        self._held_out = dict(zip(self.cells, parts, strict=True))
        self._changed = {} if changed is None else _copies(images, changed)
        shortest = min(len(images) - len(part) for part in parts)
        self.length: Length = length(shortest, shortest, recipe, max_steps=settings.max_steps)
        self._folders: dict[Fold, CellFolder] = {}

    def held_out(self, fold: Fold) -> list[str]:
        """The IDs of the images that a fold's model does not see."""
        return [image.id for image in self._held_out[fold]]

    def run(self, on_progress: OnCellProgress = lambda progress: None) -> None:
        """Trains the folds that are not finished. May be stopped at any time and called again.

        Raises:
            InputError: a label may not be used, of the images or their copies; nothing is trained then.
        """
        for fold in self.cells:
            self._reopen(fold)
        open_folds = [fold for fold in self.cells if self._folder(fold).finished() is None]
        if open_folds:
            held_out = [image for fold in self.cells for image in self._held_out[fold]]
            read_labels([*held_out, *(self._changed[image.id] for image in held_out if self._changed)], self.protocol)
        steps, total = self.length.steps, len(open_folds) * self.length.steps
        for done, fold in enumerate(open_folds):
            place = Progress(fold, fold.number, len(self.cells), done * steps, total)
            on_progress(place)
            trained = self._run(fold, partial(report_training, on_progress, place, self.length))
            on_progress(replace(place, done=place.done + steps, val_error=trained["val_error"], finished=True))
        for fold in self.cells:
            self._answer_changed(fold)
            if not self.settings.keep_weights:
                shutil.rmtree(self._folder(fold).model, ignore_errors=True)

    def finished(self, fold: Fold) -> dict[str, Any] | None:
        """What is known of a finished fold, or None."""
        return self._folder(fold).finished()

    def pairs(self, fold: Fold) -> list[Pair]:
        """Truth and answer on the images that the model of a finished fold has not seen."""
        return _answers(self._folder(fold).predictions)

    def changed_pairs(self, fold: Fold) -> list[Pair]:
        """The same on the changed copies; none where those were not answered yet."""
        return _answers(self._folder(fold).path / CHANGED) if self._changed_answered(fold) else []

    def _run(self, fold: Fold, on_progress: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        folder = self._folder(fold)
        trained = train_cell(folder, self.protocol, self._images(fold), self._options(), on_progress)
        predictor = Predictor.load(folder.model, self.device)
        decoders = (self.protocol.network.decoder,)
        write_predictions(folder.predictions, predict(predictor, self._held_out[fold], decoders))
        self._answer_changed(fold, predictor)
        document = {"fold": fold.number, "seed": fold.seed, "held_out": self.held_out(fold)}
        folder.finish(document | {"model_version": predictor.version} | trained, keep_weights=True)
        return trained

    def _answer_changed(self, fold: Fold, predictor: Predictor | None = None) -> None:
        if not self._changed or self._changed_answered(fold):
            return
        folder = self._folder(fold)
        predictor = predictor or Predictor.load(folder.model, self.device)
        images = [self._changed[id] for id in self.held_out(fold)]
        write_predictions(folder.path / CHANGED, predict(predictor, images, (self.protocol.network.decoder,)))
        write_json_atomically(folder.path / CHANGED_OF, self._changed_signature(fold))

    def _changed_answered(self, fold: Fold) -> bool:
        path = self._folder(fold).path / CHANGED_OF
        return bool(self._changed) and path.is_file() and read_json(path) == self._changed_signature(fold)

    def _changed_signature(self, fold: Fold) -> dict[str, Any]:
        images = [self._changed[id] for id in self.held_out(fold)]
        return {"signature": cell_signature(self.protocol, self._options(), images, [self._folder(fold).signature])}

    def _reopen(self, fold: Fold) -> None:
        """Removes a finished fold whose weights are gone but needed for changed copies that came later."""
        folder = self._folder(fold)
        if folder.finished() is None or (folder.model / CARD).is_file() or not self._changed:
            return
        if not self._changed_answered(fold):
            warnings.warn(
                f"The weights of {folder.path} were dropped but are needed; it is trained again.", stacklevel=3
            )
            shutil.rmtree(folder.path)

    def _images(self, fold: Fold) -> list[LabelledImage]:
        seen = [image for other in self.cells if other != fold for image in self._held_out[other]]
        seen = sorted(seen, key=lambda image: image.id)
        held_out = [replace(image, split="val") for image in self._held_out[fold]]
        return [replace(image, split="train") for image in seen] + held_out

    def _options(self) -> TrainOptions:
        return TrainOptions(
            max_epochs=self.length.epochs,
            epoch_steps=self.length.epoch_steps,
            val_interval=math.ceil(self.length.epochs / self.settings.validations),
            seed=self.settings.seed,
            device=self.settings.device,
            num_workers=self.settings.workers,
            warm_start=False,
            keep="last",
            half_precision=self.settings.half,
        )

    def _folder(self, fold: Fold) -> CellFolder:
        if fold not in self._folders:
            further = [f"half {self.settings.half}"]
            signature = cell_signature(self.protocol, self._options(), self._images(fold), further)
            self._folders[fold] = CellFolder(self.output, fold, signature)
        return self._folders[fold]


def _copies(images: Sequence[LabelledImage], changed: Studies) -> dict[str, LabelledImage]:
    copies = {image.id: image for image in labelled_images(changed)}
    missing = [image.id for image in images if image.id not in copies]
    if missing:
        raise InputError(
            f"{changed.root} has no labelled image {missing[0]!r}, and {len(missing)} of {len(images)} are missing: "
            "a changed copy bears the ID of its original."
        )
    return copies


def _answers(path: Path) -> list[Pair]:
    return next(pairs for (stage, _), pairs in read_predictions(path).items() if stage == "answer")

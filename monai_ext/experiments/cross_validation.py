"""Cross-validation: every image is answered by a model that has not seen it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from monai_ext.engines import LabelledImage, labelled_images
from monai_ext.evaluation import Pair
from monai_ext.inferers import Predictor
from monai_ext.landmarks import InputError, Length, Protocol, read_json, write_json_atomically
from monai_ext.studies import Studies

from .cell_folder import cell_signature
from .predictions import Answer, frames_of, predict, read_predictions, write_predictions
from .series import Series, length
from .settings import CrossValidationSettings

#: Answers on changed images, and which images those were.
CHANGED, CHANGED_OF = "changed.csv", "changed.json"


@dataclass(frozen=True)
class Fold:
    """One training run of a cross-validation.

    Args:
        number: from 1.
        count: of all folds.
        seed: of the division and of the training.
    """

    number: int
    count: int
    seed: int

    @property
    def name(self) -> str:
        """Name of its folder."""
        return f"fold{self.number}of{self.count}_seed{self.seed}"

    @property
    def title(self) -> str:
        """Name that a person reads."""
        return f"fold {self.number} of {self.count}, seed {self.seed}"


def fold_images(images: Sequence[LabelledImage], count: int, seed: int) -> list[list[LabelledImage]]:
    """Divides images into folds of about the same size; images of one subject are in one fold.

    The order is by a hash of seed and subject or ID: the same images and seed give the same folds on every machine.
    Each subject goes to the fold that has the fewest images; without subjects the sizes differ by one at most.

    Raises:
        InputError: fewer than two folds, or fewer images or subjects than folds.
    """
    if count < 2:
        raise InputError(f"A cross-validation needs at least 2 folds, not {count}.")
    groups: dict[str, list[LabelledImage]] = {}
    for image in images:
        groups.setdefault(image.group, []).append(image)
    if len(groups) < count:
        different, of = (
            (" of different subjects", f" of {len(groups)} subjects") if len(groups) < len(images) else ("", "")
        )
        raise InputError(
            f"{count} folds need at least as many labelled images{different}, but there are {len(images)}{of}: take "
            "fewer folds."
        )
    folds: list[list[LabelledImage]] = [[] for _ in range(count)]
    for group in sorted(groups, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest()):
        min(folds, key=len).extend(groups[group])
    return [sorted(fold, key=lambda image: image.id) for fold in folds]


class CrossValidation(Series[Fold]):
    """A cross-validation on the labelled images of a studies folder, those of the split "test" left out.

    The images of a fold are validation images of its training, which changes nothing: the weights of the last
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

    settings: CrossValidationSettings

    def __init__(
        self,
        protocol: Protocol,
        studies: Studies,
        output: Path,
        settings: CrossValidationSettings,
        changed: Studies | None = None,
    ) -> None:
        recipe = protocol.recipe.model_copy(update={"patience": 0})
        super().__init__(protocol.model_copy(update={"recipe": recipe}), output, settings)
        self.studies, self.changed = studies, changed
        images = [image for image in labelled_images(studies) if image.split != "test"]
        parts = fold_images(images, settings.folds, settings.seed)
        self.cells = [Fold(k + 1, settings.folds, settings.seed) for k in range(settings.folds)]
        self._held_out = dict(zip(self.cells, parts, strict=True))
        self._changed = {} if changed is None else _copies(images, changed)
        shortest = min(len(images) - len(part) for part in parts)
        self.length: Length = length(shortest, shortest, recipe, max_steps=settings.max_steps)

    def length_of(self, cell: Fold) -> Length:
        """The same for all folds."""
        return self.length

    def held_out(self, fold: Fold) -> list[str]:
        """The IDs of the images that a fold's model does not see."""
        return [image.id for image in self._held_out[fold]]

    def answers(self, fold: Fold) -> list[Answer]:
        """Truth and answer on the images that the model of a finished fold has not seen, in their present frames."""
        return _answers(self._opened(fold).predictions, self._held_out[fold])

    def changed_answers(self, fold: Fold) -> list[Answer]:
        """As :meth:`answers` on the changed copies; none where those were not answered yet."""
        if not self._changed_answered(fold):
            return []
        return _answers(self._opened(fold).path / CHANGED, [self._changed[id] for id in self.held_out(fold)])

    def pairs(self, fold: Fold) -> list[Pair]:
        """What distances are measured of in :meth:`answers`."""
        return [answer.pair for answer in self.answers(fold)]

    def changed_pairs(self, fold: Fold) -> list[Pair]:
        """As :meth:`pairs` on the changed copies; none where those were not answered yet."""
        return [answer.pair for answer in self.changed_answers(fold)]

    def _run(self, cell: Fold, on_progress: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        folder = self._opened(cell)
        trained = folder.train(self.protocol, self._images(cell), self._options(cell), on_progress)
        predictor = Predictor.load(folder.model, self.device)
        decoders = (self.protocol.network.decoder,)
        write_predictions(folder.predictions, predict(predictor, self._held_out[cell], decoders))
        self._answer_changed(cell, predictor)
        document = {"fold": cell.number, "seed": cell.seed, "held_out": self.held_out(cell)}
        folder.finish(document | {"model_version": predictor.version} | trained, keep_weights=True)
        return trained

    def _before_all(self, cell: Fold) -> None:
        """Reopens a finished fold whose weights are missing but needed for changed copies that came later."""
        folder = self._opened(cell)
        if folder.finished() and not folder.has_weights and self._changed and not self._changed_answered(cell):
            folder.reopen()

    def _after_all(self, cell: Fold) -> None:
        self._answer_changed(cell)
        if not self.settings.keep_weights:
            self._opened(cell).drop_weights()

    def _answer_changed(self, fold: Fold, predictor: Predictor | None = None) -> None:
        if not self._changed or self._changed_answered(fold):
            return
        folder = self._opened(fold)
        predictor = predictor or Predictor.load(folder.model, self.device)
        images = [self._changed[id] for id in self.held_out(fold)]
        write_predictions(folder.path / CHANGED, predict(predictor, images, (self.protocol.network.decoder,)))
        write_json_atomically(folder.path / CHANGED_OF, self._changed_signature(fold))

    def _changed_answered(self, fold: Fold) -> bool:
        path = self._opened(fold).path / CHANGED_OF
        return bool(self._changed) and path.is_file() and read_json(path) == self._changed_signature(fold)

    def _changed_signature(self, fold: Fold) -> dict[str, Any]:
        images = [self._changed[id] for id in self.held_out(fold)]
        return {"signature": cell_signature(self.protocol, self._options(fold), images, [self._opened(fold).signature])}

    def _images(self, fold: Fold) -> list[LabelledImage]:
        seen = [image for other in self.cells if other != fold for image in self._held_out[other]]
        seen = sorted(seen, key=lambda image: image.id)
        held_out = [replace(image, split="val") for image in self._held_out[fold]]
        return [replace(image, split="train") for image in seen] + held_out

    def _labelled(self) -> list[LabelledImage]:
        held_out = [image for fold in self.cells for image in self._held_out[fold]]
        return [*held_out, *(self._changed[image.id] for image in held_out if self._changed)]

    def _more_options(self, cell: Fold) -> Mapping[str, Any]:
        return {"seed": self.settings.seed, "half_precision": self.settings.half}

    def _depends_on(self, cell: Fold) -> tuple[list[LabelledImage], list[str]]:
        return self._images(cell), [f"half {self.settings.half}"]


def _copies(images: Sequence[LabelledImage], changed: Studies) -> dict[str, LabelledImage]:
    copies = {image.id: image for image in labelled_images(changed)}
    missing = [image.id for image in images if image.id not in copies]
    if missing:
        raise InputError(
            f"{changed.root} has no labelled image {missing[0]!r}, and {len(missing)} of {len(images)} are missing: "
            "a changed copy has the ID of its original."
        )
    return copies


def _answers(path: Path, images: Sequence[LabelledImage]) -> list[Answer]:
    found = read_predictions(path, frames_of(images))
    return next(answers for (stage, _), answers in found.items() if stage == "answer")

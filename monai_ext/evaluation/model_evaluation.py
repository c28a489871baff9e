"""A trained model evaluated on labelled images, with one or more decoders of its heatmaps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monai_ext.engines import LabelledImage, read_labels
from monai_ext.inferers import Predictor
from monai_ext.landmarks import Decoder, FloatArray, Landmarks, Unit
from monai_ext.studies import Studies

from .evaluate import Pair, check_limits, evaluate_landmarks
from .normalized import NormalizedScores, normalize_scores
from .scores import Evaluation


@dataclass(frozen=True)
class Measures:
    """Thresholds, limits and unit of a measurement; :func:`fitting_limits` has those that fit the images.

    Args:
        thresholds: of the success detection rates, in the evaluation's unit.
        failure: an image fails above this mean error, in the evaluation's unit.
        limit: upper end of the area under the cumulative error distribution, in the evaluation's unit.
        unit: mm or px; None takes mm where all images are calibrated.
        between: two landmarks whose true distance errors are also given in percent of, or None.
        normalized_limit: failure threshold and upper end of the area for those, percent.

    Raises:
        InputError: a threshold or limit is no positive number, or a threshold repeats.
    """

    thresholds: tuple[float, ...]
    failure: float
    limit: float
    unit: Unit | None = None
    between: tuple[str, str] | None = None
    normalized_limit: float = 10.0

    def __post_init__(self) -> None:
        check_limits(self.thresholds, self.failure, self.limit)
        check_limits((), self.normalized_limit, self.normalized_limit)

    def evaluate(self, pairs: Sequence[Pair], unit: Unit | None = None) -> Evaluation:
        """The evaluation of truths and predictions, in ``unit`` where it is given.

        Raises:
            InputError: an image is not calibrated but lengths are to be in mm.
        """
        return evaluate_landmarks(pairs, self.thresholds, self.failure, self.limit, unit=unit or self.unit)

    def normalize(self, pairs: Sequence[Pair], evaluation: Evaluation) -> NormalizedScores | None:
        """The evaluation in percent of the distance of ``between``, where that is requested."""
        if self.between is None:
            return None
        return normalize_scores(evaluation, pairs, self.between, self.normalized_limit)


@dataclass(frozen=True)
class Reading:
    """Points that one decoder reads off the heatmaps of all images.

    Attributes:
        pairs: image ID, truth and prediction of each image.
        evaluation: of the pairs.
        normalized: the same in percent of a distance, or None if none was requested.
        coarse: of the places that the network's coarse stage found; None if it has none.
    """

    pairs: list[Pair]
    evaluation: Evaluation
    normalized: NormalizedScores | None
    coarse: Evaluation | None = None

    def to_dict(self) -> dict[str, Any]:
        """Finite JSON: the evaluation's, and ``normalized`` and the scores of ``coarse`` where there are."""
        document = self.evaluation.to_dict()
        if self.normalized:
            document["normalized"] = self.normalized.to_dict()
        if self.coarse:
            document["coarse"] = {
                "overall": self.coarse.overall.to_dict(),
                "landmarks": [row.to_dict() for row in self.coarse.landmarks],
            }
        return document


def evaluate_model(
    predictor: Predictor,
    studies: Studies,
    images: Sequence[str],
    measures: Measures,
    decoders: Sequence[Decoder] = (),
    on_image: Callable[[], None] = lambda: None,
) -> dict[Decoder, Reading]:
    """Predicts each image once and compares what each decoder reads off the heatmaps with the labels.

    Args:
        predictor: the model.
        studies: holds the images and their labels.
        images: IDs of labelled images.
        measures: what is measured.
        decoders: those to compare; none takes the protocol's own alone.
        on_image: called after each image.

    Raises:
        InputError: an image cannot be read, a label may not be used, which is found before any prediction, or the
            measures do not fit them.
    """
    decoders = tuple(decoders) or (predictor.protocol.network.decoder,)
    paths = studies.images()
    labelled = (LabelledImage(id, paths[id], studies.label_path(id)) for id in images)
    truths = read_labels(labelled, predictor.protocol)
    pairs: dict[Decoder, list[Pair]] = {decoder: [] for decoder in decoders}
    coarse: dict[Decoder, list[Pair]] = {decoder: [] for decoder in decoders}
    for id in images:
        answers = predictor.predict_decoders(paths[id], decoders)
        truth = truths[id]
        for decoder in decoders:
            answer = answers[decoder]
            pairs[decoder].append((id, truth, answer.landmarks))
            if answer.coarse is not None:
                coarse[decoder].append((id, truth, _at_coarse(answer.landmarks, answer.coarse)))
        on_image()
    subjects = studies.subjects()
    return {decoder: _reading(pairs[decoder], coarse[decoder], measures, subjects) for decoder in decoders}


def _at_coarse(answer: Landmarks, points: FloatArray) -> Landmarks:
    """The answer with (K, 2) points of the coarse stage, so that both stages are measured on the same landmarks."""
    return Landmarks(answer.names, points, answer.frame, answer.status)


def _reading(pairs: list[Pair], coarse: list[Pair], measures: Measures, subjects: Mapping[str, str]) -> Reading:
    evaluation = measures.evaluate(pairs).of_subjects(subjects)
    rough = measures.evaluate(coarse, evaluation.unit) if coarse else None
    return Reading(pairs, evaluation, measures.normalize(pairs, evaluation), rough)

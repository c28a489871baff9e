"""The numbers of a row at one size: each over its seeds, made from the tables of predicted points."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from monai_ext.evaluation import Evaluation, NormalizedScores, evaluate_landmarks, normalize_scores
from monai_ext.evaluation.report import Pair
from monai_ext.landmarks import InputError
from monai_ext.landmarks.geometry import Unit
from monai_ext.landmarks.network_config import Decoder

from .cells import Size
from .predictions import Predictions, Reading, Stage


@dataclass(frozen=True)
class Measures:
    """What is measured.

    Args:
        thresholds: of the success detection rates, in ``unit``.
        failure: an image fails above this mean error, in ``unit``.
        limit: upper end of the area under the cumulative error distribution, in ``unit``.
        unit: px of the original images, or mm.
        between: two landmarks whose true distance errors are also given in percent of, or None.
        normalized_limit: failure threshold and upper end of the area for those, percent.
        decoder: that the answers are read with.
        other_decoder: set beside it.

    Raises:
        InputError: a threshold or limit is not a positive number, or a threshold repeats.
    """

    thresholds: tuple[float, ...] = (5.0, 10.0, 20.0)
    failure: float = 10.0
    limit: float = 10.0
    unit: Unit = "px"
    between: tuple[str, str] | None = None
    normalized_limit: float = 10.0
    decoder: Decoder = "local_soft_argmax"
    other_decoder: Decoder = "argmax"

    def __post_init__(self) -> None:
        for value in (*self.thresholds, self.failure, self.limit, self.normalized_limit):
            if not (math.isfinite(value) and value > 0):
                raise InputError(f"Thresholds and limits are positive distances, not {value:g}.")
        if len(set(self.thresholds)) != len(self.thresholds):
            raise InputError(f"The thresholds {list(self.thresholds)} repeat a value; give each once.")

    def evaluate(self, pairs: Sequence[Pair]) -> Evaluation:
        """The evaluation of truths and predictions.

        Raises:
            InputError: an image is not calibrated but lengths are to be in mm.
        """
        return evaluate_landmarks(pairs, self.thresholds, self.failure, self.limit, unit=self.unit)

    def normalize(self, pairs: Sequence[Pair], evaluation: Evaluation) -> NormalizedScores | None:
        """The evaluation in percent of the distance of ``between``, where that is asked for."""
        if self.between is None:
            return None
        return normalize_scores(evaluation, pairs, self.between, self.normalized_limit)


class Spread(NamedTuple):
    """A number over seeds: mean and sample standard deviation, NaN where there are too few."""

    mean: float
    sd: float


@dataclass(frozen=True)
class SeedScores:
    """The numbers of one cell by the key of their column; NaN where there is none."""

    seed: int
    values: Mapping[str, float]


@dataclass(frozen=True)
class RowScores:
    """A row at one size.

    Attributes:
        row, size: which.
        steps: optimiser steps of each of its runs.
        seeds: the numbers of each run.
        pooled: evaluation of the answers of all runs, for the plot.
    """

    row: str
    size: Size
    steps: int
    seeds: tuple[SeedScores, ...]
    pooled: Evaluation

    def spread(self, key: str) -> Spread:
        """Mean and standard deviation over the seeds that have the number."""
        known = [s.values[key] for s in self.seeds if not math.isnan(s.values.get(key, math.nan))]
        if not known:
            return Spread(math.nan, math.nan)
        return Spread(statistics.fmean(known), statistics.stdev(known) if len(known) > 1 else math.nan)

    def to_dict(self) -> dict[str, Any]:
        """Finite JSON: each number's mean, standard deviation and value per seed; None where not known."""
        keys = list(self.seeds[0].values)
        numbers = {}
        for key in keys:
            spread = self.spread(key)
            values = {str(s.seed): finite(s.values.get(key, math.nan)) for s in self.seeds}
            numbers[key] = {"mean": finite(spread.mean), "sd": finite(spread.sd), "seeds": values}
        return {
            "row": self.row,
            "size": self.size.label,
            "training_images": self.size.count,
            "steps": self.steps,
            "numbers": numbers,
        }


def finite(value: float) -> float | None:
    """The value, or None where it is NaN or infinite: JSON has neither."""
    return value if math.isfinite(value) else None


def sdr_key(threshold: float) -> str:
    """Key of the success detection rate at a threshold."""
    return f"sdr_{threshold:g}"


def seed_scores(predictions: Predictions, trained: Mapping[str, Any], measures: Measures, seed: int) -> SeedScores:
    """The numbers of one cell.

    Args:
        predictions: of its model.
        trained: ``seconds`` and ``history`` of its training.
        measures: what is measured.
        seed: of the cell.

    Raises:
        InputError: the predictions were not read with the measures' decoder.
    """
    pairs = _pairs(predictions, Reading("answer", measures.decoder))
    evaluation = measures.evaluate(pairs)
    normalized = measures.normalize(pairs, evaluation)
    values = {
        "l2": evaluation.overall.mre,
        **{sdr_key(threshold): rate for threshold, rate in evaluation.overall.sdr.items()},
        "l2_coarse": _l2(predictions, "coarse", measures.decoder, measures),
        "l2_other": _l2(predictions, "answer", measures.other_decoder, measures),
        "me": evaluation.me,
        "me_sd": evaluation.me_sd,
        "fr": evaluation.failure_rate,
        "auc": evaluation.auc,
        "seconds": float(trained["seconds"]),
        "gradient_ratio": _gradient_ratio(trained["history"]),
    }
    if normalized is not None:
        values |= {
            "nme": normalized.me,
            "nme_sd": normalized.me_sd,
            "nfr": normalized.failure_rate,
            "nauc": normalized.auc,
        }
    return SeedScores(seed, values)


def pooled_evaluation(runs: Mapping[int, Predictions], measures: Measures) -> Evaluation:
    """The evaluation of the answers of several seeds together; an image occurs once for each."""
    reading = Reading("answer", measures.decoder)
    pairs = [
        (f"{image}, seed {seed}", truth, prediction)
        for seed, predictions in runs.items()
        for image, truth, prediction in _pairs(predictions, reading)
    ]
    return measures.evaluate(pairs)


def _pairs(predictions: Predictions, reading: Reading) -> list[Pair]:
    if reading not in predictions:
        raise InputError(f"The predictions were not read with the decoder {reading.decoder!r}; train the cell anew.")
    return predictions[reading]


def _l2(predictions: Predictions, stage: Stage, decoder: Decoder, measures: Measures) -> float:
    pairs = predictions.get(Reading(stage, decoder))
    return math.nan if pairs is None else measures.evaluate(pairs).overall.mre


def _gradient_ratio(history: Sequence[Mapping[str, Any]]) -> float:
    """The mean over a run of the regularisers' share of the gradient."""
    known = [entry["gradient_ratio"] for entry in history if entry.get("gradient_ratio") is not None]
    return statistics.fmean(known) if known else math.nan

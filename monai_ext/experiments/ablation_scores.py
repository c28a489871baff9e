"""The numbers of a row at one size: each over its seeds, made from the tables of predicted points."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from monai_ext.evaluation import Evaluation, Measures, Pair, finite
from monai_ext.landmarks import Decoder, InputError, Unit

from .predictions import ReadOut, ReadPairs, Stage


@dataclass(frozen=True)
class Size:
    """A number of training images, as a person named it."""

    label: str
    count: int


@dataclass(frozen=True)
class AblationMeasures(Measures):
    """Thresholds and limits of an ablation, and the decoders that are compared.

    Args:
        decoder: that the answers are read with.
        other_decoder: set beside it.
    """

    thresholds: tuple[float, ...] = (5.0, 10.0, 20.0)
    failure: float = 10.0
    limit: float = 10.0
    unit: Unit | None = "px"
    decoder: Decoder = "local_soft_argmax"
    other_decoder: Decoder = "argmax"


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
        """Finite JSON: each number's mean, standard deviation and value per seed; None if not known."""
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


def sdr_key(threshold: float) -> str:
    """Key of the success detection rate at a threshold."""
    return f"sdr_{threshold:g}"


def seed_scores(
    predictions: ReadPairs, trained: Mapping[str, Any], measures: AblationMeasures, seed: int
) -> SeedScores:
    """The numbers of one cell.

    Args:
        predictions: of its model.
        trained: ``seconds`` and ``history`` of its training.
        measures: what is measured.
        seed: of the cell.

    Raises:
        InputError: the predictions were not read with the measures' decoder.
    """
    pairs = _pairs(predictions, ReadOut("answer", measures.decoder))
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


def pooled_evaluation(runs: Mapping[int, ReadPairs], measures: AblationMeasures) -> Evaluation:
    """The evaluation of the answers of several seeds together; an image occurs once for each."""
    reading = ReadOut("answer", measures.decoder)
    pairs = [
        (f"{image}, seed {seed}", truth, prediction)
        for seed, predictions in runs.items()
        for image, truth, prediction in _pairs(predictions, reading)
    ]
    return measures.evaluate(pairs)


def _pairs(predictions: ReadPairs, reading: ReadOut) -> list[Pair]:
    if reading not in predictions:
        raise InputError(f"The predictions were not read with the decoder {reading.decoder!r}; train the cell again.")
    return predictions[reading]


def _l2(predictions: ReadPairs, stage: Stage, decoder: Decoder, measures: AblationMeasures) -> float:
    pairs = predictions.get(ReadOut(stage, decoder))
    return math.nan if pairs is None else measures.evaluate(pairs).overall.mre


def _gradient_ratio(history: Sequence[Mapping[str, Any]]) -> float:
    """The mean over a run of the regularisers' share of the gradient."""
    known = [entry["gradient_ratio"] for entry in history if entry.get("gradient_ratio") is not None]
    return statistics.fmean(known) if known else math.nan

"""Distances between proposed and submitted points, summed up for each version of a model, and as plain JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from monai_ext.landmarks import InputError, Unit, plain
from monai_ext.metrics import error_statistics

from .records import AgreementRecord, iso_date

#: Distances, in the unit of the row, within which shares are given.
THRESHOLDS = (2.0, 4.0)


@dataclass(frozen=True)
class LandmarkAgreement:
    """One landmark of one version.

    Attributes:
        points: how many distances were measured.
        mean: of them; NaN where there are none.
    """

    points: int
    mean: float


@dataclass(frozen=True)
class VersionAgreement:
    """Summary of the labels made from the proposals of one version; distances are in ``unit``, NaN where not measured.

    Attributes:
        model_version: name.
        unit: labels in px and in mm are never mixed: a version can have a row of each.
        labels: how many final labels there are.
        points: how many of their points were compared.
        mean: distance over all points.
        median: of the same distances.
        within: share of the points that were moved by at most each threshold.
        untouched: share of the points that were not moved at all.
        landmarks: the same of each landmark.
        first: time of the first submission in seconds since 1970.
        last: time of the last one.
    """

    model_version: str
    unit: Unit
    labels: int
    points: int
    mean: float
    median: float
    within: Mapping[float, float]
    untouched: float
    landmarks: Mapping[str, LandmarkAgreement]
    first: int
    last: int


def agreement(
    records: Iterable[AgreementRecord], thresholds: Sequence[float] = THRESHOLDS
) -> tuple[VersionAgreement, ...]:
    """A row for each version and unit, in the order in which the versions were first used.

    Args:
        records: in any order, of one protocol.
        thresholds: positive distances, in px for rows in px and in mm for rows in mm.

    Raises:
        InputError: a threshold is not a positive number.
    """
    groups: dict[tuple[str, Unit], list[AgreementRecord]] = {}
    for record in records:
        groups.setdefault((record.model_version, record.unit), []).append(record)
    rows = [_row(version, unit, group, thresholds) for (version, unit), group in groups.items()]
    return tuple(sorted(rows, key=lambda row: (row.first, natural(row.model_version), row.unit)))


def landmark_names(records: Iterable[AgreementRecord]) -> tuple[str, ...]:
    """The landmarks of all records, each once, in the order in which they come up."""
    return tuple(dict.fromkeys(name for record in records for name in record.distances))


def natural(version: str) -> tuple[tuple[int, str], ...]:
    """A key that sorts v2 before v10."""
    parts = re.split(r"(\d+)", version)
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts)


def _row(version: str, unit: Unit, records: Sequence[AgreementRecord], thresholds: Sequence[float]) -> VersionAgreement:
    names = landmark_names(records)
    table = [[record.distances.get(name) for name in names] for record in records]
    distances = torch.tensor([[torch.nan if d is None else d for d in row] for row in table], dtype=torch.float64)
    whole = error_statistics(distances, thresholds)
    each = error_statistics(distances, per_landmark=True)
    points = int(whole.count)
    return VersionAgreement(
        model_version=version,
        unit=unit,
        labels=len(records),
        points=points,
        mean=float(whole.mean),
        median=float(whole.median),
        within=dict(zip(thresholds, whole.sdr.tolist(), strict=True)),
        untouched=int((distances == 0).sum()) / points if points else torch.nan,
        landmarks={
            name: LandmarkAgreement(count, mean)
            for name, count, mean in zip(names, each.count.tolist(), each.mean.tolist(), strict=True)
        },
        first=min(record.time for record in records),
        last=max(record.time for record in records),
    )


def agreement_document(records: Sequence[AgreementRecord], thresholds: Sequence[float] = THRESHOLDS) -> dict[str, Any]:
    """Summary of the records of one protocol.

    Returns:
        ``{"protocol", "landmarks": [names], "versions": [{"model_version", "unit", "labels", "points", "mean",
        "median", "within": [{"distance", "share"}], "untouched", "first", "last", "landmarks": {name: {"points",
        "mean"}}}], "labels": [{"image", "model_version", "unit", "date", "mean", "distances": {name: number or
        null}}]}``; versions by first use, labels by date, dates as ISO 8601 in UTC, null where nothing was measured.
        ``protocol`` is null where there is no record.

    Raises:
        InputError: the records are of several protocols, or a threshold is not a positive number.
    """
    protocols = sorted({record.protocol for record in records})
    if len(protocols) > 1:
        raise InputError(
            f"These labels are of the protocols {', '.join(protocols)}: summarise each protocol separately."
        )
    document = {
        "protocol": protocols[0] if protocols else None,
        "landmarks": landmark_names(records),
        "versions": [
            summary_document(row) | {"landmarks": {name: vars(mean) for name, mean in row.landmarks.items()}}
            for row in agreement(records, thresholds)
        ],
        "labels": [
            {
                "image": record.image,
                "model_version": record.model_version,
                "unit": record.unit,
                "date": record.date,
                "mean": record.mean,
                "distances": record.distances,
            }
            for record in sorted(records, key=lambda record: (record.time, record.image))
        ],
    }
    answer: dict[str, Any] = plain(document)
    return answer


def summary_document(row: VersionAgreement) -> dict[str, Any]:
    """The row of one version without its landmarks."""
    answer: dict[str, Any] = plain(
        {
            "model_version": row.model_version,
            "unit": row.unit,
            "labels": row.labels,
            "points": row.points,
            "mean": row.mean,
            "median": row.median,
            "within": [{"distance": distance, "share": share} for distance, share in row.within.items()],
            "untouched": row.untouched,
            "first": iso_date(row.first),
            "last": iso_date(row.last),
        }
    )
    return answer

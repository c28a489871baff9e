"""Agreement as plain JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monai_ext.landmarks import InputError, plain

from .record import AgreementRecord, iso_date
from .summary import THRESHOLDS, VersionAgreement, agreement, landmark_names


def agreement_document(records: Sequence[AgreementRecord], thresholds: Sequence[float] = THRESHOLDS) -> dict[str, Any]:
    """All that the records of one protocol tell.

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
        raise InputError(f"These labels are of the protocols {', '.join(protocols)}: look at each on its own.")
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

"""The images that a strategy chooses among."""

from __future__ import annotations

from ..datastore import LandmarkDatastore


def candidates(datastore: LandmarkDatastore) -> list[str]:
    """Sorted IDs of the images without a final label; those with a draft only when no other is left.

    A draft is somebody's unfinished work: it is not offered while there are images that nobody began.
    """
    unlabelled = set(datastore.get_unlabeled_images())
    untouched = unlabelled - set(datastore.get_draft_images())
    return sorted(untouched or unlabelled)

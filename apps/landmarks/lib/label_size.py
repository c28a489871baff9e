"""How large a label may be, whichever way it comes."""

from __future__ import annotations

from .errors import TooLargeError

MEGABYTE = 1024 * 1024
#: Of a label file, and of a request that brings one with its notes. 3D Slicer writes about 600 bytes a point: a face of
#: 68 landmarks has some 40 kB, and 1,700 points still fit.
LABEL_MEGABYTES = 1


def check_label_size(content: bytes, label: str) -> None:
    """Refuses what is no label by its size alone.

    Args:
        content: of the label file.
        label: what the sentence calls it.

    Raises:
        TooLargeError: it has more than a label can have.
    """
    if len(content) > LABEL_MEGABYTES * MEGABYTE:
        raise TooLargeError(
            f"{label} has {len(content) / MEGABYTE:.1f} MB, more than the {LABEL_MEGABYTES} MB that this server "
            "accepts for a label: save the points alone as a markups file."
        )

"""Uploaded and hand-placed labels, checked against the served protocols."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from monai_ext.landmarks import Frame, InputError, Landmarks, Markups, Protocol, label_check
from monai_ext.landmarks.files import read_json
from monai_ext.landmarks.label_check import FINAL

from .errors import NotFoundError

__all__ = ["FINAL", "fitting_protocol", "protocol_of", "read_label"]


def protocol_of(names: tuple[str, ...], protocols: Mapping[str, Protocol], stated: str | None = None) -> Protocol:
    """The served protocol that landmark names belong to: the stated one, else the only one that has them all.

    Raises:
        NotFoundError: the stated protocol is not served.
        InputError: no protocol has all the names, or several have.
    """
    if stated is None:
        return label_check.protocol_of(names, protocols)
    if stated not in protocols:
        raise NotFoundError(f"The protocol {stated[:80]!r} is not served; use one of {', '.join(protocols)}.")
    return protocols[stated]


def fitting_protocol(path: Path, protocols: Mapping[str, Protocol]) -> str | None:
    """The served protocol that fits the names in a label file; None where none does, or several do."""
    try:
        points = read_json(path)["markups"][0]["controlPoints"]
        return protocol_of(tuple(str(point["label"]) for point in points), protocols).name
    except (InputError, LookupError, TypeError):  # what the file lacks is said when it is opened or trained on
        return None


def read_label(
    label: Markups | Path, frame: Frame, protocols: Mapping[str, Protocol], stated: str | None = None, tag: str = FINAL
) -> tuple[Protocol, Landmarks]:
    """The landmarks of a point list, or of its file, in its protocol's order, and that protocol.

    Raises:
        NotFoundError: the stated protocol is not served.
        InputError: the label may not be used under its tag (see
            :func:`monai_ext.landmarks.label_check.read_label`), or does not fit one protocol.
    """
    markups = Markups.read(label) if isinstance(label, Path) else label
    protocol = protocol_of(markups.landmarks(frame).names, protocols, stated)
    return protocol, label_check.read_label(markups, frame, protocol, tag)

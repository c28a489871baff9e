"""Labels of a study, checked against the known protocols and the image's frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from .errors import InputError
from .geometry import FloatArray, Frame
from .markups import Markups
from .points import Landmarks, Status
from .protocol import Protocol

#: How far beyond the image a point may lie, as a share of its longer side: people place points that are cut off.
BORDER_MARGIN = 0.1
#: What finished labels are saved under.
FINAL = "final"


def fitting_protocols(names: tuple[str, ...], protocols: Mapping[str, Protocol]) -> list[Protocol]:
    """The protocols that have all the landmark names.

    Raises:
        InputError: there are no names, or no protocol has all of them.
    """
    if not names:
        raise InputError("The label contains no landmark: place at least one, or mark one as missing.")
    fitting = [protocol for protocol in protocols.values() if set(names) <= set(protocol.landmark_names)]
    if not fitting:
        known = "; ".join(f"{p.name}: {', '.join(p.landmark_names)}" for p in protocols.values())
        raise InputError(f"The landmarks {', '.join(names)} match no served protocol ({known}).")
    return fitting


def protocol_of(names: tuple[str, ...], protocols: Mapping[str, Protocol]) -> Protocol:
    """The only protocol that has all the landmark names.

    Raises:
        InputError: no protocol has all the names, or several have.
    """
    fitting = fitting_protocols(names, protocols)
    if len(fitting) > 1:
        found = ", ".join(protocol.name for protocol in fitting)
        raise InputError(f"The landmarks {', '.join(names)} match the protocols {found}: set params.protocol.")
    return fitting[0]


def read_label(label: Markups | Path, frame: Frame, protocol: Protocol, tag: str = FINAL) -> Landmarks:
    """The landmarks of a label that may be used for its image: the one check that all readers of labels share.

    Args:
        label: the point list, or its file.
        frame: of its image as it is now.
        protocol: whose landmarks it has.
        tag: what it is saved under; a ``final`` label must say something.

    Returns:
        The landmarks in the order of the protocol; those that the list lacks are undefined.

    Raises:
        InputError: the file is no markups file, was made on another frame, does not fit the protocol, or cannot be
            used (see :func:`check_label`); names the file.
    """
    markups = Markups.read(label) if isinstance(label, Path) else label
    landmarks = markups.landmarks(frame, protocol.landmark_names)
    check_label(landmarks, markups.where, tag)
    return landmarks


def check_label(landmarks: Landmarks, where: str | Path, tag: str = FINAL) -> None:
    """Refuses landmarks that are no label of their image.

    Args:
        landmarks: in the image's frame.
        where: the label, for messages.
        tag: what it is saved under; a ``final`` label must say something.

    Raises:
        InputError: a point lies far outside the image, or in a final label every landmark is undefined.
    """
    margin = BORDER_MARGIN * max(landmarks.frame.size)
    outside = landmarks.defined & ~landmarks.frame.contains(_towards_image(landmarks.points, landmarks.frame, margin))
    if outside.any():
        first = int(np.flatnonzero(outside)[0])
        x, y = landmarks.points[first]
        raise InputError(
            f"{where}: The landmark {landmarks.names[first]!r} lies at pixel ({x:.1f}, {y:.1f}), outside the image of "
            f"{landmarks.frame.width} x {landmarks.frame.height} pixels: check that the markups belong to this image."
        )
    if tag == FINAL and (landmarks.status == Status.UNDEFINED).all():
        raise InputError(
            f"{where}: Every landmark of the label is undefined: place one, mark one as missing, or save a draft."
        )


def first_of(problems: Sequence[str]) -> str:
    """One sentence for labels that may not be used: the first one's, and how many others there are.

    Args:
        problems: why each of them may not be used; at least one.
    """
    first, others = problems[0], len(problems) - 1
    if not others:
        return first
    more = "one more label cannot" if others == 1 else f"{others} more labels cannot"
    return f"{first.rstrip('.')}; {more} be used: `monai-landmarks doctor --studies DIR` lists them."


def _towards_image(points: FloatArray, frame: Frame, margin: float) -> FloatArray:
    """Points moved by at most ``margin`` pixels per axis towards the image."""
    inside = np.clip(points, 0.0, np.array(frame.size) - 1.0)
    return points + np.clip(inside - points, -margin, margin)

"""One image with its predicted landmarks drawn on it, and the truth beside them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monai_ext.landmarks import DEFAULT_COLORS, FloatArray, Frame, InputError, Landmarks, Status

from .marks import TRUTH_COLOR, Marker
from .picture import Canvas, Cutout, to_rgb

#: Longest side of the drawn image in output pixels.
LONGEST_SIDE = 1200

_MARGIN = 8  # pixels around the caption


def checked_rgb(image: ArrayLike, frame: Frame) -> NDArray[np.uint8]:
    """The image as (H, W, 3) bytes.

    Raises:
        InputError: the image's shape does not fit the frame of its landmarks.
    """
    rgb = to_rgb(image)
    if (rgb.shape[1], rgb.shape[0]) != frame.size:
        raise InputError(
            f"The landmarks belong to an image of {frame.width} x {frame.height} pixels, "
            f"but the image to draw on has {rgb.shape[1]} x {rgb.shape[0]}."
        )
    return rgb


def mark_landmarks(
    marker: Marker,
    landmarks: Landmarks,
    truth: Landmarks | None,
    colors: Sequence[str],
    font_size: float | None,
) -> None:
    """Draws predictions, and the truth with a line to each prediction; names in ``font_size`` pixels, or none."""
    shown = landmarks.defined & landmarks.frame.contains(landmarks.points)
    points, names = landmarks.points[shown], [n for n, s in zip(landmarks.names, shown, strict=True) if s]
    tints = [c for c, s in zip(colors, shown, strict=True) if s]
    if truth is not None:
        both = truth.defined & landmarks.defined
        marker.links(truth.points[both], landmarks.points[both])
        marker.truths(truth.points[truth.defined])
        alone = truth.defined & ~landmarks.defined & truth.frame.contains(truth.points)
        points, names = np.concatenate([points, truth.points[alone]]), [*names, *np.array(truth.names)[alone]]
    marker.predictions(landmarks.points[shown], tints)
    if font_size is not None:
        tints += [TRUTH_COLOR] * (len(names) - len(tints))
        marker.names(points, names, tints, font_size)


def landmark_colors(landmarks: Landmarks, colors: Sequence[str] | None) -> list[str]:
    """One colour per landmark; colour-blind-safe ones where none are given.

    Raises:
        InputError: the number of colours is not that of the landmarks.
    """
    if colors is None:
        return [DEFAULT_COLORS[k % len(DEFAULT_COLORS)] for k in range(len(landmarks))]
    if len(colors) != len(landmarks):
        raise InputError(f"{len(landmarks)} landmarks need as many colours, not {len(colors)}.")
    return list(colors)


def caption_lines(landmarks: Landmarks, truth: Landmarks | None) -> list[str]:
    """Lines about landmarks that are missing, undefined or outside, and the legend and error."""
    inside = landmarks.frame.contains(landmarks.points)
    groups = {
        "Missing": landmarks.status == Status.MISSING,
        "No prediction": landmarks.status == Status.UNDEFINED,
        "Outside the image": landmarks.defined & ~inside,
    }
    lines = []
    if truth is not None:
        groups["Missing in the truth"] = truth.status == Status.MISSING
        groups["Not annotated"] = truth.status == Status.UNDEFINED
        both = truth.defined & landmarks.defined
        legend = "○ prediction   × truth"
        if both.any():
            errors = truth.frame.distance(truth.points[both], landmarks.points[both])
            legend += f"   mean error {errors.mean():.2f} {truth.frame.unit}"
        lines.append(legend)
    for title, mask in groups.items():
        if mask.any():
            lines.append(f"{title}: {', '.join(n for n, m in zip(landmarks.names, mask, strict=True) if m)}")
    return lines


def draw_overlay(
    image: ArrayLike,
    landmarks: Landmarks,
    path: str | Path,
    truth: Landmarks | None = None,
    names: bool = True,
    *,
    colors: Sequence[str] | None = None,
    radius: ArrayLike | None = None,
    longest_side: int = LONGEST_SIDE,
) -> None:
    """Draws landmarks on their image and writes a PNG file.

    The image keeps its aspect, scaled so that its longer side has ``longest_side`` pixels; the pixel (x, y) of the
    image lies at ((x + 0.5) * s - 0.5, (y + 0.5) * s - 0.5) of the picture. Predictions are coloured rings with a small
    cross, the truth white diagonal crosses with a thin line to the prediction. Landmarks without a point inside the
    image are listed in a caption below it and never drawn.

    Args:
        image: (C, H, W), grey or RGB; 8 bits as it is, any other type windowed by percentiles.
        landmarks: the prediction (or the only landmarks to show).
        path: a ``.png`` file.
        truth: true landmarks of the same image, matched by name.
        names: whether to write the names.
        colors: (K,) colours in landmark order, e.g. the protocol's.
        radius: (K,) how far each point may be off, in the frame's unit, drawn as a dashed line; NaN draws none.
        longest_side: of the drawn image, in pixels.

    Raises:
        InputError: image, landmarks and truth do not fit each other, or the path is no ``.png``.
    """
    rgb = checked_rgb(image, landmarks.frame)
    if longest_side < 1:
        raise InputError(f"The drawn image must have at least one pixel, not {longest_side}.")
    if truth is not None:
        if truth.frame.size != landmarks.frame.size:
            raise InputError(
                f"Truth and prediction belong to images of different sizes, {truth.frame.size} and "
                f"{landmarks.frame.size}."
            )
        truth = truth.reordered(landmarks.names)
    tints = landmark_colors(landmarks, colors)
    height, width = rgb.shape[:2]
    scale = longest_side / max(width, height)
    view = Cutout((0, 0, width, height), 0, 0, max(1, round(width * scale)), max(1, round(height * scale)))

    font = max(9.0, longest_side / 75)
    columns = max(8, int((view.width - 2 * _MARGIN) / (0.6 * font)))
    caption = [piece for line in caption_lines(landmarks, truth) for piece in textwrap.wrap(line, columns)]
    below = round(len(caption) * 1.4 * font + 2 * _MARGIN) if caption else 0
    canvas = Canvas(view.width, view.height + below)
    canvas.show(rgb, view)
    marker = Marker(canvas, view, size=max(4.0, longest_side / 150))
    if radius is not None:
        _mark_radii(marker, landmarks, np.asarray(radius, dtype=np.float64), tints)
    mark_landmarks(marker, landmarks, truth, tints, font if names else None)
    for row, line in enumerate(caption):
        canvas.text(_MARGIN, view.height + _MARGIN + row * 1.4 * font, line, font, color="#F0F0F0")
    canvas.save(path)


def _mark_radii(marker: Marker, landmarks: Landmarks, radius: FloatArray, colors: Sequence[str]) -> None:
    shown = landmarks.defined & np.isfinite(radius)
    half_axes = radius[shown, None] / landmarks.frame.scale
    marker.radii(landmarks.points[shown], half_axes, [c for c, s in zip(colors, shown, strict=True) if s])

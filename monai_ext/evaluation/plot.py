"""The look that all plots share, and their way to a PNG file."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from monai_ext.landmarks import InputError, write_atomically

#: Dots per inch; a power of two, so that pixels / DPI * DPI is exact.
DPI = 128

#: Okabe and Ito's colours that are dark enough for lines on white.
LINE_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")

#: Tell lines apart without colour, and after the colours are used up.
LINE_STYLES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

#: Of lines that are there to compare with.
GREY = "#666666"


def color_of(index: int) -> str:
    """Colour of the line of a number."""
    return LINE_COLORS[index % len(LINE_COLORS)]


def marker_of(index: int) -> str:
    """Mark of the points of a number."""
    return MARKERS[index % len(MARKERS)]


def line_look(index: int, name: str = "") -> dict[str, Any]:
    """Colour, style, width, order and, where there is a name, label of the line of a number."""
    look = {"color": color_of(index), "linestyle": LINE_STYLES[index % len(LINE_STYLES)], "linewidth": 2}
    return {**look, "zorder": 3 + index, **({"label": literal(name)} if name else {})}


def literal(name: str) -> str:
    """A name that matplotlib does not take for a formula."""
    return name.replace("$", r"\$")


def new_figure(width: float = 7.0, height: float = 4.6) -> Figure:
    """An empty white figure of a size in inches."""
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def dress(axes: Axes, grid: Literal["both", "x", "y"] = "both") -> None:
    """Gives axes a light grid behind what is drawn, and no frame above and at the right."""
    axes.grid(axis=grid, color="#DDDDDD", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


@contextmanager
def plot_file(path: str | Path, width: float = 7.0, height: float = 4.6) -> Iterator[Axes]:
    """Axes to draw on within the block; the plot is a PNG file after it.

    Raises:
        InputError: the path does not end in ``.png``.
    """
    figure = new_figure(width, height)
    axes = figure.add_subplot()
    yield axes
    dress(axes)
    save_figure(figure, path)


def save_figure(figure: Figure, path: str | Path) -> None:
    """Writes a figure as a PNG file, whole or not at all.

    Raises:
        InputError: the path does not end in ``.png``.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise InputError(f"A picture must be a .png file, not {path.name!r}.")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=figure.dpi, facecolor=figure.get_facecolor())
    write_atomically(path, buffer.getvalue())

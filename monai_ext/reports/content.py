"""Parts of a page: sections of notes, tables and pictures, as plain text and bytes."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from monai_ext.evaluation import Table


@dataclass(frozen=True)
class Note:
    """A paragraph.

    Attributes:
        text: plain text; never HTML.
        tone: ``warning`` marks important notes.
    """

    text: str
    tone: Literal["plain", "warning"] = "plain"


@dataclass(frozen=True)
class Figure:
    """A picture.

    Attributes:
        png: the file's bytes; None if it could not be drawn.
        caption: below it; where there is no picture, why.
        alt: what it shows, for who cannot see it.
        small: stands beside others of its kind.
    """

    png: bytes | None
    caption: str
    alt: str = ""
    small: bool = False

    @property
    def uri(self) -> str:
        """The picture inside the page."""
        return "data:image/png;base64," + base64.b64encode(self.png or b"").decode("ascii")


Block = Note | Table | Figure


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it.

    Attributes:
        title: plain text.
        blocks: in their order; small figures that follow each other stand side by side.
        level: 2 for a part of the page, 3 for a part of a part.
    """

    title: str
    blocks: Sequence[Block]
    level: Literal[2, 3] = 2


@dataclass(frozen=True)
class Page:
    """The whole page.

    Attributes:
        title: plain text.
        facts: a line each below the title.
        sections: in their order.
    """

    title: str
    facts: Sequence[str]
    sections: Sequence[Section]


@dataclass
class PictureFolder:
    """Draws pictures into a folder beside the page, and takes them into the page.

    Attributes:
        folder: made with the first picture.
        written: names of the files.
    """

    folder: Path
    written: list[str] = field(default_factory=list)

    def figure(self, name: str, draw: Callable[[Path], None], caption: str, alt: str, *, small: bool = False) -> Figure:
        """A drawn picture.

        Args:
            name: of the file, with ``.png``.
            draw: writes the picture to a path.
            caption: below it.
            alt: what it shows.
            small: stands beside others.
        """
        path = self.folder / name
        draw(path)
        self.written.append(name)
        return Figure(path.read_bytes(), caption, alt, small)

"""From a page's content to HTML."""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .content import Block, Figure, Page

TEMPLATES = Path(__file__).parent / "templates"


def render_page(page: Page) -> str:
    """The page as one HTML document: style and pictures inside, no script, nothing from the network.

    Every text is escaped: names of images and landmarks are words, whatever they hold.
    """
    style = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    return _environment().get_template("page.html").render(page=page, style=style)


def runs(blocks: list[Block]) -> list[list[Block]]:
    """The blocks, with small figures that follow each other in one list."""
    return [list(members) for _, members in groupby(blocks, key=_place)]


def _place(block: Block) -> object:
    return "small" if isinstance(block, Figure) and block.small else id(block)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["runs"] = runs
    return environment

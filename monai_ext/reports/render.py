"""From the content of a page to HTML, and from the facts of a model to its card in Markdown."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from monai_ext.evaluation import readable_date

from .card_about import NOT_STATED
from .card_facts import ModelFacts
from .content import Block, Figure, Page

TEMPLATES = Path(__file__).parent / "templates"

#: Characters of a word that stays whole in a table.
LONGEST_WORD = 24

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$&])")


def render_page(page: Page) -> str:
    """The page as one HTML document: style and pictures inside, no script, nothing from the network.

    Every text is escaped: names of images and landmarks are words, whatever they hold.
    """
    style = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    return _environment(html=True).get_template("page.html").render(page=page, style=style)


def model_card_markdown(facts: ModelFacts) -> str:
    """The card as Markdown, with pictures named relative to it."""
    return _environment(html=False).get_template("model_card.md").render(facts=facts)


@lru_cache(maxsize=2)
def _environment(*, html: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=not html,
    )
    environment.filters |= {"runs": runs, "plain": plain_text, "code": code, "date": date}
    environment.filters |= {"number": number, "length": length, "percent": percent}
    environment.filters |= {"kind": kind, "is_long": is_long}
    environment.globals |= {"not_stated": NOT_STATED, "digits": digits}
    return environment


def runs(blocks: list[Block]) -> list[list[Block]]:
    """The blocks, with small figures that follow each other in one list."""
    return [list(members) for _, members in groupby(blocks, key=_place)]


def kind(block: Block) -> str:
    """Name of the block's class in small letters."""
    return type(block).__name__.lower()


def is_long(cell: str) -> bool:
    """True where a cell holds a word that may be broken anywhere, such as a digest or a path."""
    return any(len(word) > LONGEST_WORD for word in cell.split())


def _place(block: Block) -> object:
    return "small" if isinstance(block, Figure) and block.small else id(block)


def plain_text(value: object) -> str:
    """Any value as words that Markdown and HTML take literally, on one line; None is not stated."""
    if value is None or value == "":
        return NOT_STATED
    return _SPECIAL.sub(r"\\\1", " ".join(str(value).split()))


def date(value: str | None) -> str:
    """A time as a person reads it; None is not stated."""
    return plain_text(value and readable_date(value))


def code(value: str | None) -> str:
    """A command or a digest in a fixed font; None is not stated."""
    if not value:
        return NOT_STATED
    text = " ".join(value.split()).replace("|", "\\|")
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def digits(unit: str) -> int:
    """Digits behind the point of a length."""
    return 3 if unit == "mm" else 2


def number(value: float | None, digits: int) -> str:
    """A number with so many digits; None and NaN are not stated."""
    return NOT_STATED if value is None or math.isnan(value) else f"{value:.{digits}f}"


def length(value: float | None, unit: str) -> str:
    """A length with its unit; None and NaN are not stated."""
    return NOT_STATED if value is None or math.isnan(value) else f"{value:.{digits(unit)}f} {unit}"


def percent(share: float | None) -> str:
    """A share in percent; None and NaN are not stated."""
    return NOT_STATED if share is None or math.isnan(share) else f"{100 * share:.1f} %"

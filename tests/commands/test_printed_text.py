"""What is printed holds the text of paths, labels and values as it is, never as markup or an emoji."""

from __future__ import annotations

import io
import warnings

import pytest
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from monai_ext import cli
from monai_ext.commands import console
from monai_ext.commands.console import Meter
from monai_ext.landmarks import InputError

TEXTS = ["eye [left].png", "a[/b]", "[bold]x[/bold]", "[red]", "[link=x]", "\\[a]", ":eye:.png", "[[", "[]"]


@pytest.mark.parametrize("text", TEXTS)
def test_an_error_is_printed_whole(monkeypatch, capsys, text) -> None:
    def refuse() -> None:
        raise InputError(f"The image {text} does not exist.")

    monkeypatch.setattr(cli, "app", refuse)
    with pytest.raises(SystemExit):
        cli.main()
    assert capsys.readouterr().err == f"Error: The image {text} does not exist.\n"


@pytest.mark.parametrize("text", TEXTS)
def test_a_warning_is_printed_whole(capsys, text) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = cli._show_warning
        warnings.warn(f"{text}: kept as stated.", stacklevel=1)
    assert capsys.readouterr().err == f"Warning: {text}: kept as stated.\n"


@pytest.mark.parametrize("text", TEXTS)
def test_answers_and_tables_are_printed_whole(capsys, text) -> None:
    table = Table(title=text, box=SIMPLE_HEAD)
    table.add_column(text)
    table.add_row(f"cell {text}")
    console.output.print(f"Written to {text}", soft_wrap=True, highlight=False)
    console.output.print(table)
    out = capsys.readouterr().out
    assert f"Written to {text}\n" in out
    assert f"cell {text}" in out
    assert out.count(text) == 4


@pytest.mark.parametrize("text", TEXTS)
def test_a_progress_bar_shows_its_words_whole(monkeypatch, text) -> None:
    screen = Console(file=io.StringIO(), force_terminal=True, width=200, color_system=None, markup=False, emoji=False)
    monkeypatch.setattr(console, "errors", screen)
    with Meter(f"Training {text}", 2) as bar:
        bar.update(1, note=f"note {text}", line=f"line {text}")
    shown = screen.file.getvalue()
    assert f"Training {text}" in shown
    assert f"note {text}" in shown
    assert f"line {text}" in shown

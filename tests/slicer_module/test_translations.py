"""Every sentence can be translated: it goes through ``_``, is in the translation files, and keeps its placeholders."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from folder_client import FolderClient
from LandmarkDetectionLib import words
from panel_driver import Driver
from translations import FOLDER, calls, read, sentences, sources

FILES = sorted(FOLDER.glob("*.ts"))
#: What shows a sentence to a person as it is.
_SHOWS = re.compile(
    r"^(ClientError|SceneError|UnexpectedError|Refused|Busy|ServerFailed|BadAnswer|OtherFrame|WrongDefinition|WrongToken|"
    r"Unreachable|TimedOut|Cancelled|Question|PairWarning|say|keep_unsent)$"
)
#: Accelerators of Slicer's menus File, Edit, View and Help.
_MENUS = set("fevh")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_translation_has_exactly_the_sentences_of_the_sources(path: Path) -> None:
    assert {name: list(texts) for name, texts in read(path).items()} == sentences()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_placeholders_agree(path: Path) -> None:
    for texts in read(path).values():
        for sentence, translated in texts.items():
            if translated:
                assert words.placeholders(translated) == words.placeholders(sentence), sentence
                assert re.findall(r"%[vm]", translated) == re.findall(r"%[vm]", sentence)


def test_there_is_a_german_translation_of_most_sentences() -> None:
    texts = [text for part in read(FOLDER / "LandmarkDetection_de.ts").values() for text in part.values()]
    assert sum(map(bool, texts)) > 0.9 * len(texts) > 250


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.name)
def test_slicer_s_tool_finds_each_sentence(path: Path) -> None:
    """It looks for a literal between quotation marks, and takes no formatted one."""
    for call in calls(path):
        assert isinstance(call.args[0], ast.Constant), f"{path.name}, line {call.lineno}"


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.name)
def test_no_sentence_is_shown_untranslated(path: Path) -> None:
    """Neither a literal nor a formatted one is raised, asked or told as it is."""
    found = [f"line {node.lineno}" for node in shown(ast.parse(path.read_text())) if is_sentence(node)]
    assert found == []


def shown(tree: ast.AST) -> Iterator[ast.expr]:
    """First arguments of errors and questions, of ``say``, and what functions of sentences return."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if _SHOWS.search(name):
                yield from node.args
        elif isinstance(node, ast.Return) and node.value is not None:
            yield node.value


def is_sentence(node: ast.expr) -> bool:
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    text = "".join(str(part.value) for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))
    return len(text.split()) > 2 and text.rstrip()[-1:] in (".", "?")


def test_a_sentence_that_is_not_translated_is_found() -> None:
    tree = ast.parse('raise BadAnswer(f"The label of {image} is none.")')
    assert [is_sentence(node) for node in shown(tree)] == [True]


def test_a_translation_with_other_placeholders_is_not_used() -> None:
    words.use(lambda _context, text: text.replace("image", "bild"))
    try:
        assert words.tr("{image} is open.") == "{image} is open."
        assert words.tr("The image is open.") == "The bild is open."
    finally:
        words.use(lambda _context, text: text)


def test_the_context_is_the_one_that_slicer_gives_a_file() -> None:
    heard: list[str] = []
    words.use(lambda context, text: heard.append(context) or text)
    try:
        from LandmarkDetectionLib.work.session import Session

        assert Session().why_not_detect() == "Connect to a server first."
    finally:
        words.use(lambda _context, text: text)
    assert heard == ["work.session"]


def test_the_panel_speaks_german(make_panel: Callable[..., Driver]) -> None:
    texts = read(FOLDER / "LandmarkDetection_de.ts")
    client = FolderClient()
    driver = make_panel(lambda _address, _token: client)
    from LandmarkDetectionLib import words as loaded

    loaded.use(lambda context, text: texts.get(context, {}).get(text) or text)
    try:
        driver.connect("http://stand-in")
        assert driver.message == "Verbunden mit http://stand-in."
        driver.do("nextSample")
        driver.do("detect")
        assert driver.message == "Netz v1 hat 7 von 7 Landmarken in one gefunden."
        assert driver.rows[0][1] == "vorhergesagt"
        driver.click("submit")
        assert driver.message == "7 Punkte wurden nicht angesehen: right eye, left eye, nose, left ear, ..."
        assert driver.ui.retryButton.text == "Trotzdem absenden"
    finally:
        loaded.use(lambda _context, text: text)


def test_accelerators_are_told_apart_and_leave_slicer_s_menus_alone() -> None:
    same = {"Rec&onnect": "C&onnect"}
    marked = {same.get(text, text) for texts in sentences().values() for text in texts if re.search(r"&\w", text)}
    letters = [re.search(r"&(\w)", text).group(1).lower() for text in marked]  # type: ignore[union-attr]
    assert len(letters) == len(set(letters)) >= 15
    assert not _MENUS & set(letters)

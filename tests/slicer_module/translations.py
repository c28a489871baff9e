"""Finds the module's sentences, and keeps its translation files (.ts, as Qt's Linguist reads them) up to date.

From the root of the project: ``python tests/slicer_module/translations.py``. A new sentence gets an entry without a
translation, one that is gone is dropped; Slicer shows what is not translated in English.
"""

from __future__ import annotations

import ast
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

MODULE = Path(__file__).resolve().parents[2] / "slicer_module" / "LandmarkDetection"
UI = MODULE / "Resources" / "UI" / "LandmarkDetection.ui"
FOLDER = MODULE / "Resources" / "Translations"

#: Sentence and translation by context; an empty translation is still to be made.
Texts = dict[str, dict[str, str]]


def context(path: Path) -> str:
    """What Slicer calls the context of a file's sentences (``slicer.i18n``): with its package, where it is in one."""
    in_package = (path.parent / "__init__.py").is_file()
    return f"{path.parent.name}.{path.stem}" if in_package else path.stem


def calls(path: Path) -> Iterator[ast.Call]:
    """The calls of ``_`` in a source."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_":
            yield node


def sources() -> list[Path]:
    """The module's Python files, without its self-test."""
    return sorted([*MODULE.glob("*.py"), *(MODULE / "LandmarkDetectionLib").rglob("*.py")])


def sentences() -> dict[str, list[str]]:
    """All sentences by context, in the order of the sources; those of the ``.ui`` file last."""
    found: dict[str, list[str]] = {}
    for path in sources():
        for call in sorted(calls(path), key=lambda call: (call.lineno, call.col_offset)):
            (argument,) = call.args
            _add(found, context(path), str(ast.literal_eval(argument)))
    form = ET.parse(UI).getroot()
    for node in form.iter("string"):
        if node.text and node.get("notr") != "true":
            _add(found, form.findtext("class", ""), node.text)
    return found


def read(path: Path) -> Texts:
    """The content of a ``.ts`` file."""
    found: Texts = {}
    for part in ET.parse(path).iter("context"):
        for message in part.iter("message"):
            name, source = part.findtext("name", ""), message.findtext("source", "")
            found.setdefault(name, {})[source] = message.findtext("translation", "")
    return found


def update(path: Path) -> None:
    """Brings a ``.ts`` file to the sentences of the sources; a sentence that moved keeps its translation."""
    before = ET.parse(path).getroot()
    known = read(path)
    anywhere = {source: text for texts in known.values() for source, text in texts.items() if text}
    root = ET.Element("TS", {"version": "2.1", "language": before.get("language", ""), "sourcelanguage": "en"})
    for name, texts in sorted(sentences().items()):
        part = ET.SubElement(root, "context")
        ET.SubElement(part, "name").text = name
        for source in texts:
            message = ET.SubElement(part, "message")
            ET.SubElement(message, "source").text = source
            text = known.get(name, {}).get(source) or anywhere.get(source, "")
            ET.SubElement(message, "translation", {} if text else {"type": "unfinished"}).text = text or None
    ET.indent(root, " ")
    content = ET.tostring(root, encoding="unicode")
    path.write_text(f'<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n{content}\n', encoding="utf-8")


def _add(found: dict[str, list[str]], name: str, sentence: str) -> None:
    texts = found.setdefault(name, [])
    if sentence not in texts:
        texts.append(sentence)


if __name__ == "__main__":
    for file in sorted(FOLDER.glob("*.ts")):
        update(file)

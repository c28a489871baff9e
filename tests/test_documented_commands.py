"""Every command line in the documents is taken by the program, and every whole protocol in them is read."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from monai_ext.cli import app
from monai_ext.landmarks import read_protocol

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [
    *sorted((ROOT / "docs").glob("*.md")),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "Dockerfile")),
    ROOT / "docs" / "evidence" / "README.md",
    ROOT / "apps" / "landmarks" / "README.md",
    ROOT / "slicer_module" / "README.md",
    *sorted((ROOT / "monai_ext" / "commands").glob("*.py")),
]
BLOCK = re.compile(r"```(?:bash|console|sh)\n(.*?)```", flags=re.S)
INLINE = re.compile(r"`((?:monai-landmarks|python -m monai_ext\.cli) [^`]+)`")
PROGRAM = re.compile(r"(?:monai-landmarks|-m monai_ext\.cli)[ \t]+([^&|;#\n]+)")


def command_lines(path: Path) -> list[str]:
    """The arguments of every command line of the program in a document."""
    text = path.read_text(encoding="utf-8")
    parts = [*BLOCK.findall(text), *INLINE.findall(" ".join(text.split()))]
    return [line for part in parts for line in PROGRAM.findall(part.replace("\\\n", " "))]


CASES = [(path, line) for path in DOCUMENTS for line in dict.fromkeys(command_lines(path))]


@pytest.fixture(scope="module")
def program() -> TyperGroup:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    return group


def test_command_lines_are_found() -> None:
    assert len(CASES) > 60
    assert {"README.md", "tutorial.md", "operations.md", "evaluate.py"} <= {path.name for path, _ in CASES}


@pytest.mark.parametrize(("path", "line"), CASES, ids=[f"{path.name}: {line[:50]}" for path, line in CASES])
def test_the_program_takes_it(program: TyperGroup, path: Path, line: str) -> None:
    words = shlex.split(line.strip().rstrip(".,:"))
    if words[0].startswith("-") or words[0] in {"COMMAND"}:
        assert words[0] in {"--help", "--version", "COMMAND"}
        return
    assert words[0] in program.commands, f"{path.name}: there is no command {words[0]!r}"
    if "..." in words or len(words) == 1:
        return  # it names the command alone
    command = program.commands[words[0]]
    context = command.context_class(command, info_name=words[0], resilient_parsing=True)
    command.make_parser(context).parse_args(words[1:])


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_whole_protocol_in_a_document_is_read(path: Path, tmp_path: Path) -> None:
    for block in re.findall(r"```yaml\n(.*?)```", path.read_text(encoding="utf-8"), flags=re.S):
        if block.startswith("name: ") and "landmarks:" in block:
            (tmp_path / "protocol.yaml").write_text(block, encoding="utf-8")
            assert read_protocol(tmp_path / "protocol.yaml").landmarks

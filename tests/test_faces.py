"""Tests of the packages' faces: complete, lazy, and the way from one room to another."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import monai_ext
from monai_ext.faces import LazyFace

LIBRARY = Path(monai_ext.__file__).parent
PACKAGES = sorted(".".join(file.parent.relative_to(LIBRARY.parent).parts) for file in LIBRARY.rglob("__init__.py"))
HEAVY = ("torch", "monai", "matplotlib", "scipy")


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_there(package: str) -> None:
    face = importlib.import_module(package)

    assert set(face.__all__) == {*face._origins, *({"__version__"} if face is monai_ext else ())}
    for name in face.__all__:
        assert getattr(face, name) is not None
        assert name in dir(face)
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'no_such_name'"):
        _ = face.no_such_name


def test_the_library_names_its_rooms() -> None:
    rooms = {name for package in PACKAGES if (name := package.removeprefix("monai_ext.")) and "." not in name}

    assert set(monai_ext.__all__) == rooms - {"monai_ext"} | {"__version__"}


def test_faces_load_nothing_heavy() -> None:
    names = ", ".join(PACKAGES)
    code = f"import sys, {names}\nprint(sorted({set(HEAVY)} & set(sys.modules)))"

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout == "[]\n"


def test_a_module_does_not_hide_the_name_it_shares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = tmp_path / "sample_room"
    room.mkdir()
    (room / "__init__.py").write_text(
        "from typing import TYPE_CHECKING\n"
        "from monai_ext.faces import lazy_face\n"
        "if TYPE_CHECKING:\n    from . import tool\n    from .scale import scale, size as extent\n"
        "lazy_face(__name__)\n"
    )
    (room / "scale.py").write_text("size = 3\ndef scale(): return 'scaled'\n")
    (room / "tool.py").write_text("from .scale import scale\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    face = importlib.import_module("sample_room")

    assert isinstance(face, LazyFace)
    assert "sample_room.scale" not in sys.modules
    assert face.tool is sys.modules["sample_room.tool"]  # loads the module `scale` on its way
    assert face.scale() == "scaled"
    assert face.extent == 3
    assert sys.modules["sample_room.scale"].size == 3


def _imports(file: Path, package: list[str]) -> list[str]:
    """The modules that a file imports names from, relative ones in full."""
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = [*above, *([node.module] if node.module else [])]
            # the names of a package may be modules of it
            found += [".".join([*module, alias.name]) for alias in node.names] if node.module is None else []
            found.append(".".join(module))
    return found


def test_one_room_takes_from_another_through_its_face() -> None:
    modules = {
        ".".join(file.relative_to(LIBRARY.parent).with_suffix("").parts)
        for file in LIBRARY.rglob("*.py")
        if file.name != "__init__.py" and file.parent != LIBRARY
    }
    wrong = []
    for file in [*LIBRARY.rglob("*.py"), *(LIBRARY.parent / "apps" / "landmarks").rglob("*.py")]:
        parts = list(file.relative_to(LIBRARY.parent).parts)
        room = parts[1] if parts[0] == "monai_ext" and len(parts) > 2 else "commands"  # as cli.py
        for module in _imports(file, parts[:-1]):
            if module in modules and module.split(".")[1] != room:
                wrong.append(f"{'/'.join(parts)} imports {module}")

    assert wrong == []

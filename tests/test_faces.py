"""Tests of the packages' faces: complete, lazy, and the way from one room to another."""

from __future__ import annotations

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

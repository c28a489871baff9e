"""Each folder of the library imports only lower ones; the server and the work need neither Slicer, Qt nor VTK."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import LandmarkDetectionLib
import pytest

FOLDER = Path(LandmarkDetectionLib.__file__).parent


#: The folders from the lowest floor up; a file of one imports from its own and from lower ones.
FLOORS = ("", "server", "work", "scene", "panel")
#: What the folders may import beside the standard library; ``requests`` comes with Slicer, and urllib3 with it.
PACKAGES = {
    "server": {"requests", "urllib3"},
    "scene": {"slicer", "vtk", "pydicom"},  # Slicer brings its own pydicom, for reports
    "panel": {"slicer", "vtk", "qt", "ctk"},
}
FILES = sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.py"))
LOW = [name for name in FILES if name.rpartition("/")[0] in FLOORS[:3] and not name.endswith("__init__")]


def parse(name: str) -> ast.Module:
    """Refuses syntax that is newer than Python 3.9, such as ``match``."""
    return ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"), feature_version=(3, 9))


def imports(name: str) -> Iterator[str]:
    """What a file imports: a file of the library as ``work/session``, else the package."""
    for node in ast.walk(parse(name)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module).split(".")[0]
        elif isinstance(node, ast.ImportFrom):
            folder = (FOLDER / name).parents[node.level - 1] / (node.module or "").replace(".", "/")
            if (folder / "__init__.py").is_file():
                yield from ((folder / alias.name).relative_to(FOLDER).as_posix() for alias in node.names)
            else:
                yield folder.relative_to(FOLDER).as_posix()


@pytest.mark.parametrize("name", FILES)
def test_imports_stay_on_the_floor(name: str) -> None:
    folder = name.rpartition("/")[0]
    for module in imports(name):
        if module in FILES:
            assert FLOORS.index(module.rpartition("/")[0]) <= FLOORS.index(folder), f"{name}.py imports {module}"
        elif module not in sys.stdlib_module_names:
            assert module in PACKAGES.get(folder, set()), f"{name}.py imports {module}"


def runtime_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but annotations, which are never evaluated."""
    yield node
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from runtime_nodes(child)


@pytest.mark.parametrize("name", LOW)
def test_nothing_newer_than_python_3_9_runs(name: str) -> None:
    tree = parse(name)
    assert "from __future__ import annotations" in ast.unparse(tree)
    for node in runtime_nodes(tree):
        where = f"{name}.py, line {getattr(node, 'lineno', 0)}"
        # `X | Y` of types, `zip(strict=)` and dataclass slots came with 3.10.
        assert not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr)), where
        if isinstance(node, ast.Call):
            assert not {keyword.arg for keyword in node.keywords} & {"strict", "slots", "kw_only"}, where

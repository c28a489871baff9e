"""The lowest floor of the module needs nothing but Python 3.9: neither Slicer, Qt and VTK nor a package."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import LandmarkDetectionLib
import pytest

FOLDER = Path(LandmarkDetectionLib.__file__).parent


def parse(name: str) -> ast.Module:
    """Refuses syntax that is newer than Python 3.9, such as ``match``."""
    return ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"), feature_version=(3, 9))


def imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(level, module) of each import; the level is that of ``from .x import``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.module is None:
                yield from ((node.level, alias.name) for alias in node.names)
            else:
                yield node.level, node.module


def floor() -> list[str]:
    """The client and the session, and all that they import."""
    found, waiting = set(), ["http_client", "session"]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [module for level, module in imports(parse(name)) if level]
    return sorted(found)


FLOOR = floor()


def test_floor_is_found() -> None:
    assert {"work", "multipart", "task_definition", "pair_check", "jobs", "client"} <= set(FLOOR)


@pytest.mark.parametrize("name", FLOOR)
def test_imports_stay_on_the_floor(name: str) -> None:
    for level, module in imports(parse(name)):
        if not level:
            assert module.split(".")[0] in sys.stdlib_module_names, f"{name}.py imports {module}"


def runtime_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but annotations, which are never evaluated."""
    yield node
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from runtime_nodes(child)


@pytest.mark.parametrize("name", FLOOR)
def test_nothing_newer_than_python_3_9_runs(name: str) -> None:
    tree = parse(name)
    assert "from __future__ import annotations" in ast.unparse(tree)
    for node in runtime_nodes(tree):
        where = f"{name}.py, line {getattr(node, 'lineno', 0)}"
        # `X | Y` of types, `zip(strict=)` and dataclass slots came with 3.10.
        assert not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr)), where
        if isinstance(node, ast.Call):
            assert not {keyword.arg for keyword in node.keywords} & {"strict", "slots", "kw_only"}, where

"""Faces of packages: public names that are loaded on first access."""

from __future__ import annotations

import ast
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any


class LazyFace(ModuleType):
    """Package whose public names are loaded on demand; :func:`lazy_face` makes one."""

    #: Where each public name comes from: a module, and the name in it (None for the module itself).
    _origins: dict[str, tuple[str, str | None]]

    def __getattr__(self, name: str) -> Any:
        try:
            module, attribute = self.__dict__["_origins"][name]
        except KeyError:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}") from None
        value = import_module(module, self.__name__)
        if attribute is not None:
            value = getattr(value, attribute)
        super().__setattr__(name, value)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        # The import system binds every loaded module in its package: a module must not hide a public name.
        if isinstance(value, ModuleType) and self._origins.get(name, ("", None))[1] is not None:
            return
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._origins})


def lazy_face(package: str) -> None:
    """Loads the public names of a package on first access.

    The package's ``__init__`` states where they come from by imports under ``if TYPE_CHECKING:``. Type checkers and
    editors read these as they are; Python skips them, and they are read from the source here.

    Args:
        package: ``__name__`` of the package, which calls this in its ``__init__``.
    """
    module = sys.modules[package]
    assert module.__file__ is not None
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    guarded = (node for block in tree.body if isinstance(block, ast.If) for node in block.body)
    origins: dict[str, tuple[str, str | None]] = {}
    for node in guarded:
        assert isinstance(node, ast.ImportFrom), f"{package}: only `from ... import` belongs under TYPE_CHECKING"
        source = "." * node.level + (node.module or "")
        for alias in node.names:
            name = alias.asname or alias.name
            origins[name] = (source, alias.name) if node.module else (source + alias.name, None)
    module.__dict__["_origins"] = origins
    module.__class__ = LazyFace

"""Optional packages."""

from __future__ import annotations

import importlib
from typing import Any

from monai_ext.landmarks.errors import InputError


def optional_package(module: str, extra: str, what: str) -> Any:
    """Imports a package that an optional extra installs.

    Raises:
        InputError: it is not installed; names the extra.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f"{what} needs the package {error.name!r}: install it, or this project with the extra {extra!r}."
        ) from None

"""``monai-landmarks slicer-module``: the 3D Slicer module, to add to Slicer."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from monai_ext.landmarks import INSTALLED, InputError, app_dir

from .console import tell

MODULE = "LandmarkDetection"


def run(
    folder: Annotated[Path, typer.Argument(help="Where the module is copied to; a new folder is made in it.")] = Path(
        "."
    ),
) -> None:
    """Copy the 3D Slicer module out of the installed package.

    Example: `monai-landmarks slicer-module ~/slicer`
    """
    target = folder / MODULE
    if target.exists():
        raise InputError(f"{target} exists already; remove it, or name another folder.")
    shutil.copytree(module_dir(), target, ignore=shutil.ignore_patterns("__pycache__"))
    tell(
        f"Copied to {target.resolve()}. In Slicer: Edit > Application Settings > Modules > Additional module paths: "
        "add this folder, and restart."
    )


def module_dir() -> Path:
    """The folder of the module: inside an installed package, or that of a copy of the repository."""
    repository = app_dir().parents[1]
    return INSTALLED / MODULE if INSTALLED.is_dir() else repository / "slicer_module" / MODULE

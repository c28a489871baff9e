"""``monai-landmarks landmark-pictures``: the example pictures of the shipped protocols, drawn again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monai_ext.phantoms.landmark_pictures import FOLDER, PICTURED_PROTOCOLS, write_pictures

from .console import output


def run(
    folder: Annotated[Path, typer.Argument(help="Folder of the protocol files; the pictures go below it.")],
    protocol: Annotated[
        list[str] | None, typer.Option(help=f"Which to draw; repeatable. Default: {', '.join(PICTURED_PROTOCOLS)}.")
    ] = None,
) -> None:
    """Draw the pictures that the shipped protocols show beside each landmark: crops of SYNTHETIC images with a mark.

    A protocol names them, as `picture: pictures/fundus_fovea.png` of a landmark.

    Example: `monai-landmarks landmark-pictures apps/landmarks/protocols`
    """
    written = write_pictures(folder, tuple(protocol) if protocol else PICTURED_PROTOCOLS)
    output.print(f"{len(written)} pictures in {folder / FOLDER}", soft_wrap=True, highlight=False)

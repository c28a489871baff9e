"""``monai-landmarks sample-data`` and ``landmark-pictures``: synthetic studies, and the protocols' example pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monai_ext import phantoms
from monai_ext.phantoms import PICTURED_PROTOCOLS, SAMPLE_PROTOCOLS

from .console import Meter, print_json, tell
from .options import JsonOption, OverwriteOption


def run(
    folder: Annotated[Path, typer.Argument(help="Where the studies go, one folder per protocol.")] = Path(
        "sample_data"
    ),
    protocol: Annotated[
        list[str] | None, typer.Option("--protocol", "-p", help=f"{', '.join(SAMPLE_PROTOCOLS)}; repeatable.")
    ] = None,
    count: Annotated[int, typer.Option(min=2, max=100_000, help="Images per protocol.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same files.")] = 2026,
    labelled: Annotated[float, typer.Option(min=0, max=1, help="Share of the images that get a label.")] = 0.6,
    variant: Annotated[
        str,
        typer.Option(
            help="`sample`; of scleral_spur also `scanner` (2130 x 998 pixels, some cut) and `unseen` (the same of "
            "other eyes and another scanner)."
        ),
    ] = "sample",
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make small SYNTHETIC studies (fundus, AS-OCT, face): part labelled, part not.

    Example: `monai-landmarks sample-data samples --protocol fundus --count 50`
    """
    with Meter("Drawing phantoms") as meter:
        made = phantoms.make_sample_data(
            folder,
            protocols=tuple(protocol or SAMPLE_PROTOCOLS),
            count=count,
            seed=seed,
            labelled=labelled,
            variant=variant,
            overwrite=overwrite,
            on_progress=meter.update,
        )
    if as_json:
        print_json({name: str(path) for name, path in made.items()})
        return
    for name, path in made.items():
        tell(f"{name}: {count} synthetic images in {path}")


def draw_pictures(
    folder: Annotated[Path, typer.Argument(help="Folder of the protocol files; the pictures go below it.")],
    protocol: Annotated[
        list[str] | None, typer.Option("--protocol", "-p", help=f"{', '.join(PICTURED_PROTOCOLS)}; repeatable.")
    ] = None,
) -> None:
    """Draw the pictures that the shipped protocols show beside each landmark: crops of SYNTHETIC images with a mark.

    A protocol names them, as `picture: pictures/fundus_fovea.png` of a landmark.

    Example: `monai-landmarks landmark-pictures apps/landmarks/protocols`
    """
    written = phantoms.write_pictures(folder, tuple(protocol or PICTURED_PROTOCOLS))
    tell(f"{len(written)} pictures in {folder / 'pictures'}")

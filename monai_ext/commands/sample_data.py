"""``monai-landmarks sample-data``: synthetic studies to try everything on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monai_ext.phantoms.sample_data import SAMPLE_PROTOCOLS, make_sample_data

from .console import output, print_json
from .meter import Meter


def run(
    folder: Annotated[Path, typer.Argument(help="Where the studies go, one folder per protocol.")] = Path(
        "sample_data"
    ),
    protocol: Annotated[
        list[str] | None, typer.Option(help=f"Which to make; repeatable. Default: {', '.join(SAMPLE_PROTOCOLS)}.")
    ] = None,
    count: Annotated[int, typer.Option(min=2, max=100_000, help="Images per protocol.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same files.")] = 2026,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace studies that exist.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Make small SYNTHETIC studies (fundus, AS-OCT, face): part labelled, part not.

    Example: `monai-landmarks sample-data samples --protocol fundus --count 50`
    """
    with Meter("Drawing phantoms") as meter:
        made = make_sample_data(
            folder,
            protocols=tuple(protocol) if protocol else SAMPLE_PROTOCOLS,
            count=count,
            seed=seed,
            overwrite=overwrite,
            on_progress=meter.update,
        )
    if as_json:
        print_json({name: str(path) for name, path in made.items()})
        return
    for name, path in made.items():
        output.print(f"{name}: {count} synthetic images in {path}", soft_wrap=True, highlight=False)

"""``monai-landmarks remap``: labels follow images whose placement changed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monai_ext.landmarks import frame_field, pixel_words
from monai_ext.studies import Studies, find_remappings, remap

from .console import note, print_json, tell
from .options import ImageOption, JsonOption


def run(
    studies: Annotated[Path, typer.Argument(help="Folder of images with labels/TAG/ID.mrk.json.")],
    image: ImageOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the labels without changing them.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Move labels to the same pixels after the placement of an image changed (dpi, spacing, origin, file format).

    A label keeps the placement of the image that it was made on. Where the image file was rewritten since then (its
    metadata stripped, say), the label would be read at other pixels, and is refused until it is mapped or the image is
    put back. An image of another size is another image: its label is not mapped. The former labels stay as earlier
    versions, and the same command maps back after the image was put back. The exit code is 1 where a label was
    refused.

    Example: `monai-landmarks remap studies --dry-run`
    """
    folder = Studies(studies)
    plan = find_remappings(folder, image)
    if not dry_run and plan.remappings:
        remap(folder, plan.remappings)
    if as_json:
        mapped = [
            {
                "image": item.image,
                "tag": item.tag,
                "made_on": frame_field(item.made_on),
                "image_frame": frame_field(item.frame),
            }
            for item in plan.remappings
        ]
        counts = {"fitting": plan.fitting, "without_frame": plan.silent}
        print_json({"changed": not dry_run, "mapped": mapped, "refused": plan.refused, **counts})
    else:
        for item in plan.remappings:
            words = f"pixels of {pixel_words(item.made_on)} mm, now {pixel_words(item.frame)} mm"
            tell(f"{item.path.relative_to(studies)}: {words}")
        tell(_summary(len(plan.remappings), plan.fitting, dry_run))
        if plan.silent:
            tell(f"Labels without a recorded placement, left unchanged: {plan.silent}.")
    for sentence in plan.refused:
        note(sentence)
    if plan.refused:
        raise typer.Exit(1)


def _summary(mapped: int, fitting: int, dry_run: bool) -> str:
    labels = f"{mapped} label{'' if mapped == 1 else 's'}"
    if not mapped:
        return f"No label to map; {fitting} made on the present placement of their images."
    if dry_run:
        return f"{labels} to map; nothing was changed."
    return f"{labels} mapped; the former ones are kept as earlier versions in labels/.history."

"""Plan of an import: each image once, under a unique ID."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path

from monai_ext.images import image_id, name_key
from monai_ext.landmarks import STATED_OF_IMAGES, ImagePoints, InputError, PointsTable, Status, TablePoint
from monai_ext.studies import Studies

from .folder import FoundImage, ImageFolder


@dataclass(frozen=True)
class PlannedImage:
    """One image of a table.

    Args:
        name: what the table calls it, first.
        source: its file.
        id: its ID in the studies folder.
        copy: its file in the studies folder.
        is_new: whether that file has yet to be written.
        entry: what all rows of the table that are about it state.
    """

    name: str
    source: FoundImage
    id: str
    copy: Path
    is_new: bool
    entry: ImagePoints

    @property
    def own_id(self) -> str:
        """The ID that its file name alone would give."""
        name = unicodedata.normalize("NFC", self.source.path.name)
        return image_id(name) or name


def plan_images(table: PointsTable, folder: ImageFolder, studies: Studies, where: str | Path) -> list[PlannedImage]:
    """The images of a table, in its order; nothing is written.

    Args:
        table: the points.
        folder: the images.
        studies: where they shall go; need not exist.
        where: the table, for messages.

    Raises:
        InputError: the table is empty, an image is not found, two images would get one ID or IDs that some file system
            takes for one, two names of one image disagree, or the studies folder has another image of that ID.
    """
    if not table.images:
        raise InputError(f"{where} has no points of any image: there is nothing to import.")
    spellings: dict[Path, list[str]] = {}
    found: dict[Path, FoundImage] = {}
    for name in table.images:
        image = folder.find(name, where)
        spellings.setdefault(image.path, []).append(name)
        found.setdefault(image.path, image)
    _refuse_shared_ids(found, spellings)
    present = {name_key(image): (image, path) for image, path in _present(studies).items()}
    planned = []
    for path, image in found.items():
        names = spellings[path]
        known = present.get(name_key(image.id))
        if known is not None and known[1].read_bytes() != image.content():
            raise InputError(
                f"{known[1]} exists and is another image than {names[0]!r}: use a new studies folder, or rename one."
            )
        id, copy = known or (image.id, studies.root / image.file_name)
        entry = _merged(table, names, where)
        planned.append(PlannedImage(names[0], image, id, copy, known is None, entry))
    return planned


def _refuse_shared_ids(found: dict[Path, FoundImage], spellings: dict[Path, list[str]]) -> None:
    taken: dict[str, FoundImage] = {}
    for image in found.values():
        other = taken.setdefault(name_key(image.id), image)
        if other is not image:
            ids = f"the ID {image.id!r}"
            if other.id != image.id:
                ids = f"the IDs {other.id!r} and {image.id!r}, which some file systems do not distinguish"
            names = f"{spellings[other.path][0]!r} and {spellings[image.path][0]!r}"
            raise InputError(f"The images {names} would get {ids}: rename one, or import them into two folders.")


def _present(studies: Studies) -> dict[str, Path]:
    if studies.root.exists() and not studies.root.is_dir():
        raise InputError(f"{studies.root} is not a folder: name another one for the studies.")
    return studies.images() if studies.root.is_dir() else {}


def _merged(table: PointsTable, names: list[str], where: str | Path) -> ImagePoints:
    """Merged entries of several names of one image."""
    first, *others = names
    merged = table.images[first]
    for name in others:
        other = table.images[name]
        for what, key in STATED_OF_IMAGES.items():
            here, before = getattr(other, key), getattr(merged, key)
            if here is not None and before is not None and here != before:
                raise InputError(
                    f"{where}: {first!r} and {name!r} are the same image, with the {what} {before} and {here}; make "
                    "them "
                    "agree."
                )
        for landmark, point in other.points.items():
            twin = merged.points.get(landmark, point)
            if Status.UNDEFINED not in (twin.status, point.status) and not same_point(twin, point):
                raise InputError(
                    f"{where}: {first!r} and {name!r} are one image, but place {landmark!r} differently; keep one."
                )
        stated = {k: p for k, p in other.points.items() if p.status is not Status.UNDEFINED or k not in merged.points}
        merged = replace(
            merged,
            points={**merged.points, **stated},
            size=merged.size or other.size,
            split=merged.split or other.split,
            mm_per_px=merged.mm_per_px or other.mm_per_px,
            subject=merged.subject or other.subject,
        )
    return merged


def same_point(one: TablePoint, other: TablePoint) -> bool:
    """True if two points have the same status and, if defined, the same coordinates."""
    if one.status is not Status.DEFINED:
        return other.status is one.status
    return (one.status, one.x, one.y) == (other.status, other.x, other.y)

"""A folder of images with their labels, in MONAI Label's studies layout."""

from __future__ import annotations

import difflib
import os
import re
import unicodedata
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast

from monai_ext.images import LABEL_EXTENSION, image_id_of, label_file_name, same_name
from monai_ext.landmarks import SPLITS, InputError, Split, read_json, write_json_atomically

SPLITS_FILE = "splits.json"
SUBJECTS_FILE = "subjects.json"
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def check_studies_folder(folder: Path) -> None:
    """Refuses a path at which no folder is, and names the existing one that is closest to it.

    Raises:
        InputError: there is nothing, or a file.
    """
    if folder.is_dir():
        return
    if folder.exists():
        raise InputError(f"The studies folder {folder} is a file; give the folder that holds the images.")
    close = _closest_folder(Path(os.path.abspath(folder)))
    meant = "" if close is None else f", did you mean {close}"
    raise InputError(f"The studies folder {folder} does not exist{meant}; give a folder of images.")


def subjects_document(subjects: Mapping[str, str]) -> dict[str, list[str]]:
    """The content of ``subjects.json`` for a subject per image ID."""
    members: dict[str, list[str]] = {subject: [] for subject in sorted(set(subjects.values()))}
    for image, subject in sorted(subjects.items()):
        members[subject].append(image)
    return members


def with_subjects(splits: Mapping[str, Split], subjects: Mapping[str, str], where: Path | str) -> dict[str, Split]:
    """The stated splits, and the same for the other images of the same subjects.

    Args:
        splits: by image ID.
        subjects: by image ID.
        where: names the splits in messages.

    Raises:
        InputError: images of one subject have different splits.
    """
    first: dict[str, str] = {}
    for image, subject in subjects.items():
        if image not in splits:
            continue
        other = first.setdefault(subject, image)
        if splits[other] != splits[image]:
            raise InputError(
                f"{where} lists images of the subject {subject!r} in {splits[other]!r} ({other!r}) and in "
                f"{splits[image]!r} ({image!r}); give all of them one split."
            )
    followers = {image: splits[first[subject]] for image, subject in subjects.items() if subject in first}
    return {**splits, **followers}


def splits_document(splits: Mapping[str, str]) -> dict[str, list[str]]:
    """The content of ``splits.json`` for a split per image ID.

    Raises:
        InputError: an unknown split.
    """
    members: dict[str, list[str]] = {split: [] for split in SPLITS}
    for image, split in sorted(splits.items()):
        if split not in members:
            raise InputError(f"The image {image!r} has the unknown split {split!r}; use {', '.join(SPLITS)}.")
        members[split].append(image)
    return {split: images for split, images in members.items() if images}


class Studies:
    """Images directly in a folder; labels in ``labels/<tag>/<ID>.mrk.json`` below it.

    Hidden files, folders and files that are no images are not images (see :mod:`.passed_over`). The folder is looked
    at again on each call.

    Args:
        root: the folder. It need not exist until its images are requested.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def __repr__(self) -> str:
        return f"Studies({str(self.root)!r})"

    def images(self) -> dict[str, Path]:
        """The images by ID, in the order of the IDs.

        Raises:
            InputError: there is no such folder, or two images share an ID.
        """
        check_studies_folder(self.root)
        found: dict[str, Path] = {}
        spelled: dict[str, Path] = {}
        for path in sorted(self.root.iterdir()):
            name = image_id_of(path)
            if name is None or path.is_dir():
                continue
            if not path.is_file():
                warnings.warn(f"{path} is left out: it is a broken link or no regular file.", stacklevel=2)
                continue
            other = spelled.setdefault(unicodedata.normalize("NFC", name), path)
            if other is not path:
                raise InputError(f"{other} and {path} share the image ID {name!r}; rename or remove one of the two.")
            found[name] = path
        return dict(sorted(found.items()))

    def image_path(self, image: str) -> Path:
        """The file of one image; its ID may be spelled in either Unicode form (see :func:`same_name`).

        Raises:
            InputError: there is no image of that ID; names the closest one.
        """
        images = self.images()
        return images[self._spelled(image, images)]

    def known_ids(self, wanted: Iterable[str]) -> list[str]:
        """The IDs of some images as the folder spells them, each once; they may be given in either Unicode form.

        Raises:
            InputError: there is no image of one of the IDs; names the closest one.
        """
        images = self.images()
        return list(dict.fromkeys(self._spelled(image, images) for image in wanted))

    def label_path(self, image: str, tag: str = "final") -> Path:
        """Returns where the label of an image lies or would lie.

        Raises:
            InputError: the ID or the tag would lead out of its folder, or the ID is too long for a file name.
        """
        if not image or image in {".", ".."} or any(character in image for character in "/\\\0"):
            raise InputError(f"An image ID must be a file name without folders, not {image!r}.")
        return self._label_folder(tag) / label_file_name(image)

    def labelled(self, tag: str = "final") -> list[str]:
        """The IDs of the images that have a label with that tag, sorted. A label without its image is warned of.

        Raises:
            InputError: as :meth:`images`; the tag is no plain name.
        """
        images = self.images()
        folder = self._label_folder(tag)
        names = {path.name[: -len(LABEL_EXTENSION)] for path in folder.glob(f"[!.]*{LABEL_EXTENSION}")}
        orphans = sorted(names - images.keys())
        if orphans:
            warnings.warn(f"{folder} has labels without an image in {self.root}: {', '.join(orphans)}.", stacklevel=2)
        return [name for name in images if name in names]

    def splits(self) -> dict[str, Split]:
        """The split of each image that ``splits.json`` lists, and of the other images of the same subjects.

        Images of other subjects that it does not list have no split; without the file no image has one.

        Raises:
            InputError: as :meth:`stated_splits` and :meth:`subjects`, or it lists images of one subject in two splits.
        """
        return with_subjects(self.stated_splits(), self.subjects(), self.root / SPLITS_FILE)

    def stated_splits(self) -> dict[str, Split]:
        """The split of each image that ``splits.json`` lists, as ``{"train": [IDs], "val": [IDs], "test": [IDs]}``.

        Raises:
            InputError: not that form, an unknown split or image ID, an image listed twice.
        """
        return cast(dict[str, Split], self._members(self.root / SPLITS_FILE, "split", SPLITS))

    def subjects(self) -> dict[str, str]:
        """The subject (patient, specimen) of each image that ``subjects.json`` lists, as ``{"SUBJECT": [IDs]}``.

        Images of one subject are never divided: they train together, or validate or test together.

        Raises:
            InputError: not that form, an unknown image ID, an image listed twice.
        """
        return self._members(self.root / SUBJECTS_FILE, "subject")

    def write_splits(self, splits: Mapping[str, str]) -> None:
        """Writes ``splits.json`` from a split per image ID: what :meth:`splits` returns.

        Raises:
            InputError: an unknown split or image ID.
        """
        document = splits_document(splits)
        self._check_known(splits, "The splits")
        write_json_atomically(self.root / SPLITS_FILE, document)

    def write_subjects(self, subjects: Mapping[str, str]) -> None:
        """Writes ``subjects.json`` from a subject per image ID: what :meth:`subjects` returns.

        Raises:
            InputError: an unknown image ID.
        """
        self._check_known(subjects, "The subjects")
        write_json_atomically(self.root / SUBJECTS_FILE, subjects_document(subjects))

    def _spelled(self, image: str, images: Mapping[str, Path]) -> str:
        found = same_name(image, images)
        if found is None:
            raise InputError(f"{self.root} has no image {image!r}{_closest(image, images)}.")
        return found

    def _label_folder(self, tag: str) -> Path:
        if not _TAG.fullmatch(tag):
            raise InputError(f"A label tag must consist of letters, digits, '-' and '_', not {tag!r}.")
        return self.root / "labels" / tag

    def _members(self, path: Path, what: str, known: tuple[str, ...] = ()) -> dict[str, str]:
        """The group of each image that a file of the form ``{"GROUP": [IDs]}`` lists; empty without the file."""
        if not path.exists():
            return {}
        document = read_json(path)
        if not isinstance(document, dict):
            raise InputError(f'{path} must hold {{"{what.upper()}": [IDs]}}, not {document!r:.80}.')
        groups: dict[str, str] = {}
        for group, members in document.items():
            if known and group not in known:
                raise InputError(f"{path} has the unknown {what} {group!r}; use {', '.join(known)}.")
            if not isinstance(members, list) or not all(isinstance(member, str) for member in members):
                raise InputError(f"{path}: the {what} {group!r} must be a list of image IDs, not {members!r:.80}.")
            for member in members:
                if member in groups:
                    raise InputError(
                        f"{path} lists the image {member!r} in {groups[member]!r} and in {group!r}; keep one of them."
                    )
                groups[member] = group
        self._check_known(groups, str(path))
        return groups

    def _check_known(self, splits: Mapping[str, str], where: str) -> None:
        images = self.images()
        unknown = next((image for image in splits if image not in images), None)
        if unknown is not None:
            raise InputError(f"{where}: {self.root} has no image {unknown!r}{_closest(unknown, images)}; take it out.")


def _closest(image: str, images: Mapping[str, Path]) -> str:
    close = difflib.get_close_matches(image, images, n=1)
    return f", did you mean {close[0]!r}" if close else f" among its {len(images)}"


def _closest_folder(missing: Path) -> Path | None:
    """The existing folder that is closest to an absolute path that leads nowhere; None if none is close."""
    rest: list[str] = []
    while not missing.parent.is_dir():
        rest.insert(0, missing.name)
        missing = missing.parent
    try:
        names = [entry.name for entry in missing.parent.iterdir() if entry.is_dir()]
    except OSError:
        return None
    close = difflib.get_close_matches(missing.name, names, n=1)
    if not close:
        return None
    found = missing.parent.joinpath(close[0], *rest)
    return found if found.is_dir() else _closest_folder(found)

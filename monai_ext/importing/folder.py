"""The image files that the names in a table mean, and the ID that each gets."""

from __future__ import annotations

import difflib
import os
import posixpath
import unicodedata
from collections.abc import Sequence
from pathlib import Path, PureWindowsPath
from typing import NamedTuple

from monai_ext.images import IMAGE_EXTENSIONS, check_image_id, image_id, image_id_of, is_printable, joined, name_key
from monai_ext.landmarks import InputError
from monai_ext.studies import why_no_image


class FoundImage(NamedTuple):
    """An image file that a table names.

    Args:
        path: the file, links resolved: the same for every way to name it.
        id: its image ID: the folders below the images folder and the name, joined by "_", in Unicode's composed form.
        file_name: what a copy of it is called: the ID with the extension of the file; of a header whose pixels lie
            beside it, that of a whole file.
    """

    path: Path
    id: str
    file_name: str

    def content(self) -> bytes:
        """The bytes of a copy: the file, together with its pixels where they lie beside it."""
        whole = joined(self.path)
        return whole.content if whole else self.path.read_bytes()


class ImageFolder:
    """The folder of the images that a table names.

    A name is a path below the folder, with "/" or Windows' backslash, or an absolute path; the extension may be absent.
    Accents are found in either Unicode form. The folder is listed once.

    Args:
        root: the folder.

    Raises:
        InputError: there is no such folder.

    Examples:
        ``train/i.png`` is the file ``i.png`` in the folder ``train`` and gets the ID ``train_i``.
    """

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise InputError(f"There is no folder of images {root}: check the path.")
        self.root = root
        self._roots = (root.absolute(), root.resolve())
        self._listed: dict[Path, list[str]] = {}

    def find(self, name: str, where: str | Path) -> FoundImage:
        """The image of a name.

        Args:
            name: as the table has it.
            where: the table, for messages.

        Raises:
            InputError: there is no such image, several could be meant, the name or a link leads out of the folder, or
                the file cannot have an image ID.
        """
        told = f"{where} names the image {name[:200]!r}"
        if not is_printable(name):
            raise InputError(f"{told}, which has characters that are not allowed in a file name: rename it.")
        if os.name != "nt" and PureWindowsPath(name).drive:
            raise InputError(f"{told}, a path of another computer: use a path relative to the folder {self.root}.")
        normal = posixpath.normpath(name.replace("\\", "/"))
        inside = next((Path(normal).relative_to(r) for r in self._roots if Path(normal).is_relative_to(r)), None)
        if os.path.isabs(normal) and inside is None:
            return self._outside(Path(normal), told)
        parts = inside.parts if inside is not None else Path(normal).parts
        if parts[:1] == ("..",):
            raise InputError(f"{told}, which leads out of the folder {self.root}: copy the image into it.")
        found = self._descend(self.root, parts, told)
        real = self.root.joinpath(*found).resolve()
        if not real.is_relative_to(self._roots[1]):
            raise InputError(
                f"{told}, a link that leads out of the folder {self.root} to {real}: copy the image into the folder, "
                "or write its absolute path."
            )
        return _identified(real, found, told)

    def _outside(self, path: Path, told: str) -> FoundImage:
        """An absolute path that does not begin with the folder; it may still lead into it."""
        found = self._descend(Path(path.anchor), path.parts[1:], told)
        real = Path(path.anchor).joinpath(*found).resolve()
        inside = real.is_relative_to(self._roots[1])
        return _identified(real, real.relative_to(self._roots[1]).parts if inside else found[-1:], told)

    def _descend(self, folder: Path, parts: Sequence[str], told: str) -> tuple[str, ...]:
        """The parts as the file system spells them."""
        found: list[str] = []
        for number, part in enumerate(parts, start=1):
            found.append(self._entry(folder, part, number == len(parts), told))
            folder /= found[-1]
        if not found or not folder.is_file():
            raise InputError(f"{told}, which is not a file in {self.root}.")
        return tuple(found)

    def _entry(self, folder: Path, part: str, last: bool, told: str) -> str:
        entries = self._entries(folder)
        if part in entries:
            return part
        composed = unicodedata.normalize("NFC", part)
        same = [entry for entry in entries if unicodedata.normalize("NFC", entry) == composed]
        if not same and _exists(folder / part):  # the file system ignores case, or does not let the folder be listed
            same = [entry for entry in entries if name_key(entry) == name_key(part)][:1] or [part]
        if not same and last:
            same = [entry for entry in entries if unicodedata.normalize("NFC", image_id(entry) or "") == composed]
        if len(same) > 1:
            raise InputError(f"{told}, which matches {' and '.join(sorted(same))}: use the complete file name.")
        if not same:
            close = [entry for entry in entries if name_key(entry) == name_key(part)]
            close = close or difflib.get_close_matches(part, entries, n=1)
            hint = f"; did you mean {close[0]!r}" if close else ""
            raise InputError(f"{told}, which is not in {self.root}{hint}.")
        return same[0]

    def _entries(self, folder: Path) -> list[str]:
        if folder not in self._listed:
            try:
                self._listed[folder] = os.listdir(folder)
            except OSError:
                self._listed[folder] = []
        return self._listed[folder]


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long
        return False


def _identified(real: Path, parts: Sequence[str], told: str) -> FoundImage:
    name = unicodedata.normalize("NFC", "_".join(parts))
    image = image_id(name) or (name if image_id_of(real) else None)  # DICOM may have any name, which is its ID
    if image is None or parts[-1].startswith(".") or (image_id_of(real) is None and image_id(real.name)):
        reason = why_no_image(real) or f"the extensions are {', '.join(IMAGE_EXTENSIONS)}, and DICOM may have any name"
        raise InputError(f"{told}, which is not an image that can be read: {reason}.")
    try:
        check_image_id(image)
    except InputError as error:
        raise InputError(f"{told}: {error}") from None
    whole = joined(real)
    return FoundImage(real, image, image + (whole.extension if whole else name[len(image) :]))

"""How a label is stored, deleted and restored as one change: its file, its notes and its earlier versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from monailabel.interfaces.exception import ImageNotFoundException, LabelNotFoundException

from monai_ext.landmarks import InputError
from monai_ext.studies import DRAFTS, READINGS, with_first_submission

from ..errors import NotFoundError
from ..file_names import LABEL_TAGS, check_image_id, no_such_image
from ..label_size import check_label_size
from .change_set import ChangeSet
from .entries import ImageEntry, LabelEntry, Objects, digest, label_entry
from .label_history import LabelHistory, LabelVersion, Reason
from .study_files import StudyFiles


@dataclass(frozen=True)
class LabelChanges:
    """The changes of labels; each is a part of a change of the whole folder."""

    files: StudyFiles
    history: LabelHistory

    def store(self, changes: ChangeSet, image: str, tag: str, content: bytes, info: dict[str, Any]) -> None:
        """Puts a label in place; the present one becomes an earlier version, whose first submission is kept in mind.

        Raises:
            ImageNotFoundException: there is no such image.
            TooLargeError: it has more bytes than a label can have.
        """
        check_label_size(content, f"The {tag} label of {image[:80]!r}")
        known = known_image(changes.objects, image)
        if tag in known.labels:
            self.keep(changes, image, tag, known.labels[tag], "replaced")
            if tag == "final" or tag in READINGS:
                info = with_first_submission(info, known.labels[tag].info)
        changes.write(self.files.label(image, tag), content)
        changes.set_label(image, tag, label_entry(image, digest(content), info))

    def delete(self, changes: ChangeSet, image: str, tag: str) -> None:
        """Takes a label away; it becomes an earlier version."""
        _, label = known_label(changes.objects, image, tag)
        self.keep(changes, image, tag, label, "deleted")
        changes.remove(self.files.label(image, tag))
        changes.drop_label(image, tag, self.files.label_digest(image, tag) or label.sha256)

    def earlier(self, objects: Objects, image: str, tag: str) -> list[LabelVersion]:
        """The earlier versions of a label, newest first.

        Raises:
            NotFoundError: the tag is unknown, or there is no such image and no earlier version.
        """
        if tag not in {*LABEL_TAGS, *READINGS, *DRAFTS}:
            raise NotFoundError(f"The label tag {tag[:80]!r} is unknown; use one of {', '.join(LABEL_TAGS)}.")
        known = objects.get(image)
        versions = self.history.versions(image, tag) if known is not None or _is_plain(image) else []
        if known is None and not versions:
            raise NotFoundError(no_such_image(image, objects))
        present = known.labels.get(tag) if known is not None else None
        if present is not None and versions and versions[0].is_same(present):
            return versions[1:]  # a process was ended before it replaced the label
        return versions

    def keep(self, changes: ChangeSet, image: str, tag: str, label: LabelEntry, reason: Reason) -> None:
        """Makes the present label an earlier version."""
        sha256 = self.files.label_digest(image, tag)
        if sha256 is None:
            return  # deleted by hand a moment ago
        # Notes that are about another content say nothing of this one.
        info = label.info if label.sha256 in {"", sha256} else {}
        self.history.keep(changes, image, tag, self.files.label(image, tag), info, reason)


def _is_plain(image: str) -> bool:
    try:
        check_image_id(image)
    except InputError:
        return False
    return True


def known_image(objects: Objects, image: str) -> ImageEntry:
    """The record of an image.

    Raises:
        ImageNotFoundException: there is none.
    """
    if image not in objects:
        raise ImageNotFoundException(no_such_image(image, objects))
    return objects[image]


def known_label(objects: Objects, image: str, tag: str) -> tuple[ImageEntry, LabelEntry]:
    """The record of an image and that of its label.

    Raises:
        LabelNotFoundException: there is none.
    """
    known = objects.get(image)
    if known is None or tag not in known.labels:
        raise LabelNotFoundException(f"The image {image[:200]!r} has no label {tag[:80]!r}.")
    return known, known.labels[tag]

"""The labels of several readers of one study: the part of the datastore that keeps each reader's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from monai_ext.landmarks import Markups, parse_markups
from monai_ext.studies import (
    About,
    ImageEntry,
    LabelVersion,
    NotFoundError,
    Objects,
    Readings,
    StudiesState,
    check_info,
    check_tag,
    is_consensus,
    known_image,
    own_tag,
    readings,
)

#: Refuses a change of an image or of its labels by an error, given what is known of it.
EntryCheck = Callable[[ImageEntry], None]


def accept(entry: ImageEntry) -> None:
    """Refuses nothing."""


class ReaderLabels:
    """Part of a datastore for readers who label the same images, each by themselves.

    The class that has it sets the state and the readings, and gives infos of labels.
    """

    _state: StudiesState
    _readings: Readings

    if TYPE_CHECKING:  # what the datastore has

        @property
        def objects(self) -> Objects: ...

        def get_label_info(self, label_id: str, label_tag: str) -> dict[str, Any]: ...

        def update_label_info(self, label_id: str, label_tag: str, info: dict[str, Any]) -> None: ...

    @property
    def readers(self) -> int:
        """Returns how many people label an image, each by themselves."""
        return self._readings.most

    def reading_tag(self, image_id: str, tag: str, reader: str) -> str:
        """The tag under which a reader's own label lies.

        Raises:
            NotFoundError: there is none.
        """
        return _reading_tag(self.objects, image_id, tag, reader)

    def reading_versions(self, image_id: str, tag: str, reader: str) -> list[LabelVersion]:
        """The earlier versions of a reader's own label, newest first.

        Raises:
            NotFoundError: there is no such image and no earlier version.
        """
        return self._readings.earlier(self.objects, image_id, tag, reader)

    def save_reading(
        self,
        image_id: str,
        tag: str,
        label: Markups,
        info: dict[str, Any],
        reader: str,
        about: About | None = None,
        check: EntryCheck = accept,
    ) -> None:
        """Stores the label of one of several readers; the other's stays, and ``final`` is made of both.

        Args:
            image_id: the image.
            tag: ``final`` or ``draft``.
            label: the point list.
            info: of the label.
            reader: who made it.
            about: tells what the info of a ``final`` label of several readers says of its points.
            check: is given what is known of the image as the change is made, and raises what refuses it.

        Raises:
            NotFoundError: there is no such image.
            InputError: the info cannot be stored, or the other reader's label cannot be used for the image.
            ConflictError: the image has its readers already.
        """
        info = {**check_info(info), "annotator": reader}
        with self._state.changing() as changes:
            check(known_image(changes.objects, image_id))
            self._readings.store(changes, image_id, tag, label, info, reader, about)

    def remove_reading(self, image_id: str, tag: str, reader: str) -> None:
        """Deletes a reader's own label; it stays as an earlier version, and ``final`` is made of what is left.

        Raises:
            NotFoundError: there is none.
        """
        with self._state.changing() as changes:
            self._readings.delete(changes, image_id, _reading_tag(changes.objects, image_id, tag, reader))

    def restore_reading(
        self,
        image_id: str,
        tag: str,
        version: LabelVersion,
        reader: str,
        *,
        user: str | None,
        check: EntryCheck = accept,
    ) -> dict[str, Any]:
        """Makes an earlier version of a reader's own label the present one; returns its info.

        Raises:
            NotFoundError: there is no such image.
            ConflictError: the image has its readers already.
        """
        notes = {"restored_from": version.version, "restored_by": user}
        label = parse_markups(version.read(), version.path.name)
        self.save_reading(image_id, tag, label, {**version.info, **notes}, reader, check=check)
        return self.get_label_info(image_id, self.reading_tag(image_id, tag, reader))

    def note_reading(self, image_id: str, tag: str, reader: str, info: dict[str, Any]) -> None:
        """Adds to the info of a reader's own label, and of the label ``final`` where that is made of it alone.

        Raises:
            NotFoundError: there is no such label.
        """
        place = self.reading_tag(image_id, tag, reader)
        self.update_label_info(image_id, place, info)
        entry = self.objects[image_id]
        final = entry.labels.get("final")
        alone = tag == "final" and place != "final" and len(readings(entry)) == 1
        if alone and final is not None and is_consensus(final.info):
            self.update_label_info(image_id, "final", info)


def _reading_tag(objects: Objects, image: str, tag: str, reader: str) -> str:
    known = objects.get(image)
    place = None if known is None else own_tag(known, check_tag(tag), reader)
    if place is None:
        raise NotFoundError(f"The image {image[:200]!r} has no {tag} label of {reader[:80]!r}.")
    return place

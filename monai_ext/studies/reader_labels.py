"""The labels of several readers of one image, and the ``final`` label that is made of them in the same change."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monai_ext.images import read_frame
from monai_ext.landmarks import InputError, Landmarks, Markups
from monai_ext.studies import (
    ANNOTATOR,
    CONSENSUS_OF,
    DRAFTS,
    READINGS,
    Consensus,
    consensus_content,
    reader_key,
    sources,
)

from .change_set import ChangeSet
from .label_changes import LabelChanges, LabelVersion
from .readers import READINGS_NOTE, is_consensus, own_tag, place_for, reader_of, readings
from .records import LabelEntry, Objects, digest, known_image, label_entry
from .study_files import Warn

#: What the info of a consensus says of its points, given the version of the model that all readers were shown.
About = Callable[[Landmarks, str], dict[str, Any]]


@dataclass(frozen=True)
class Readings:
    """The changes of labels where a study has several readers; each is a part of a change of the whole folder."""

    labels: LabelChanges
    most: int

    def store(
        self,
        changes: ChangeSet,
        image: str,
        tag: str,
        label: Markups,
        info: dict[str, Any],
        reader: str,
        about: About | None = None,
    ) -> None:
        """Puts a reader's label in its place; a finished one ends the reader's draft and rebuilds ``final``.

        Raises:
            NotFoundError: there is no such image.
            ConflictError: the image has its readers already.
            InputError: the other reader's label cannot be used for the image.
        """
        known_image(changes.objects, image)
        label = label.with_fields({ANNOTATOR: reader})
        if tag == "draft":
            place = place_for(image, changes.objects[image], tag, reader, self.most)
            self.labels.store(changes, image, place, label.content, info)
            return
        adopted = self._adopt(changes, image)
        place = place_for(image, changes.objects[image], tag, reader, self.most)
        if place in adopted:  # the file that becomes an earlier version is still that of the label `final`
            replaced = changes.objects[image].labels[place].info
            self.labels.history.keep(changes, image, place, self._path(image, "final"), replaced, "replaced")
        self.labels.store(changes, image, place, label.content, info)
        draft = own_tag(changes.objects[image], "draft", reader)
        if draft is not None:
            self.labels.end_draft(changes, image, draft, by=place)
        self.settle(changes, image, pending={**adopted, place: label}, about=about, keep=not adopted)

    def delete(self, changes: ChangeSet, image: str, place: str) -> None:
        """Takes a reader's label away; it becomes an earlier version, and ``final`` is made of what is left."""
        self.labels.delete(changes, image, place)
        self.settle(changes, image)

    def settle(
        self,
        changes: ChangeSet,
        image: str,
        *,
        pending: dict[str, Markups] | None = None,
        about: About | None = None,
        keep: bool = True,
    ) -> None:
        """Makes the label ``final`` what the readings say together, where it is not yet.

        Args:
            changes: what is being changed.
            image: its ID.
            pending: readings that are not in their places yet, by tag.
            about: tells what the info says of the points of several readings.
            keep: whether a ``final`` label that is not made of readings becomes an earlier version.

        Raises:
            InputError: a reading, or the image, cannot be read.
            OSError: the same.
        """
        entry = changes.objects[image]
        final = entry.labels.get("final")
        made = {tag: entry.labels[tag] for tag in READINGS if tag in entry.labels}
        if not made:
            if final is not None and is_consensus(final.info):
                self._drop_final(changes, image, final)
            return
        pending = pending or {}
        held = {tag: pending.get(tag) or self._path(image, tag).read_bytes() for tag in made}
        made_of = sources({tag: part.content if isinstance(part, Markups) else part for tag, part in held.items()})
        if final is not None and final.info.get(READINGS_NOTE) == made_of:
            return
        frame = read_frame(self.labels.files.image(image, entry.image.ext))
        content, found = consensus_content(held, frame)
        keep = keep and final is not None and not is_consensus(final.info)
        if content is None:
            if keep:
                self.labels.delete(changes, image, "final")
            elif final is not None:
                self._drop_final(changes, image, final)
            return
        if keep and final is not None:
            self.labels.keep(changes, image, "final", final, "replaced")
        info = {**_info(made, found, about), READINGS_NOTE: made_of}
        changes.write(self._path(image, "final"), content)
        changes.set_label(image, "final", label_entry(image, digest(content), info))

    def settle_all(self, changes: ChangeSet, warn: Warn, unmade: Collection[str] = ()) -> None:
        """Rebuilds the final labels whose readings were changed by hand, or by a process that ended in between.

        Args:
            changes: what is being changed.
            warn: is given a sentence for each label that cannot be rebuilt.
            unmade: images whose final label is rebuilt in any case.
        """
        for image in list(changes.objects):
            if image in unmade or not self.is_settled(changes.objects, image):
                try:
                    self.settle(changes, image)
                except (InputError, OSError) as error:
                    warn(f"The final label of {image} is not made anew of its readings: {error}")

    def is_settled(self, objects: Objects, image: str) -> bool:
        """Returns whether the label ``final`` of an image need not be rebuilt; one of its own stays as it is."""
        entry = objects[image]
        made = {tag: label for tag, label in entry.labels.items() if tag in READINGS}
        final = entry.labels.get("final")
        if final is None:
            return not made or self.most == 1  # without several readers a deleted one stays deleted
        if is_consensus(final.info):
            return bool(final.info[READINGS_NOTE] == {tag: label.sha256 for tag, label in made.items()})
        # One that has the notes of a reading was laid among the readings by a change that did not come to its end.
        return all(label.info != final.info for label in made.values())

    def earlier(self, objects: Objects, image: str, tag: str, reader: str) -> list[LabelVersion]:
        """The earlier versions of a reader's own label, the last one that ended first."""
        places = (*READINGS, "final") if tag == "final" else DRAFTS
        found = [
            version
            for place in places
            for version in self.labels.earlier(objects, image, place)
            if reader_key(reader_of(version.info)) == reader_key(reader) and not is_consensus(version.info)
        ]
        return sorted(found, key=lambda version: (version.time, version.number), reverse=True)

    def _adopt(self, changes: ChangeSet, image: str) -> dict[str, Markups]:
        """Lays a ``final`` label of a time with one reader among the readings; what it is by its tag there."""
        held = readings(changes.objects[image])
        if "final" not in held:
            return {}
        label, place = held["final"], READINGS[0]
        name = reader_of(label.info)
        present = Markups.read(self._path(image, "final"), f"The label {place!r}")
        adopted = present.with_fields({CONSENSUS_OF: None, ANNOTATOR: name or None})
        changes.write(self._path(image, place), adopted.content)
        changes.set_label(image, place, LabelEntry(ext=label.ext, info=label.info, sha256=digest(adopted.content)))
        return {place: adopted}

    def _drop_final(self, changes: ChangeSet, image: str, final: LabelEntry) -> None:
        changes.remove(self._path(image, "final"))
        changes.drop_label(image, "final", self.labels.files.label_digest(image, "final") or final.sha256)

    def _path(self, image: str, tag: str) -> Path:
        return self.labels.files.label(image, tag)


def _info(made: dict[str, LabelEntry], found: Consensus, about: About | None) -> dict[str, Any]:
    """Returns what is noted on a label that is made of readings; that of one reading is the reading's own."""
    labels = list(made.values())
    if len(labels) == 1:
        return dict(labels[0].info)
    versions = {label.info.get("model_version") for label in labels}
    version = versions.pop() if len(versions) == 1 else None
    info: dict[str, Any] = {
        "annotator": ", ".join(name for label in labels if (name := reader_of(label.info))),
        "disagreements": list(found.disagreements),
        "model_version": version,
        "displacement": None,
        "unit": found.landmarks.frame.unit,
    }
    protocol = next((label.info["protocol"] for label in labels if isinstance(label.info.get("protocol"), str)), None)
    if protocol is not None:
        info["protocol"] = protocol
    if about is not None and isinstance(version, str):
        info |= about(found.landmarks, version)
    return info

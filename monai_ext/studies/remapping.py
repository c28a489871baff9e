"""Labels whose images lie elsewhere than when they were made, mapped to the same pixels."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from monai_ext.images import LABEL_EXTENSION, read_frame
from monai_ext.landmarks import (
    SAME_PLACEMENT,
    Frame,
    InputError,
    check_frame,
    frame_field,
    mapped_document,
    moved_by,
    read_stated_frame,
)

from .change_set import ChangeSet
from .folder import Studies
from .index_file import INDEX_FILE, read_index
from .journal import JOURNAL_FILE, read_journal
from .label_changes import LabelChanges, LabelHistory
from .reconcile import reconcile_images, reconcile_labels
from .records import digest, known_label, label_entry
from .state import StudiesState


@dataclass(frozen=True)
class Remapping:
    """A label that was made on another placement of its image.

    Attributes:
        image: the image's ID.
        tag: of the label.
        path: the label.
        made_on: the frame that it states.
        frame: the frame of the image as it is now.
    """

    image: str
    tag: str
    path: Path
    made_on: Frame
    frame: Frame


@dataclass(frozen=True)
class RemappingPlan:
    """Plan of a mapping: what a look at the labels of a studies folder showed.

    Attributes:
        remappings: labels that can be mapped.
        refused: for each label that cannot be used, or whose image is another one, the reason.
        fitting: how many labels were made on their image's present placement.
        silent: how many labels do not state the frame that they were made on.
    """

    remappings: list[Remapping] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    fitting: int = 0
    silent: int = 0


def find_remappings(studies: Studies, images: Iterable[str] | None = None) -> RemappingPlan:
    """Looks at the labels of a studies folder, whatever their tag.

    Args:
        studies: the folder.
        images: IDs of those to look at; None takes all.

    Raises:
        InputError: the folder or one of the images does not exist.
    """
    known = studies.images()
    chosen = list(known) if images is None else studies.known_ids(images)
    remappings: list[Remapping] = []
    refused: list[str] = []
    fitting = silent = 0
    for tag in sorted(path.name for path in (studies.root / "labels").glob("[!.]*") if path.is_dir()):
        for id in chosen:
            path = studies.root / "labels" / tag / f"{id}{LABEL_EXTENSION}"
            if not path.is_file():
                continue
            try:
                made_on, frame = read_stated_frame(path), read_frame(known[id])
                if made_on is None:
                    silent += 1
                elif made_on.size != frame.size:
                    check_frame(made_on, frame, path)
                elif moved_by(made_on, frame) <= SAME_PLACEMENT:
                    fitting += 1
                else:
                    mapped_document(path, frame)
                    remappings.append(Remapping(id, tag, path, made_on, frame))
            except InputError as error:
                refused.append(str(error))
    return RemappingPlan(remappings, refused, fitting, silent)


def remap(studies: Studies, remappings: Iterable[Remapping]) -> None:
    """Maps labels: each point keeps its pixel and gets the position that it has in the image's present placement.

    The former labels stay as earlier versions, and the notes go on with the new ones. A folder that no server has
    served yet has neither index nor journal, and gets none.

    Raises:
        InputError: a label cannot be read, another process holds the folder for too long, its index or journal is
            damaged, or the disk is full; nothing is changed.
    """
    state = StudiesState(studies.root)
    files = state.files
    labels = LabelChanges(files, LabelHistory(files.labels))
    with state.lock:
        if not is_served(studies.root):
            _remap_unserved(labels, remappings)
            return
        _refuse_damaged(studies.root)
        with state.changing() as changes:
            reconcile_images(changes.objects, files, lambda _: None)
            reconcile_labels(changes.objects, files, lambda _: None)
            for item in remappings:
                content = _mapped(item)
                _, label = known_label(changes.objects, item.image, item.tag)
                labels.keep(changes, item.image, item.tag, label, "replaced")
                changes.write(item.path, content)
                info = {**label.info, "mapped_from": frame_field(item.made_on)}
                changes.set_label(item.image, item.tag, label_entry(item.image, digest(content), info))


def is_served(root: Path) -> bool:
    """Returns whether a server has worked in a studies folder, so that changes of it are journalled."""
    return (root / INDEX_FILE).exists() or (root / JOURNAL_FILE).exists()


def _remap_unserved(labels: LabelChanges, remappings: Iterable[Remapping]) -> None:
    changes = ChangeSet({})
    try:
        for item in remappings:
            content = _mapped(item)
            labels.history.keep(changes, item.image, item.tag, item.path, {}, "replaced")
            changes.write(item.path, content)
        changes.apply()
    finally:
        changes.discard()


def _mapped(item: Remapping) -> bytes:
    try:
        return (json.dumps(mapped_document(item.path, item.frame), indent=2) + "\n").encode()
    except RecursionError:
        raise InputError(f"{item.path} is nested too deep to be changed: save the points again in Slicer.") from None


def _refuse_damaged(root: Path) -> None:
    """Refuses a folder that the server has to repair first.

    Raises:
        InputError: the index or the journal is damaged.
    """
    index, journal = read_index(root), read_journal(root)
    if index is None or journal.damaged or journal.is_torn:
        which = f"{INDEX_FILE} is gone" if index is None else f"{JOURNAL_FILE} is damaged"
        raise InputError(f"{root}: {which}; start the server once to repair it, and try again.")

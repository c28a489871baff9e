"""Labels whose images lie elsewhere than when they were made, mapped to the same pixels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from monai_ext.images import LABEL_EXTENSION, read_frame
from monai_ext.landmarks import Frame, InputError
from monai_ext.landmarks.label_frame import SAME_PLACEMENT, check_frame, frame_field, moved_by
from monai_ext.landmarks.markups import mapped_document, read_stated_frame

from .folder import Studies
from .replaced_labels import LabelReplacement, replace_labels


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
    """What a look at the labels of a studies folder found.

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
    chosen = list(known) if images is None else [id for id in images if studies.image_path(id)]
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

    The former labels stay as earlier versions (see :func:`~monai_ext.studies.replace_labels`).

    Raises:
        InputError: a label cannot be read, or the folder cannot be changed now; nothing is changed.
        OSError: the disk is full.
    """
    replace_labels(
        studies,
        [
            LabelReplacement(
                item.image,
                item.tag,
                partial(mapped_document, frame=item.frame),
                {"mapped_from": frame_field(item.made_on)},
            )
            for item in remappings
        ],
    )

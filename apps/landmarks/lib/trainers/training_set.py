"""The labelled images of a datastore that one protocol can learn from."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from monai_ext.engines import LabelledImage
from monai_ext.images import read_frame
from monai_ext.landmarks import InputError, Protocol
from monai_ext.landmarks.label_check import first_of
from monai_ext.studies import Studies

from ..datastore import LandmarkDatastore
from ..label_check import read_label

logger = logging.getLogger(__name__)


def training_set(
    datastore: LandmarkDatastore, protocol: Protocol, protocols: Mapping[str, Protocol]
) -> list[LabelledImage]:
    """The final labels that belong to a protocol, each checked against its image, with the splits that are stated.

    Labels of the other served protocols are left out.

    Raises:
        InputError: a label that belongs to no served protocol or may not be used for its image, or a bad
            ``splits.json``.
    """
    splits = Studies(datastore.folder).splits()
    chosen: list[LabelledImage] = []
    problems: list[str] = []
    others = 0
    for image_id in sorted(datastore.get_labeled_images()):
        image, label = Path(datastore.get_image_uri(image_id)), Path(datastore.get_label_uri(image_id, "final"))
        stated = datastore.get_label_info(image_id, "final").get("protocol")
        try:
            found, _ = read_label(label, read_frame(image), protocols, stated if stated in protocols else None)
        except InputError as error:
            problems.append(str(error))
            continue
        if found.name != protocol.name:
            others += 1
            continue
        chosen.append(LabelledImage(image_id, image, label, splits.get(image_id)))
    if problems:
        raise InputError(first_of(problems))
    if others:
        logger.info("%d labels belong to other protocols than %s and are left out.", others, protocol.name)
    if not chosen:
        raise InputError(
            f"No image has a final label of the protocol {protocol.name}: label at least 2 images, then train."
        )
    return chosen

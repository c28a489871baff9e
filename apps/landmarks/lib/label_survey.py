"""A look at all labels when the server starts, beside its first requests: which ones may not be used, and why."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from monai_ext.doctor import label_problem
from monai_ext.images import read_frame
from monai_ext.landmarks import REMAP, InputError, Protocol
from monai_ext.studies import LABEL_TAGS

from .datastore import LandmarkDatastore

logger = logging.getLogger(__name__)

#: Labels that are named one by one.
NAMED = 20


def unusable_labels(datastore: LandmarkDatastore, protocols: Mapping[str, Protocol]) -> list[str]:
    """The labels that the server would refuse today, each with the sentence by which it would.

    Labels of images that cannot be read and of protocols that are not served are left out.
    """
    problems = []
    for image, entry in datastore.objects.items():
        for tag in LABEL_TAGS:
            stated = entry.labels[tag].info.get("protocol") if tag in entry.labels else None
            if tag not in entry.labels or (isinstance(stated, str) and stated not in protocols):
                continue
            path = Path(datastore.get_label_uri(image, tag))
            try:
                frame = read_frame(datastore.image_file(image))
            except (InputError, OSError):
                break
            problem = label_problem(path, tag, frame, protocols, stated if isinstance(stated, str) else None)
            if problem:
                problems.append(f"{path.relative_to(datastore.folder)}: {problem}.")
    return problems


def survey_lines(problems: list[str], studies: Path) -> list[str]:
    """Says which labels may not be used; empty if there are none."""
    if not problems:
        return []
    count = "1 label" if len(problems) == 1 else f"{len(problems)} labels"
    lines = [f"{count} of {studies} cannot be used; training stops at final ones:", *problems[:NAMED]]
    if len(problems) > NAMED:
        lines.append(f"and {len(problems) - NAMED} more: see `monai-landmarks doctor --studies {studies}`")
    if any(REMAP in problem for problem in problems):
        lines.append(f"`{REMAP} {studies}` maps labels to where their images lie now")
    return lines


def survey_labels(datastore: LandmarkDatastore, protocols: Mapping[str, Protocol]) -> None:
    """Looks at all labels and logs which ones may not be used."""
    lines = survey_lines(unusable_labels(datastore, protocols), datastore.folder)
    if lines:
        logger.warning("%s", "\n  ".join(lines))

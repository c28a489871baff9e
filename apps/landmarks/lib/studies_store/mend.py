"""What a start of the server mends: labels that are damaged, temporary files that a crash left."""

from __future__ import annotations

import os
import time
from pathlib import Path

from monai_ext.images import LABEL_EXTENSION
from monai_ext.landmarks.files import TEMPORARY_NAME

from .change_set import ChangeSet
from .entries import digest, label_entry
from .folder_scan import scan_labels
from .label_history import LabelHistory, is_readable
from .repairs import Repairs
from .study_files import StudyFiles


def mend_labels(changes: ChangeSet, files: StudyFiles, history: LabelHistory, repairs: Repairs) -> None:
    """Moves damaged label files to ``labels/.damaged/<tag>/`` and puts the newest whole version in their place."""
    for tag, images in scan_labels(files.labels, lambda _: None).items():
        for image in sorted(images & changes.objects.keys()):
            known = changes.objects[image].labels.get(tag)
            trusted = known is not None and known.sha256 == files.label_digest(image, tag)
            if not trusted and not is_readable(files.label(image, tag)):
                _mend(changes, files, history, repairs, image, tag)


def _mend(changes: ChangeSet, files: StudyFiles, history: LabelHistory, repairs: Repairs, image: str, tag: str) -> None:
    path = files.label(image, tag)
    aside = files.labels / ".damaged" / tag / f"{image}.{time.strftime('%Y%m%d-%H%M%S')}{LABEL_EXTENSION}"
    changes.write(aside, path.read_bytes())
    kept = f"The {tag} label of {image} is damaged and is kept as {aside.relative_to(files.root)}"
    version = next((v for v in history.versions(image, tag) if v.is_readable()), None)
    if version is None:
        changes.remove(path)
        changes.drop_label(image, tag, files.label_digest(image, tag) or "")
        repairs.add(f"{kept}; there is no earlier version, so the image has no {tag} label: label it again.")
        return
    content = version.path.read_bytes()
    changes.write(path, content)
    info = {**version.info, "restored_from": version.version}
    changes.set_label(image, tag, label_entry(image, digest(content), info))
    repairs.add(f"{kept}; its version of {version.time:%Y-%m-%d %H:%M} UTC is put back: check it.")


def sweep_temporary(files: StudyFiles, before: float, repairs: Repairs) -> None:
    """Removes the temporary files of processes that were ended while they wrote.

    Args:
        files: the studies folder; of its folders only that of the labels is looked into.
        before: seconds since 1970; younger files may still be written.
        repairs: where the number is reported.
    """
    found = 0
    folders = [files.root, *(Path(folder) for folder, _, _ in os.walk(files.labels))]
    for path in (path for folder in folders for path in folder.glob(".*.tmp")):
        if TEMPORARY_NAME.fullmatch(path.name) and path.stat().st_mtime < before:
            path.unlink()
            found += 1
    if found:
        repairs.add(f"{found} half-written temporary files in {files.root} were removed.")

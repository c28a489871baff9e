"""The health of a studies folder, checked without the server: images, labels, index, journal and what is left over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from monai_ext.images import LABEL_EXTENSION
from monai_ext.landmarks import REMAP, Frame, InputError, Markups, Protocol, fitting_protocols, read_label
from monai_ext.studies import (
    DRAFTS,
    HISTORY_FOLDER,
    INDEX_FILE,
    JOURNAL_FILE,
    LABEL_TAGS,
    READINGS,
    JournalState,
    Studies,
    StudiesIndex,
    is_readable,
    read_index,
    read_journal,
)

from .check import OK, PROBLEM, WARNING, Check, count, listed, sentences
from .survey import Survey

#: Tags of the server: those of requests, and those under which the labels of several readers lie.
_TAGS = tuple(dict.fromkeys((*LABEL_TAGS, *DRAFTS, *READINGS)))
#: Labels that train, by themselves or in the mean of the readers.
_TRAINING_TAGS = ("final", *READINGS)


def check_studies(survey: Survey, protocols: Mapping[str, Protocol]) -> Iterator[Check]:
    """All checks of a studies folder.

    Args:
        survey: what lies in it.
        protocols: the protocols that labels may belong to.
    """
    yield check_counts(survey)
    yield check_images(survey)
    yield check_passed_over(survey)
    yield check_calibration(survey)
    journal = read_journal(survey.root)
    check, index = check_index(survey, journal)
    yield check
    yield check_journal(journal, index.changes)
    yield check_labels(survey, index, protocols)
    yield check_orphans(survey)
    yield check_history(survey.root / "labels")
    yield check_splits(survey)
    yield check_leftovers(survey)


def check_counts(survey: Survey) -> Check:
    """Count of the images and of the labelled ones."""
    name = "Images"
    if not survey.images:
        return Check(name, WARNING, f"{survey.root} has no image", "Put images into the folder itself, not below it.")
    finals = survey.labelled("final")
    drafts = {image for tag in DRAFTS for image in survey.labelled(tag)}
    unfinished = len(drafts - set(finals))
    found = f"{count(len(survey.images), 'image')}: {len(finals)} final, {unfinished} draft"
    return Check(name, OK, f"{found}, {len(survey.images) - len(finals) - unfinished} unlabelled")


def check_images(survey: Survey) -> Check:
    """Check that each image can be read and has a unique ID."""
    name = "Image files"
    wrong = [reason for _, reason in sorted(survey.unreadable.items())]
    wrong += [
        f"{listed(path.name for path in paths)} share the image ID {id!r}"
        for id, paths in survey.images.items()
        if len(paths) > 1
    ]
    if wrong:
        advice = "Replace or remove what cannot be read; rename files so that each has a name of its own."
        return Check(name, PROBLEM, sentences(wrong), advice)
    return Check(name, OK, "the header of every image can be read")


def check_passed_over(survey: Survey) -> Check:
    """Check that every file that looks like an image is used as one."""
    name = "Images not used"
    if survey.passed_over:
        return Check(name, WARNING, sentences(survey.passed_over, most=10), "Do what each says, or move them away.")
    return Check(name, OK, "none")


def check_calibration(survey: Survey) -> Check:
    """Check that the images have a known pixel size."""
    name = "Pixel sizes"
    unknown = [id for id, frame in survey.frames.items() if frame.spacing is None]
    total = len(survey.frames)
    if not unknown:
        return Check(name, OK, f"stated by all {total} images" if total else "there is no image")
    if len(unknown) == total:
        return Check(name, OK, f"stated by none of {total} images: lengths are in pixels")
    found = f"{len(unknown)} of {total} images state none: {listed(unknown)}"
    advice = "Their lengths are in pixels, those of the others in mm; export all in a format that keeps the pixel size."
    return Check(name, WARNING, found, advice)


def check_index(survey: Survey, journal: JournalState) -> tuple[Check, StudiesIndex]:
    """(whether the index can be read and lists no missing file, the index)."""
    name = f"Index {INDEX_FILE}"
    try:
        index = read_index(survey.root)
    except InputError as error:
        found = str(error).rstrip(".")
        if journal.replaces_index:
            advice = "The next server start keeps a copy and makes it anew from the journal, with all notes."
            return Check(name, WARNING, found, advice), StudiesIndex()
        advice = (
            "The next server start keeps a copy and lists images and labels anew from their files, but the notes on "
            "them (who, which network) are lost: put a backup of the file there first, if there is one."
        )
        return Check(name, PROBLEM, found, advice), StudiesIndex()
    if index is None:
        return Check(name, OK, "none yet; the server makes it"), StudiesIndex()
    gone = sorted(index.objects.keys() - survey.images.keys())
    gone_labels = [
        f"{id} ({tag})"
        for id, entry in index.objects.items()
        if id in survey.images
        for tag in entry.labels
        if id not in survey.labels.get(tag, {})
    ]
    if gone or gone_labels:
        lost = [f"images {listed(gone)}"] * bool(gone) + [f"labels {listed(gone_labels)}"] * bool(gone_labels)
        advice = "Unless they were removed on purpose, restore them from a backup before the server starts."
        return Check(name, WARNING, f"it lists files that are gone: {' and '.join(lost)}", advice), index
    return Check(name, OK, f"readable, {count(len(index.objects), 'image')}"), index


def check_labels(survey: Survey, index: StudiesIndex, protocols: Mapping[str, Protocol]) -> Check:
    """Check that every label can be read and matches its protocol and its image."""
    name = "Labels"
    bad: dict[str, list[str]] = {"final": [], "draft": []}
    checked = 0
    for tag, files in survey.labels.items():
        for id, path in files.items():
            if id not in survey.frames:
                continue  # no image, or one whose header cannot be read: told elsewhere
            checked += 1
            entry = index.objects.get(id)
            stated = None if entry is None else entry.protocol(tag)
            problem = label_problem(path, tag, survey.frames[id], protocols, stated)
            if problem:
                relative = path.relative_to(survey.root)
                bad["final" if tag in _TRAINING_TAGS else "draft"].append(f"{relative}: {problem}")
    if bad["final"]:
        moved = any(REMAP in problem for problem in bad["final"])
        mapping = f"map those whose image has another placement now (`{REMAP} {survey.root}`), " if moved else ""
        advice = f"Correct them in 3D Slicer and submit again, {mapping}or remove the files: training stops at them."
        return Check(name, PROBLEM, sentences([*bad["final"], *bad["draft"]]), advice)
    if bad["draft"]:
        advice = "They do not train; open the images and save again, or remove the files."
        return Check(name, WARNING, sentences(bad["draft"]), advice)
    return Check(name, OK, f"{count(checked, 'label')}, each fits its protocol and its image" if checked else "none")


def label_problem(
    path: Path, tag: str, frame: Frame, protocols: Mapping[str, Protocol], stated: str | None = None
) -> str:
    """Reason why a label cannot be used; empty if it can.

    Args:
        path: the markups file.
        tag: what it is saved under; a ``final`` one must say something.
        frame: of its image.
        protocols: those that it may belong to.
        stated: the protocol that the server noted; one that it does not serve is not judged.
    """
    if stated is not None and stated not in protocols:
        return f"it belongs to the protocol {stated!r}, which is not there"
    try:
        markups = Markups.read(path, "it")
        names = markups.landmarks(frame).names
        chosen = [protocols[stated]] if stated is not None else fitting_protocols(names, protocols)
        read_label(markups, frame, chosen[0], tag)
    except InputError as error:
        return str(error).removeprefix("it: ").removeprefix("it, ").rstrip(".")
    return ""


def check_orphans(survey: Survey) -> Check:
    """Check that every file below ``labels`` is the label of an image, under a tag that the server uses."""
    name = "Label files"
    wrong = []
    for tag, files in survey.labels.items():
        if tag not in _TAGS:
            wrong.append(f"labels/{tag} is no tag of the server ({', '.join(_TAGS)})")
        orphans = [path.name for id, path in files.items() if id not in survey.images]
        if orphans:
            wrong.append(f"labels/{tag} has labels without an image: {listed(orphans)}")
    if survey.other:
        wrong.append(f"no labels: {listed(str(path.relative_to(survey.root)) for path in survey.other)}")
    if wrong:
        advice = "They are not used. Put the images back, rename the files to IMAGE_ID.mrk.json, or move them away."
        return Check(name, WARNING, sentences(wrong), advice)
    return Check(name, OK, "each belongs to an image")


def check_splits(survey: Survey) -> Check:
    """Check that ``splits.json`` and ``subjects.json``, if present, can be used."""
    name, studies = "Splits", Studies(survey.root)
    try:
        splits, subjects = studies.splits(), studies.subjects()
    except InputError as error:
        return Check(name, PROBLEM, str(error).rstrip("."), "Correct or remove that file: training stops at it.")
    whose = f"; {len(subjects)} images of {count(len(set(subjects.values())), 'subject')}" if subjects else ""
    if not splits:
        return Check(name, OK, f"none: training chooses{whose}")
    chosen = list(splits.values())
    return Check(name, OK, ", ".join(f"{chosen.count(split)} {split}" for split in dict.fromkeys(chosen)) + whose)


def check_leftovers(survey: Survey) -> Check:
    """Check for traces of a crash: files set aside as damaged, incomplete writes."""
    name = "Leftovers"
    found = []
    if survey.aside:
        found.append(f"set aside as damaged: {listed(path.name for path in survey.aside)}")
    if survey.damaged:
        found.append(f"damaged labels that were put aside: {listed(path.name for path in survey.damaged)}")
    if survey.temporary:
        found.append(f"{count(len(survey.temporary), 'temporary file')} of writes that never ended")
    if found:
        advice = "Look into what was put aside for what you miss; remove all of it when no server runs on the folder."
        return Check(name, WARNING, sentences(found), advice)
    return Check(name, OK, "none")


def check_journal(journal: JournalState, index_changes: int) -> Check:
    """Check that every line can be read, and that the index and the journal contain the same changes.

    Args:
        journal: as it was read.
        index_changes: the number of the last change in the index; 0 if there is none.
    """
    name = f"Journal {JOURNAL_FILE}"
    start = "The next start of the server repairs it"
    if not journal.exists:
        if index_changes:
            found = f"it is missing, but the index refers to {count(index_changes, 'change')}"
            return Check(name, WARNING, found, f"{start}, from the index; nothing is lost by that.")
        return Check(name, OK, "none yet; the server makes it")
    if journal.damaged:
        lines = listed(map(str, journal.damaged))
        found = f"damaged at line {lines}: notes on labels may be older than the labels"
        return Check(name, WARNING, found, f"{start} and keeps a copy; look into a backup for notes that you miss.")
    if journal.is_torn:
        found = "its last line was written half, by a process that was ended; that change never took place"
        return Check(name, WARNING, found, f"{start}; look whether the last label that was saved is there.")
    if journal.last < index_changes:
        found = f"it ends at change {journal.last}, the index at {index_changes}: one of them is of another time"
        return Check(name, WARNING, found, f"{start}, from the index; put files of one backup back together.")
    behind = journal.last - index_changes
    if behind:
        return Check(name, OK, f"readable; the next server start takes {count(behind, 'change')} into the index")
    return Check(name, OK, f"readable, {count(journal.last, 'change')}")


def check_history(labels: Path) -> Check:
    """Count of the earlier versions of labels, and check that they can be read.

    Args:
        labels: the folder ``labels`` of the studies.
    """
    name = "Earlier versions"
    files = sorted((labels / HISTORY_FOLDER).glob(f"*/*/*{LABEL_EXTENSION}"))
    if not files:
        return Check(name, OK, "none")
    damaged = [str(path.relative_to(labels)) for path in files if not is_readable(path)]
    if damaged:
        return Check(name, WARNING, f"cannot be read: {listed(damaged)}", "They cannot be put back; remove them.")
    return Check(name, OK, f"{len(files)} of {count(len({path.parent for path in files}), 'label')} are kept")

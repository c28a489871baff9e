"""The versions of a model that lie beside one another, and the way back to an earlier one."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from monai_ext.landmarks import InputError, write_atomically

from .store import CARD, ModelCard, find_weights, read_card, version_number, version_numbers

#: What a person calls the model that comes with the program.
SHIPPED = "shipped"
#: Who went back to which version, one line each.
ROLLBACKS = "rollbacks.jsonl"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelVersion:
    """One version of a model.

    Attributes:
        name: ``v<N>``, or ``shipped``.
        card: what is known of it; None if its card is missing or damaged.
        current: whether it answers.
        problem: why it cannot be used; empty if it is whole.
    """

    name: str
    card: ModelCard | None
    current: bool
    problem: str = ""


def versions(folder: Path, shipped: Path | None = None) -> Iterator[ModelVersion]:
    """The versions in a model folder, the newest first, then the shipped model; each is read when its turn comes.

    Args:
        folder: of what training published.
        shipped: folder of the model that comes with the program, where there is one.
    """
    published = (folder / CARD).is_file()
    current = _version_in(folder) if published else None
    for number in reversed(version_numbers(folder)):
        name = f"v{number}"
        yield _examined(name, folder, name, current=name == current)
    if shipped is not None and (shipped / CARD).is_file():
        yield _examined(SHIPPED, shipped, None, current=not published)


def newest_whole_version(folder: Path, landmark_names: tuple[str, ...]) -> str | None:
    """The newest published version whose weights are those that were published, and which finds these landmarks."""
    for version in versions(folder):
        if version.card is not None and not version.problem and version.card.protocol.landmark_names == landmark_names:
            return version.name
    return None


def version_document(protocol: str, version: ModelVersion) -> dict[str, Any]:
    """A version as plain JSON; without its facts where its card cannot be read."""
    card = version.card
    facts = {} if card is None else {
        "date": card.date,
        "labels_used": card.labels_used,
        "val_error": card.val_error,
        "unit": card.unit,
        "val_images": len(card.val_images),
        "parent": card.parent,
    }  # fmt: skip
    return {
        "protocol": protocol,
        "version": version.name if card is None else card.version,
        "name": version.name,
        "kind": SHIPPED if version.name == SHIPPED else "published",
        "current": version.current,
        "problem": version.problem or None,
        **facts,
    }


def roll_back(folder: Path, to: str | None = None, shipped: Path | None = None, *, by: str = "") -> ModelVersion:
    """Makes another version the current one by one atomic replacement of the card; all versions stay.

    A line in ``rollbacks.jsonl`` beside the card records it: ``{"time", "from", "to", "by"}``.

    Args:
        folder: of what training published. The caller ensures that nothing is published there meanwhile.
        to: a version's name, or ``shipped``; None is the newest one before the current one.
        shipped: folder of the model that comes with the program, where there is one.
        by: who does it.

    Returns:
        The version that is current now.

    Raises:
        InputError: there is no such version, it is damaged, or it finds other landmarks than the current one.
    """
    known = list(versions(folder, shipped))
    target = _target(folder, to, known)
    if target.card is None or target.problem:
        raise InputError(f"The version {target.name} cannot be used: {target.problem}")
    _check_landmarks(target.card, known)
    before = _current(folder, known)
    _keep_current_card(folder)
    if target.name == SHIPPED:
        (folder / CARD).unlink(missing_ok=True)
    else:
        write_atomically(folder / CARD, (folder / f"{target.name}.json").read_bytes())
    if target.name != before:
        _record(folder, before, target.name, by)
    return ModelVersion(target.name, target.card, current=True)


def rollbacks(folder: Path) -> list[dict[str, Any]]:
    """The rollbacks in a model folder, oldest first: ``{"time", "from", "to", "by"}``; damaged lines are skipped."""
    path = folder / ROLLBACKS
    found = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else ():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            found.append(record)
    return found


def _record(folder: Path, before: str, now: str, by: str) -> None:
    """Adds a rollback to the record. One that cannot be written is warned of: the version has changed all the same."""
    time = datetime.now(timezone.utc).isoformat(timespec="seconds")
    line = json.dumps({"time": time, "from": before or None, "to": now, "by": by or None})
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ROLLBACKS).open("a", encoding="utf-8") as stream:
            stream.write(f"{line}\n")
    except OSError as error:
        logger.warning("The rollback of %s to %s could not be recorded: %s", folder.name, now, error)


def _target(folder: Path, to: str | None, known: list[ModelVersion]) -> ModelVersion:
    if not known:
        raise InputError(f"There is no model in {folder}: nothing was published there.")
    names = ", ".join(version.name for version in known)
    if to is not None:
        for version in known:
            if version.name == to:
                return version
        raise InputError(f"There is no version {to!r} of {folder.name}: there are {names}.")
    current = _current(folder, known)
    earlier = [version for version in known if version.name != SHIPPED and _is_before(version.name, current)]
    if earlier:
        return earlier[0]
    shown = current or "the current model"
    raise InputError(f"There is no version of {folder.name} before {shown}: choose another with --to, of {names}.")


def _current(folder: Path, known: list[ModelVersion]) -> str:
    """The name of the current version, also if its files are missing; empty if the card is damaged."""
    listed = next((version.name for version in known if version.current), None)
    return listed or _version_in(folder) or ""


def _is_before(name: str, current: str) -> bool:
    """True where a version is older; any is older than one whose card is damaged, none than the shipped model."""
    return not current or version_number(name) < version_number(current)


def _check_landmarks(card: ModelCard, known: list[ModelVersion]) -> None:
    current = next((version.card for version in known if version.current), None)
    if current is not None and current.protocol.landmark_names != card.protocol.landmark_names:
        theirs, ours = (", ".join(each.protocol.landmark_names) for each in (card, current))
        raise InputError(
            f"The version {card.version} finds {theirs}, but the current {current.version} finds {ours}: a server "
            "would not offer it."
        )


def _keep_current_card(folder: Path) -> None:
    """Ensures that the version that is left can be returned to: its card lies beside it under its own name."""
    version = _version_in(folder)
    if version is not None and not (folder / f"{version}.json").is_file():
        write_atomically(folder / f"{version}.json", (folder / CARD).read_bytes())


def _version_in(folder: Path) -> str | None:
    """The version that the card names; None if there is no card, or it is damaged."""
    try:
        return read_card(folder).version
    except InputError:
        return None


def _examined(name: str, folder: Path, version: str | None, *, current: bool) -> ModelVersion:
    """A version with its card, when both card and weights are whole."""
    card = None
    try:
        card = read_card(folder, None if current else version)
        if version not in (None, card.version):
            raise InputError(f"The card {folder / version}.json is that of {card.version}.")
        find_weights(folder, card)
    except (InputError, OSError) as error:
        return ModelVersion(name, card, current, str(error))
    return ModelVersion(name, card, current)

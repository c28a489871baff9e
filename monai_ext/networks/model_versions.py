"""The versions of a model that lie beside one another, and the way back to an earlier one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from monai_ext.landmarks import InputError
from monai_ext.landmarks.files import write_atomically

from .model_store import CARD, ModelCard, find_weights, read_card, version_number, version_numbers

#: What a person calls the model that comes with the program.
SHIPPED = "shipped"


@dataclass(frozen=True)
class ModelVersion:
    """One version of a model.

    Attributes:
        name: ``v<N>``, or ``shipped``.
        card: what is known of it; None where its card is missing or damaged.
        current: whether it answers.
        problem: why it cannot be used; empty where it is whole.
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


def roll_back(folder: Path, to: str | None = None, shipped: Path | None = None) -> ModelVersion:
    """Makes another version the current one by one atomic replacement of the card; all versions stay.

    Args:
        folder: of what training published. The caller sees to it that nothing is published there meanwhile.
        to: a version's name, or ``shipped``; None is the newest one before the current one.
        shipped: folder of the model that comes with the program, where there is one.

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
    _keep_current_card(folder)
    if target.name == SHIPPED:
        (folder / CARD).unlink(missing_ok=True)
    else:
        write_atomically(folder / CARD, (folder / f"{target.name}.json").read_bytes())
    return ModelVersion(target.name, target.card, current=True)


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
    """The name of the current version, also where its files are gone; empty where the card is damaged."""
    listed = next((version.name for version in known if version.current), None)
    return listed or _version_in(folder) or ""


def _is_before(name: str, current: str) -> bool:
    """Whether a version is older; any is older than one whose card is damaged, none than the shipped model."""
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
    """Sees to it that the version that is left can be returned to: its card lies beside it under its own name."""
    version = _version_in(folder)
    if version is not None and not (folder / f"{version}.json").is_file():
        write_atomically(folder / f"{version}.json", (folder / CARD).read_bytes())


def _version_in(folder: Path) -> str | None:
    """The version that the card names; None where there is no card, or it is damaged."""
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

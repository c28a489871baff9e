"""Models on disk: safetensors weights beside a JSON card, published by one atomic rename of the card.

A model folder holds ``card.json`` and the weights file that the card names. Publishing writes new weights under a
new name first and then replaces the card, so that a reader sees the old model or the new one, never a mixture.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError

from monai_ext.landmarks import InputError, Protocol, write_atomically

from .calibration import Calibration, write_calibration
from .familiarity import Familiarity, write_familiarity

if TYPE_CHECKING:
    import torch

    from monai_ext.networks import LandmarkNetwork

CARD = "card.json"
#: Versions that stay when a new one is published, that one included.
KEPT_VERSIONS = 5
_VERSION = re.compile(r"v([1-9][0-9]*)")


class ModelCard(BaseModel):
    """Facts of one version of a model.

    ``protocol`` is the whole protocol that it was trained for, so that the folder needs nothing beside it.
    ``begun_with`` says which weights its training started from; it is empty in cards of earlier versions.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    protocol: Protocol
    version: str
    weights: str
    sha256: str
    labels_used: int
    val_images: tuple[str, ...]
    val_error: float
    unit: Literal["px", "mm"]
    epochs: int
    seed: int
    date: str
    parent: str | None = None
    begun_with: str = ""
    data: str = ""


def read_card(folder: Path, version: str | None = None) -> ModelCard:
    """The card of a model folder.

    Args:
        folder: the model folder.
        version: a version that is kept there; None is the current one.

    Raises:
        InputError: there is no card, it is damaged, or it has an option that this version no longer offers.
    """
    path = Path(folder) / (CARD if version is None else f"{version}.json")
    try:
        return ModelCard.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        what = "model" if version is None else f"version {version}"
        raise InputError(f"There is no {what} in {folder}: it has no {path.name}.") from None
    except (ValidationError, UnicodeDecodeError) as error:
        raise InputError(f"The model card {path} is damaged ({_reason(error)}); restore it or train again.") from None


def _reason(error: ValidationError | UnicodeDecodeError) -> str:
    """The first fault of a card and where it stands."""
    if isinstance(error, UnicodeDecodeError):
        return str(error)
    first = error.errors()[0]
    return ": ".join(part for part in (".".join(map(str, first["loc"])), first["msg"]) if part)


def find_model(protocol: str, *roots: Path) -> Path | None:
    """The model folder of a protocol under the first root that has one; None if there is none."""
    for root in roots:
        folder = Path(root) / protocol
        if (folder / CARD).is_file():
            return folder
    return None


def check_weights(folder: Path) -> ModelCard:
    """The card of a model folder whose weights are there, whole, and those of the card; they are not used yet.

    Raises:
        InputError: card or weights are missing, damaged, or do not belong together.
    """
    return _read_weights(folder)[0]


def _read_weights(folder: Path) -> tuple[ModelCard, dict[str, torch.Tensor]]:
    from safetensors.torch import load_file  # which loads torch: a model is found without it

    card = read_card(folder)
    path = find_weights(folder, card)
    try:
        return card, load_file(path)
    except SafetensorError as error:
        raise InputError(f"The weights {path} are damaged ({error}); restore the file or train again.") from None


def find_weights(folder: Path, card: ModelCard) -> Path:
    """The weights of a version, when they are those that were published with its card.

    Raises:
        InputError: they are missing, or others.
    """
    path = Path(folder) / card.weights
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        raise InputError(f"The weights {path} are missing; restore the file or train again.") from None
    if digest != card.sha256:
        raise InputError(f"The weights {path} are not those of their card (SHA-256 {digest[:12]}...); restore them.")
    return path


def load_network(folder: Path) -> tuple[LandmarkNetwork, ModelCard]:
    """The network of a model folder with its trained weights, in evaluation mode, and its card.

    Raises:
        InputError: card or weights are missing, damaged, or of another network. Never random weights.
    """
    from monai_ext.networks import build_network

    card, state = _read_weights(folder)
    path = Path(folder) / card.weights
    network = build_network(card.protocol)
    wanted = network.state_dict()
    wrong = sorted(set(state) ^ set(wanted)) or [n for n, t in state.items() if t.shape != wanted[n].shape]
    if wrong:
        raise InputError(
            f"The weights {path} do not fit the network of their card: {len(wrong)} tensors differ, first {wrong[0]!r}."
        )
    network.load_state_dict(state)
    return network.eval(), card


def publish(
    folder: Path,
    state: dict[str, torch.Tensor],
    card: dict[str, Any],
    *,
    after: str | None = None,
    half_precision: bool = False,
    calibration: Calibration | None = None,
    familiarity: Familiarity | None = None,
) -> ModelCard:
    """Makes a state dict the current model of a folder, under the next version.

    Args:
        folder: the model folder; made where absent.
        state: the network's state dict.
        card: the fields of :class:`ModelCard` but ``version``, ``weights`` and ``sha256``.
        after: a version that the new one must follow, e.g. of a shipped model that it replaces.
        half_precision: store floating-point tensors as float16, at half the size.
        calibration: of these weights, whose version becomes that which is published.
        familiarity: likewise.

    Returns:
        The published card.

    Raises:
        InputError: a weight is not finite, in half precision where that is requested.
        OSError: the folder cannot be written, or the disk is full; nothing of the new version is left then.
    """
    from safetensors.torch import save

    folder = Path(folder)
    number = max([0, *version_numbers(folder), *version_number(after or "")]) + 1
    tensors = stored_weights(state, half_precision)
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise InputError(f"The weights {name!r} are not finite: training diverged; lower the learning rate.")
    data = save(tensors)
    version = f"v{number}"
    published = ModelCard(
        version=version, weights=f"{version}.safetensors", sha256=hashlib.sha256(data).hexdigest(), **card
    )
    text = published.model_dump_json(indent=2) + "\n"
    replaced = _current_number(folder)
    _remove_version(folder, number)  # what lies there of weights that are gone
    try:
        write_atomically(folder / published.weights, data)
        write_atomically(folder / f"{version}.json", text)
        if calibration is not None:
            write_calibration(folder, calibration.model_copy(update={"version": version, "sha256": published.sha256}))
        if familiarity is not None:
            write_familiarity(folder, replace(familiarity, version=version, sha256=published.sha256))
        write_atomically(folder / CARD, text)
    except OSError:
        card_path = folder / CARD
        if not card_path.exists() or card_path.read_text(encoding="utf-8") != text:  # else all was written
            _remove_version(folder, number)
        raise
    _prune(folder, {number, *replaced})
    return published


def stored_weights(state: Mapping[str, torch.Tensor], half_precision: bool = False) -> dict[str, torch.Tensor]:
    """The tensors of a state dict as :func:`publish` stores them, on the CPU."""
    return {
        name: (tensor.half() if half_precision and tensor.is_floating_point() else tensor).detach().cpu().contiguous()
        for name, tensor in state.items()
    }


def version_numbers(folder: Path) -> list[int]:
    """The numbers of the versions in a model folder, the oldest first, whether they are whole or not."""
    paths = [path for pattern in ("v*.safetensors", "v*.json") for path in Path(folder).glob(pattern)]
    return sorted({number for path in paths for number in version_number(path.stem)})


def version_number(version: str) -> tuple[int, ...]:
    """The number of a version in a tuple, which is empty where the text names none.

    Examples:
        >>> version_number("v12"), version_number("shipped")
        ((12,), ())
    """
    found = _VERSION.fullmatch(version)
    return () if found is None else (int(found[1]),)


def version_files(folder: Path, number: int) -> list[Path]:
    """All files of one version: its weights, its card and what else was learnt about it."""
    return sorted(Path(folder).glob(f"v{number}.*"))


def _prune(folder: Path, wanted: set[int]) -> None:
    """Removes the oldest versions beyond those that stay, but never the wanted ones."""
    others = [number for number in version_numbers(folder) if number not in wanted]
    for number in others[: max(0, len(others) + len(wanted) - KEPT_VERSIONS)]:
        _remove_version(folder, number)


def _remove_version(folder: Path, number: int) -> None:
    for path in version_files(folder, number):
        path.unlink(missing_ok=True)


def _current_number(folder: Path) -> tuple[int, ...]:
    """The number of the current version; empty if there is none, or its card is damaged."""
    try:
        return version_number(read_card(folder).version)
    except InputError:
        return ()

"""Models on disk: safetensors weights beside a JSON card, published by one atomic rename of the card.

A model folder holds ``card.json`` and the weights file that the card names. Publishing writes new weights under a
new name first and then replaces the card, so that a reader sees the old model or the new one, never a mixture.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from monai_ext.landmarks import InputError, Protocol
from monai_ext.landmarks.files import write_atomically

from .registry import build_network

CARD = "card.json"
#: Weights of earlier versions that stay beside the current ones.
KEPT_VERSIONS = 5


class ModelCard(BaseModel):
    """What is known of one version of a model.

    ``protocol`` is the whole protocol that it was trained for, so that the folder needs nothing beside it.
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
    data: str = ""


def read_card(folder: Path) -> ModelCard:
    """The card of a model folder.

    Raises:
        InputError: there is no card, or it is damaged.
    """
    path = Path(folder) / CARD
    try:
        return ModelCard.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"There is no model in {folder}: it has no {CARD}.") from None
    except (ValidationError, UnicodeDecodeError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise InputError(f"The model card {path} is damaged ({reason}); restore it or train again.") from None


def find_model(protocol: str, *roots: Path) -> Path | None:
    """The model folder of a protocol under the first root that has one; None where there is none."""
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
    card = read_card(folder)
    path = Path(folder) / card.weights
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest != card.sha256:
            raise InputError(
                f"The weights {path} are not those of their card (SHA-256 {digest[:12]}...); restore them."
            )
        return card, load_file(path)
    except FileNotFoundError:
        raise InputError(f"The weights {path} are missing; restore the file or train again.") from None
    except SafetensorError as error:
        raise InputError(f"The weights {path} are damaged ({error}); restore the file or train again.") from None


def load_network(folder: Path) -> tuple[nn.Module, ModelCard]:
    """The network of a model folder with its trained weights, in evaluation mode, and its card.

    Raises:
        InputError: card or weights are missing, damaged, or of another network. Never random weights.
    """
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
) -> ModelCard:
    """Makes a state dict the current model of a folder, under the next version.

    Args:
        folder: the model folder; made where absent.
        state: the network's state dict.
        card: the fields of :class:`ModelCard` but ``version``, ``weights`` and ``sha256``.
        after: a version that the new one must follow, e.g. of a shipped model that it replaces.
        half_precision: store floating-point tensors as float16, at half the size.

    Returns:
        The published card.

    Raises:
        InputError: a weight is not finite, in half precision where that is asked for.
        OSError: the folder cannot be written, or the disk is full; nothing of the new version is left then.
    """
    folder = Path(folder)
    number = max([*_numbers(folder), _number(after)]) + 1
    tensors = {
        name: (tensor.half() if half_precision and tensor.is_floating_point() else tensor).detach().cpu().contiguous()
        for name, tensor in state.items()
    }
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise InputError(f"The weights {name!r} are not finite: training diverged; lower the learning rate.")
    data = save(tensors)
    version = f"v{number}"
    published = ModelCard(
        version=version, weights=f"{version}.safetensors", sha256=hashlib.sha256(data).hexdigest(), **card
    )
    text = published.model_dump_json(indent=2) + "\n"
    try:
        write_atomically(folder / published.weights, data)
        write_atomically(folder / f"{version}.json", text)
        write_atomically(folder / CARD, text)
    except OSError:
        card_path = folder / CARD
        if not card_path.exists() or card_path.read_text(encoding="utf-8") != text:  # else all was written
            (folder / published.weights).unlink(missing_ok=True)
            (folder / f"{version}.json").unlink(missing_ok=True)
        raise
    for old in sorted(_numbers(folder))[:-KEPT_VERSIONS]:
        (folder / f"v{old}.safetensors").unlink()
        (folder / f"v{old}.json").unlink(missing_ok=True)
    return published


def _numbers(folder: Path) -> list[int]:
    return [_number(path.stem) for path in folder.glob("v*.safetensors")]


def _number(version: str | None) -> int:
    digits = (version or "")[1:]
    return int(digits) if digits.isdigit() else 0

"""Weights for a network to begin with, from a file or of ImageNet, and what of them it took."""

from __future__ import annotations

import logging
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from monai_ext.landmarks import IMAGENET, InputError

from .backbones import Backbone
from .imagenet import imagenet_weights

logger = logging.getLogger(__name__)

SUFFIXES = (".safetensors", ".pth", ".pt")

#: Keys under which training programs keep the state dict in a checkpoint.
_NESTED = ("state_dict", "model_state_dict", "model_state", "model", "network")

#: What parallel and compiled training, Lightning and networks around a network put before every name.
_PREFIXES = ("module.", "_orig_mod.", "model.", "backbone.", "encoder.")

#: Batch normalisation's counter, which old files lack and nothing here reads.
COUNTER = "num_batches_tracked"


class LoadReport(NamedTuple):
    """Outcome of loading weights.

    Attributes:
        part: "backbone" where the weights are of all of it, "encoder" where they are of a classifier with its encoder.
        missing: tensors of that part that the weights lack: never others than counters of batch normalisation.
        unexpected: tensors of the weights that were left out: never others than the classifier's own.
        summed: whether the first convolution's weights for three channels were added up for one.
    """

    part: str
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    summed: bool


class Weights(NamedTuple):
    """Weights to begin with.

    Attributes:
        state: tensors by name.
        origin: where they come from, for messages and for a model's card.
        normalization: of the values that they were trained on; None if it is unknown.
    """

    state: dict[str, torch.Tensor]
    origin: str
    normalization: str | None = None


def find_weights(name: str, folder: Path) -> Path:
    """A file of weights: a path, also relative to a folder, or the name of a file in it without its suffix.

    Raises:
        InputError: there is none.
    """
    files = [name] if name.endswith(SUFFIXES) else [name + suffix for suffix in SUFFIXES]
    for path in (root / file for file in files for root in (Path(), folder)):
        if path.is_file():
            return path
    raise InputError(f"There are no weights {name!r}: put them at {folder / files[0]}, or name an existing file.")


def pretrained_weights(name: str, encoder: str, folder: Path) -> Weights:
    """The weights that a protocol names.

    Args:
        name: :data:`IMAGENET`, or a file; see :func:`find_weights`.
        encoder: the encoder or backbone that they are for.
        folder: of the models.

    Raises:
        InputError: there are none, or they are damaged.
    """
    if name == IMAGENET:
        return Weights(*imagenet_weights(encoder))
    path = find_weights(name, folder)
    return Weights(read_state_dict(path), f"The weights {path}")


def load_backbone_weights(backbone: Backbone, weights: Weights) -> LoadReport:
    """Loads a backbone's weights, or its encoder's where they are those of a classifier.

    Raises:
        InputError: the tensors do not fit; see :func:`load_encoder_weights`.
    """
    state = without_prefixes(weights.state)
    if backbone.encoder is None or essential_names(backbone.state_dict()) <= state.keys():
        return load_named("backbone", backbone, backbone.name, weights._replace(state=state), ())
    return load_encoder_weights(backbone.encoder, backbone.name, weights, backbone.left_out)


def load_encoder_weights(encoder: nn.Module, name: str, weights: Weights, left_out: tuple[str, ...] = ()) -> LoadReport:
    """Loads an encoder's weights from those of a classifier; nothing is changed where they do not fit.

    The names are the encoder's: timm's, torchvision's for a ResNet, EfficientNet-PyTorch's for MONAI's EfficientNet.
    Prefixes that all names share ("module." and the like) are taken off. Tensors of parts that the encoder has not
    are of the classifier's own and left out.

    Where the encoder takes one channel and the weights take three, those of the first convolution are summed over the
    channel: a grey image then gives what its three equal channels gave.

    Args:
        encoder: gets the weights.
        name: what messages call it.
        weights: what it begins with.
        left_out: beginnings of names, inside parts that the encoder has, that are of the classifier's own.

    Raises:
        InputError: the tensors are of another network.
    """
    wanted = encoder.state_dict()
    state = _with_block_names(without_prefixes(weights.state), wanted)
    parts = {n.partition(".")[0] for n in wanted}
    own = tuple(n for n in state if n.partition(".")[0] not in parts or n.startswith(left_out or ("\0",)))
    return load_named("encoder", encoder, name, weights._replace(state=state), own)


def load_named(
    part: str,
    target: nn.Module,
    name: str,
    weights: Weights,
    own: tuple[str, ...] = (),
    in_file: Callable[[str], str] = str,
) -> LoadReport:
    """Loads tensors by name; nothing is changed where they do not fit.

    Args:
        part: for the report.
        target: gets the weights.
        name: what messages call it.
        weights: what it begins with.
        own: names of tensors that may be left out beside those that fit.
        in_file: the name among the weights of a tensor of the target.

    Raises:
        InputError: a tensor is lacking, has no place in the target, or has another shape or values that are not finite.
    """
    names = {in_file(n): n for n in target.state_dict()}
    wanted = {n: target.state_dict()[theirs] for n, theirs in names.items()}
    lacking = sorted(essential_names(wanted) - weights.state.keys())
    if lacking:
        raise InputError(
            f"{weights.origin} are not of {name}: they lack {len(lacking)} of its {len(essential_names(wanted))} "
            f"tensors, first {lacking[0]!r}; give weights of {name}."
        )
    unexpected = tuple(n for n in weights.state if n not in wanted)
    foreign = [n for n in unexpected if n not in own]
    if foreign:
        raise InputError(
            f"{weights.origin} are not of {name}: they have {len(foreign)} tensors that it has not, first "
            f"{foreign[0]!r}; give weights of {name}."
        )
    missing = tuple(n for n in wanted if n not in weights.state)
    state = {n: weights.state[n] for n in wanted if n in weights.state}
    summed = _sum_input_channels(state, wanted)
    _check_tensors(state, wanted, name, weights.origin)
    target.load_state_dict({names[n]: tensor for n, tensor in state.items()}, strict=False)
    logger.info("%s went into the %s of %s; left out: %d tensors.", weights.origin, part, name, len(unexpected))
    return LoadReport(part, missing, unexpected, summed)


def read_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a file of weights, by name.

    Raises:
        InputError: the file is absent, damaged or not a state dict.
    """
    if path.suffix not in SUFFIXES:
        raise InputError(f"The weights {path} are in no known format: give a file {', '.join(SUFFIXES)}.")
    try:
        safe = path.suffix == ".safetensors"
        state: Any = load_file(path) if safe else torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(f"The weights {path} are missing: give the path of an existing file.") from None
    except (OSError, EOFError, RuntimeError, ValueError, pickle.UnpicklingError, SafetensorError) as error:
        raise InputError(
            f"The weights {path} cannot be read ({_first_line(error)}): give a file of torch.save or safetensors."
        ) from error
    while isinstance(state, dict) and (key := next((k for k in _NESTED if isinstance(state.get(k), dict)), None)):
        state = state[key]
    if not isinstance(state, dict) or not state or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise InputError(
            f"The file {path} holds a {type(state).__name__} that is not a state dict: give names with their tensors."
        )
    return state


def without_prefixes(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors without what parallel training and the like put before every name."""
    while prefix := next((p for p in _PREFIXES if state and all(name.startswith(p) for name in state)), ""):
        state = {name.removeprefix(prefix): tensor for name, tensor in state.items()}
    return state


def _with_block_names(state: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """MONAI's names for EfficientNet's blocks, "_blocks.<stage>.<block>", where they are only counted through."""
    names = {re.sub(r"^_blocks\.\d+\.(?=\d+\.)", "_blocks.", name): name for name in wanted}
    return {names.get(name, name): tensor for name, tensor in state.items()}


def essential_names(names: dict[str, torch.Tensor]) -> set[str]:
    """The names without counters of batch normalisation, which old files lack."""
    return {name for name in names if not name.endswith(COUNTER)}


def _sum_input_channels(state: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> bool:
    """Adds up the first convolution's weights for red, green and blue in place where one channel is wanted."""
    first = next(name for name, tensor in wanted.items() if tensor.ndim == 4)
    if not (state[first].ndim == 4 and state[first].shape[1] == 3 and wanted[first].shape[1] == 1):
        return False
    state[first] = state[first].sum(dim=1, keepdim=True)
    return True


def _check_tensors(state: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor], network: str, source: str) -> None:
    """Sees that tensors have the shapes of those of the same name, and finite values.

    Raises:
        InputError: one has not; ``source`` is how the message begins.
    """
    for name, tensor in state.items():
        if tensor.shape != wanted[name].shape:
            raise InputError(
                f"{source} do not fit {network}: {name!r} is {tuple(tensor.shape)} and has to be "
                f"{tuple(wanted[name].shape)}; give weights of a {network} with as many image channels."
            )
        if not bool(torch.isfinite(tensor).all()):
            raise InputError(f"{source} are damaged: {name!r} has values that are not finite; give undamaged weights.")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".:")

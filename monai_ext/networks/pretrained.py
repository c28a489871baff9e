"""Weights for a backbone to begin with, from a file or through timm, and what of them it took."""

from __future__ import annotations

import logging
import pickle
import re
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from monai_ext.landmarks import InputError

from .backbone import Backbone

logger = logging.getLogger(__name__)

#: In place of a file: fetch ImageNet weights through timm.
TIMM = "timm"

#: Backbones whose encoder has timm's names for its tensors.
TIMM_NAMES = ("hrnet_w18", "hrnet_w32", "hrnet_w48", "resnet18", "resnet34", "resnet50")

SUFFIXES = (".safetensors", ".pth", ".pt")

#: Keys under which training programs keep the state dict in a checkpoint.
_NESTED = ("state_dict", "model_state_dict", "model_state", "model", "network")

#: What parallel and compiled training, Lightning and networks around a network put before every name.
_PREFIXES = ("module.", "_orig_mod.", "model.", "backbone.", "encoder.")

#: Batch normalisation's counter, which old files lack and nothing here reads.
_COUNTER = "num_batches_tracked"


class LoadReport(NamedTuple):
    """What came of loading weights.

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


def load_backbone_weights(backbone: Backbone, path: Path) -> LoadReport:
    """Loads a backbone's weights, or its encoder's, from a file; nothing is changed where they do not fit.

    The file holds a state dict of the whole backbone, or of a classifier with the encoder's names: timm's or the
    published HRNet, torchvision's or timm's ResNet, EfficientNet-PyTorch's or MONAI's EfficientNet. A state dict
    inside a checkpoint is found, and prefixes that all names share ("module." and the like) are taken off.

    Where the backbone takes one channel and the weights take three, those of the first convolution are summed over the
    channel: a grey image then gives what its three equal channels gave.

    Args:
        backbone: gets the weights.
        path: .safetensors, or .pth or .pt as torch.save writes it; read without running any code that it may hold.

    Raises:
        InputError: the file is absent, damaged, not a state dict, or of another network.
    """
    path = Path(path)
    return load_state(backbone, read_state_dict(path), f"The weights {path}")


def load_timm_weights(backbone: Backbone) -> LoadReport:
    """Fetches ImageNet weights of the backbone's encoder through timm and loads them.

    Raises:
        InputError: timm is not installed, has no weights under these names, or cannot fetch them.
    """
    if backbone.name not in TIMM_NAMES:
        raise InputError(f"No weights of {backbone.name} come through timm, only of {', '.join(TIMM_NAMES)}.")
    try:
        timm = import_module("timm")
    except ModuleNotFoundError:
        raise InputError(
            f"Weights of {backbone.name} come through the package timm, which is not installed: "
            "run 'pip install timm' or give a file of weights."
        ) from None
    try:
        state = timm.create_model(backbone.name, pretrained=True).state_dict()
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(
            f"timm could not fetch the weights of {backbone.name} ({_first_line(error)}): give a file of weights."
        ) from error
    return load_state(backbone, state, f"timm's weights of {backbone.name}")


def load_state(backbone: Backbone, state: dict[str, torch.Tensor], source: str) -> LoadReport:
    """Loads a state dict as :func:`load_backbone_weights` does; ``source`` is how messages begin.

    Raises:
        InputError: the tensors do not fit.
    """
    state = without_prefixes(state)
    part, target = "backbone", backbone
    if backbone.encoder is not None and not essential_names(backbone.state_dict()) <= state.keys():
        part, target = "encoder", backbone.encoder
    wanted = target.state_dict()
    state = _with_block_names(state, wanted)
    missing = tuple(name for name in wanted if name not in state)
    unexpected = tuple(name for name in state if name not in wanted)
    essential = essential_names(wanted)
    lacking = sorted(essential - state.keys())
    if lacking:
        raise InputError(
            f"{source} are not of {backbone.name}: they lack {len(lacking)} of its {len(essential)} tensors, "
            f"first {lacking[0]!r}; give weights of {backbone.name}."
        )
    foreign = [name for name in unexpected if part == "backbone" or not name.startswith(backbone.left_out)]
    if foreign:
        raise InputError(
            f"{source} are not of {backbone.name}: they have {len(foreign)} tensors that it has not, first "
            f"{foreign[0]!r}; give weights of {backbone.name}."
        )
    state = {name: state[name] for name in wanted if name in state}
    summed = sum_input_channels(state, wanted)
    check_tensors(state, wanted, backbone.name, source)
    target.load_state_dict(state, strict=False)
    logger.info("%s went into the %s of %s; left out: %d tensors.", source, part, backbone.name, len(unexpected))
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
    return {name for name in names if not name.endswith(_COUNTER)}


def sum_input_channels(state: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> bool:
    """Adds up the first convolution's weights for red, green and blue in place where one channel is wanted."""
    first = next(name for name, tensor in wanted.items() if tensor.ndim == 4)
    if not (state[first].ndim == 4 and state[first].shape[1] == 3 and wanted[first].shape[1] == 1):
        return False
    state[first] = state[first].sum(dim=1, keepdim=True)
    return True


def check_tensors(state: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor], network: str, source: str) -> None:
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
            raise InputError(f"{source} are damaged: {name!r} has values that are not finite; give sound weights.")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".:")

"""Runtimes of a network: torch, or onnxruntime with a graph stored in the user's cache folder."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import nn

from monai_ext import __version__
from monai_ext.landmarks import InputError, write_atomically
from monai_ext.models import ModelCard
from monai_ext.networks import OnnxNetwork, find_device, network_graph, require_onnx

Runtime = Literal["torch", "onnx"]
RUNTIMES: tuple[Runtime, ...] = get_args(Runtime)
#: Graphs that stay in the cache folder when another is written; those that were used last.
KEPT_GRAPHS = 10


def runtime_device(name: str, runtime: Runtime) -> torch.device:
    """The device of a name (see :func:`~monai_ext.networks.find_device`) for a runtime; ``auto`` is one that it has.

    Raises:
        InputError: no such device, or one that the runtime does not use.
    """
    return find_device("cpu" if runtime == "onnx" and name == "auto" else name)


def onnx_network(network: nn.Module, card: ModelCard, device: torch.device) -> OnnxNetwork:
    """The network of a model as onnxruntime runs it. Its graph is made once and kept; another version makes another.

    Args:
        network: in evaluation mode, on the CPU.
        card: of the model.
        device: where it is to run: the CPU.

    Raises:
        InputError: a package is missing, the device is none of onnxruntime's, or ONNX cannot express the network.
        ModelError: onnxruntime answers otherwise than torch.
    """
    require_onnx()
    if device.type != "cpu":
        raise InputError(f"The runtime onnx runs on the CPU, but the device {device} was asked for: use cpu, or torch.")
    protocol = card.protocol
    width, height = protocol.network.input_size.wh
    image = torch.randn(1, protocol.num_channels, height, width, generator=torch.Generator().manual_seed(0))
    path = graph_path(card)
    if not path.is_file():
        _keep(path, network, image)
    os.utime(path)
    return OnnxNetwork(path.read_bytes(), network, image, torch.get_num_threads())


def graph_path(card: ModelCard) -> Path:
    """Path of the cached graph of a model, unique for each version, network and version of the programs."""
    import platformdirs

    made_of = (card.sha256, card.protocol.network.model_dump_json(), __version__, str(torch.__version__))
    digest = hashlib.sha256("\n".join(made_of).encode()).hexdigest()[:16]
    folder = platformdirs.user_cache_path("monai-landmarks") / "onnx"
    return folder / f"{card.protocol.name}_{card.version}_{digest}.onnx"


def has_graph(card: ModelCard) -> bool:
    """Returns whether the graph of a model was made before, so that :func:`onnx_network` takes no time."""
    return graph_path(card).is_file()


def _keep(path: Path, network: nn.Module, image: torch.Tensor) -> None:
    """Makes a graph and writes it; processes that want the same one wait for the first."""
    from filelock import FileLock

    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.parent / "lock"):
        if path.is_file():
            return
        write_atomically(path, network_graph(network, image).SerializeToString())
        by_use = sorted(path.parent.glob("*.onnx"), key=lambda file: file.stat().st_mtime)
        for old in by_use[:-KEPT_GRAPHS]:
            old.unlink(missing_ok=True)

"""Runtimes of a network: torch, or onnxruntime with a graph that is made once and stored in the user's cache folder."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
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
#: Added to the process's niceness: answers to people go first.
_NICENESS = 5


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


def make_graph(folder: Path) -> None:
    """Makes and keeps the graph of a model, and compares it with the model; takes from seconds to minutes.

    It is made in a process of its own: while torch makes a graph, it changes how it computes in all threads of the
    process, and holds them up.

    Args:
        folder: of the model.

    Raises:
        InputError: there is no model, a package is missing, or onnxruntime cannot run the network.
    """
    command = [sys.executable, "-m", "monai_ext.inferers.runtime", str(folder)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2] or f"the process ended with code {done.returncode}"
        raise InputError(last if done.returncode == 1 else f"The graph of {folder} could not be made: {last}.")


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


def _main() -> None:
    from .predictor import Predictor

    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    try:
        Predictor.load(Path(sys.argv[1]), "cpu", "onnx")
    except InputError as error:
        sys.exit(str(error))  # with the code 1


if __name__ == "__main__":
    _main()

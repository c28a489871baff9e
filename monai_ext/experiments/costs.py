"""Costs of a row on this machine: parameters, images per second and the memory of a training step.

Run as ``python -m monai_ext.experiments.costs`` with a JSON request on standard input, so that its memory is its own.
"""

from __future__ import annotations

import ctypes
import gc
import json
import logging
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from monai_ext.engines import build_optimizer, distilled, find_source
from monai_ext.inferers import ImageBatch, read_output
from monai_ext.landmarks import Protocol
from monai_ext.losses import build_training_loss
from monai_ext.networks import LandmarkNetwork, build_network

logger = logging.getLogger(__name__)

WARM_UP = 2
REPEATS = 15
#: Seconds after which the repeats end, though there are three at least.
PATIENCE = 30.0
#: Seconds after which a measurement is given up.
LIMIT = 900.0
TRAINING_STEPS = 2


@dataclass(frozen=True)
class Costs:
    """Costs of a row; None if it could not be measured.

    Attributes:
        parameters: of the network, without a source classifier.
        images_per_second: from one image tensor to its points, batch 1, median.
        training_mib: what a training step adds to the memory in use before the network is built: weights, gradients,
            optimiser and activations, of the process on a CPU or as PyTorch counts on a GPU.
        device: cpu or the GPU's name.
        threads: of PyTorch.
    """

    parameters: int | None = None
    images_per_second: float | None = None
    training_mib: float | None = None
    device: str = ""
    threads: int = 0


def measure_costs(protocol: Protocol, device: torch.device) -> Costs:
    """Measures a row in a process of its own.

    Where that process ends early, for want of memory above all, a warning is logged and nothing is known.
    """
    request = {
        "protocol": protocol.model_dump(mode="json"),
        "device": str(device),
        "threads": torch.get_num_threads(),
    }
    command = [sys.executable, "-m", "monai_ext.experiments.costs"]
    try:
        done = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        logger.warning("Speed and memory were not measured: it took more than %g s.", LIMIT)
        return Costs()
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        logger.warning("Speed and memory were not measured: the measuring process ended (%s).", reason)
        return Costs()
    return Costs(**json.loads(done.stdout.splitlines()[-1]))


def costs_here(protocol: Protocol, device: torch.device) -> Costs:
    """Measures a row in this process."""
    before = _start_peak(device)
    network = build_network(protocol).to(device, memory_format=torch.channels_last)
    _train(network, protocol, device)
    after = _peak(device)
    return Costs(
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        images_per_second=1 / _seconds_per_image(network.eval(), protocol, device),
        training_mib=None if before is None or after is None else after - before,
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        threads=torch.get_num_threads(),
    )


def _train(network: LandmarkNetwork, protocol: Protocol, device: torch.device) -> None:
    """Steps as training makes them, on random images."""
    recipe = protocol.recipe
    distiller = distilled(network, protocol, find_source(protocol, Path()))
    trained: LandmarkNetwork = network if distiller is None else distiller.to(device)
    optimizer = build_optimizer(trained, recipe, warm=False)
    loss = build_training_loss(protocol).to(device)
    width, height = (recipe.augmentation.crop or protocol.network.input_size).wh
    image = _image(protocol, recipe.batch_size, width, height, device)
    shape = (recipe.batch_size, len(protocol.landmarks))
    points = torch.rand(*shape, 2, device=device) * torch.tensor([width - 1.0, height - 1.0], device=device)
    status = torch.ones(shape, dtype=torch.int8, device=device)
    trained.train()
    for _ in range(TRAINING_STEPS):
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, enabled=device.type == "cuda"):
            output = trained(image, **trained.training_arguments(image, points, status))
            error = loss(output, points, status)
        error.backward()
        optimizer.step()
    optimizer.zero_grad(set_to_none=True)


@torch.inference_mode()
def _seconds_per_image(network: nn.Module, protocol: Protocol, device: torch.device) -> float:
    width, height = protocol.network.input_size.wh
    image = _image(protocol, 1, width, height, device)
    size = torch.tensor([[width, height]], device=device)
    batch = ImageBatch(image, torch.eye(3, device=device)[None], size)
    times: list[float] = []
    begun = time.perf_counter()
    while len(times) < WARM_UP + REPEATS:
        start = time.perf_counter()
        read_output(network(image), batch, protocol)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - start)
        if time.perf_counter() - begun > PATIENCE and len(times) >= WARM_UP + 3:
            break
    return statistics.median(times[WARM_UP:])


def _image(protocol: Protocol, batch: int, width: int, height: int, device: torch.device) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    image = torch.randn(batch, protocol.num_channels, height, width, generator=generator)
    return image.to(device).contiguous(memory_format=torch.channels_last)


def _start_peak(device: torch.device) -> float | None:
    """Forgets the highest memory use so far, and gives the present one in MiB."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return float(torch.cuda.memory_allocated(device)) / 2**20
    if not sys.platform.startswith("linux"):
        return None
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # gives freed memory back, so that the step cannot hide in it
    Path("/proc/self/clear_refs").write_text("5")
    return _process_mib("VmRSS")


def _peak(device: torch.device) -> float | None:
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device)) / 2**20
    return _process_mib("VmHWM") if sys.platform.startswith("linux") else None


def _process_mib(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 2**10 for line in lines if line.startswith(field))


def main() -> None:
    """Answers the request on standard input with one line of JSON."""
    request: dict[str, Any] = json.load(sys.stdin)
    torch.set_num_threads(request["threads"])
    torch.manual_seed(0)
    costs = costs_here(Protocol.model_validate(request["protocol"]), torch.device(request["device"]))
    print(json.dumps(asdict(costs)))


if __name__ == "__main__":
    main()

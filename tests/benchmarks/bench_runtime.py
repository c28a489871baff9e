"""Times a model's network in torch, in onnxruntime and, where it is installed, in OpenVINO, paired in one run.

Every round asks all of them for the same image, one after the other in a new order, so that a busy machine slows all of
them alike; the fastest and the median round and their ratios are printed. OpenVINO computes in float32.

    python tests/benchmarks/bench_runtime.py                        the shipped fundus model, one thread
    python tests/benchmarks/bench_runtime.py MODEL_FOLDER --threads 2
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from record import write_record

from monai_ext.inferers import graph_path, onnx_network
from monai_ext.landmarks import shipped_dir
from monai_ext.models import load_network

TORCH, ONNX, OPENVINO = "torch", "onnxruntime", "openvino, float32"


def openvino_network(model: bytes, threads: int) -> Callable[[torch.Tensor], Any]:
    """The graph in OpenVINO, which would compute in bfloat16 where the processor can."""
    import openvino

    core = openvino.Core()
    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    compiled = core.compile_model(core.read_model(model), "CPU", options)
    return lambda image: compiled([image.numpy()])


def measure(runtimes: dict[str, Callable[[torch.Tensor], Any]], image: torch.Tensor, rounds: int) -> dict[str, Any]:
    times: dict[str, list[float]] = {name: [] for name in runtimes}
    names = list(runtimes)
    for number in range(rounds + 1):
        random.shuffle(names)
        for name in names:
            start = time.perf_counter()
            with torch.inference_mode():
                runtimes[name](image)
            if number:  # the first round warms up
                times[name].append(1000 * (time.perf_counter() - start))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", type=Path, default=shipped_dir("pretrained") / "fundus")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--output", type=Path, help="JSON file")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    network, card = load_network(args.model)
    width, height = card.protocol.network.input_size.wh
    image = torch.randn(1, card.protocol.num_channels, height, width, generator=torch.Generator().manual_seed(0))
    print(f"{card.protocol.name} {card.version}, {width} x {height}, {args.threads} threads")
    runtimes: dict[str, Callable[[torch.Tensor], Any]] = {
        TORCH: network,
        ONNX: onnx_network(network, card, torch.device("cpu")),  # which makes the graph where it is not kept
    }
    if find_spec("openvino"):
        runtimes[OPENVINO] = openvino_network(graph_path(card).read_bytes(), args.threads)
    times = measure(runtimes, image, args.rounds)
    for name, values in times.items():
        print(f"{name:20}{min(values):10.1f} ms fastest{statistics.median(values):10.1f} ms median", end="")
        print(f"{min(times[TORCH]) / min(values):8.2f} x torch, fastest", end="")
        print(f"{statistics.median(a / b for a, b in zip(times[TORCH], values, strict=True)):8.2f} x, median of pairs")
    if args.output:
        write_record(args.output, {"model": card.sha256, "threads": args.threads, "milliseconds": times})


if __name__ == "__main__":
    main()

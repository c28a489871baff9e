"""Times one image and its peak memory for a coarse HRNet and for ZIAN written out, exact and fast, in one run.

Run ``python tests/benchmarks/bench_zian.py --help``. Every network runs in a process of its own, in rounds, so that
peak memory is its own and a busy machine slows all of them alike; the fastest and the median round are printed.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import multiprocessing
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import MethodType

import torch
from torch import nn
from torch.nn import functional as F

from monai_ext.networks.backbones import build_backbone
from monai_ext.networks.zian import ZIAN, CoAttention, ZianConfig
from monai_ext.networks.zian.squeeze_expansion import ExpandedAttention, ModeAggregation, SqueezedAttention


@dataclass(frozen=True)
class Case:
    """One network to time."""

    row: str
    written_out: bool = False
    half: bool = False
    share_backbone: bool = False
    fusion_stride: int = 1


CASES = {
    "HRNet alone": Case("base"),
    "ZIAN, attention written out": Case("zian", written_out=True),
    "ZIAN, exact": Case("zian"),
    "ZIAN, fast": Case("zian", half=True, share_backbone=True, fusion_stride=4),
}


def write_out(network: nn.Module) -> nn.Module:
    """Gives the network's attention the same sums as plain matrix products, every projection on its own side."""
    for module in network.modules():
        if type(module) in WRITTEN_OUT:
            module.forward = MethodType(WRITTEN_OUT[type(module)], module)
    return network


def co_attention(module: CoAttention, a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """S = V_b^T W V_a, Z_a = V_a softmax(S), Z_b = V_b softmax(S^T)."""
    v_a, v_b = a.flatten(2), b.flatten(2)
    weighted = v_a if module.weight is None else module.weight @ v_a
    similarity = v_b.transpose(1, 2) @ weighted
    z_a = (v_a @ similarity.softmax(1)).reshape(a.shape)
    z_b = (v_b @ similarity.transpose(1, 2).softmax(1)).reshape(b.shape)
    return module._refined(z_a, a, 0), module._refined(z_b, b, len(module.refine) - 1)


def squeezed(module: SqueezedAttention, tokens: torch.Tensor) -> torch.Tensor:
    """Keys and values of every token, then softmax(q k^T / sqrt(C)) v."""
    normed = module.token_norm(tokens)
    query, key, value = (
        by_mode(x, module.modes)
        for x in (module.query(module.attractors)[None], module.key(normed), module.value(normed))
    )
    return module.aggregate(module.output_norm(attention(query, key, value)))


def expanded(module: ExpandedAttention, tokens: torch.Tensor, attractors: torch.Tensor) -> torch.Tensor:
    """softmax(q k^T / sqrt(C)) v, then the output projection of each mode."""
    query, key, value = (
        by_mode(x, module.modes)
        for x in (module.query(module.token_norm(tokens)), module.key(attractors), module.value(attractors))
    )
    attended = attention(query, key, value).transpose(1, 2).flatten(2)
    projected = module.project(attended.transpose(1, 2)).transpose(1, 2)
    return module.aggregate(module.output_norm(by_mode(projected, module.modes)))


def aggregated(module: ModeAggregation, features: torch.Tensor) -> torch.Tensor:
    """Softmax over the modes' scores, then the weighted sum."""
    scores = features @ module.score + F.pad(module.offsets, (1, 0))[:, None]
    return (scores.softmax(1)[..., None] * features).sum(1)


def attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    return (query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5).softmax(-1) @ value


def by_mode(features: torch.Tensor, modes: int) -> torch.Tensor:
    return features.unflatten(-1, (modes, -1)).transpose(1, 2)


WRITTEN_OUT: dict[type, Callable] = {
    CoAttention: co_attention,
    SqueezedAttention: squeezed,
    ExpandedAttention: expanded,
    ModeAggregation: aggregated,
}


def build(case: Case, args: argparse.Namespace) -> nn.Module:
    torch.manual_seed(0)
    options = {"share_backbone": case.share_backbone, "fusion_stride": case.fusion_stride}
    if case.row == "base":
        config = ZianConfig.row("base")
    else:
        config = ZianConfig.row(case.row, roi_sizes=(args.roi, 2 * args.roi), **options)
    network = ZIAN(lambda: build_backbone(args.backbone, 3), args.landmarks, config)
    network = network.to(args.device, memory_format=torch.channels_last)
    calibrate(network, image_of(args))
    return write_out(network).eval() if case.written_out else network.eval()


def calibrate(network: nn.Module, image: torch.Tensor) -> None:
    """Takes the statistics of all norms from an image: without them a new HRNet's features are of the order of 1e7."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        network.train()(image)


def image_of(args: argparse.Namespace) -> torch.Tensor:
    return torch.rand(1, 3, args.size, args.size, generator=torch.Generator().manual_seed(1)).to(args.device)


def worker(name: str, args: argparse.Namespace, connection: Connection) -> None:
    """Times a round for every message received, and ends at None."""
    torch.set_num_threads(args.threads)
    case = CASES[name]
    network, image = build(case, args), image_of(args)

    def run() -> float:
        start = time.perf_counter()
        with torch.inference_mode(), torch.autocast(args.device, torch.bfloat16, enabled=case.half):
            network(image)
        if args.device == "cuda":
            torch.cuda.synchronize()
        return 1000 * (time.perf_counter() - start)

    # The first pass: later ones reuse what the allocator has kept.
    before = start_peak(args.device)
    run()
    connection.send(peak_mebibytes(args.device) - before)
    while connection.recv() is not None:
        connection.send(run())


def start_peak(device: str) -> float:
    """Forgets the highest memory use so far, and gives the present one in MiB."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated() / 2**20
    gc.collect()
    # Gives freed memory back, so that the forward pass cannot hide in it.
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    return process_mebibytes("VmRSS")


def peak_mebibytes(device: str) -> float:
    """The highest memory use since the start of the peak, of the process or of what it holds on the device."""
    return torch.cuda.max_memory_allocated() / 2**20 if device == "cuda" else process_mebibytes("VmHWM")


def process_mebibytes(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 2**10 for line in lines if line.startswith(field))


def check_written_out(args: argparse.Namespace) -> float:
    """The largest difference between exact and written-out heatmaps, relative to their range, on the same regions."""
    image = image_of(args)
    centers = torch.full((1, args.landmarks, 2), args.size / 2, device=args.device)
    with torch.inference_mode():
        fast, plain = (
            build(CASES[f"ZIAN, {name}"], args)(image, centers) for name in ("exact", "attention written out")
        )
    return float((fast.fine - plain.fine).abs().max() / (plain.fine.max() - plain.fine.min()))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1024, help="side of the image in pixels")
    parser.add_argument("--roi", type=int, default=256, help="side of the smaller region in pixels")
    parser.add_argument("--backbone", default="hrnet_w32")
    parser.add_argument("--landmarks", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    return parser.parse_args()


def main() -> None:
    args = arguments()
    torch.set_num_threads(args.threads)
    print(f"{args.backbone}, {args.size} x {args.size}, K = {args.landmarks}, {args.threads} threads, {args.device}")
    print(f"exact against written out: largest difference {check_written_out(args):.1e} of the heatmap's range")
    context = multiprocessing.get_context("spawn")
    connections: dict[str, Connection] = {}
    memory: dict[str, float] = {}
    times: dict[str, list[float]] = {name: [] for name in CASES}
    processes = []
    for name in CASES:
        connections[name], theirs = context.Pipe()
        process = context.Process(target=worker, args=(name, args, theirs))
        process.start()
        processes.append(process)
        memory[name] = connections[name].recv()
    for _ in range(args.rounds):
        for name, connection in connections.items():
            connection.send("run")
            times[name].append(connection.recv())
    for connection in connections.values():
        connection.send(None)
    for process in processes:
        process.join()
    print(f"{'':30}{'fastest ms':>12}{'median ms':>12}{'peak MiB':>12}")
    for name, values in times.items():
        print(f"{name:30}{min(values):12.1f}{statistics.median(values):12.1f}{memory[name]:12.0f}")
    print("peak MiB: what a forward pass adds to the memory in use before it (on Linux, or of the CUDA device)")


if __name__ == "__main__":
    main()

"""Times images and peak memory for a coarse HRNet and for ZIAN written out, exact and fast, in one run.

Run ``python tests/benchmarks/bench_zian.py --help``. Every network runs in a process of its own, in rounds, so that
peak memory is its own and a busy machine slows all of them alike; the fastest and the median round are printed.

    python tests/benchmarks/bench_zian.py                                    on a CPU, one image
    python tests/benchmarks/bench_zian.py --training                         memory of one training step
    python tests/benchmarks/bench_zian.py --device cuda --batch 16           on a GPU
    python tests/benchmarks/bench_zian.py --device cuda --training --batch 4
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from peak_memory import map_large_blocks, peak, start_peak
from record import write_record
from zian_cases import CASES, build

from monai_ext.networks.zian import peak_pixels

WRITTEN_OUT, EXACT, FAST, COARSE = "ZIAN, attention written out", "ZIAN, exact", "ZIAN, fast", "HRNet alone"

#: What is aimed at: written out / exact, fast / coarse network alone, and memory of exact / written out.
SPEED_UP, FAST_COST, TRAINING_MEMORY = 1.8, 2.0, 0.55


def worker(name: str, args: argparse.Namespace, connection: Connection) -> None:
    """Tells its peak memory and its network, then times a round for every message received, and ends at None."""
    torch.set_num_threads(args.threads)
    network, arguments = build(CASES[name], args)

    def run() -> float:
        start = time.perf_counter()
        with torch.inference_mode():
            network(*arguments)
        if args.device == "cuda":
            torch.cuda.synchronize()
        return 1000 * (time.perf_counter() - start)

    # The first pass: later ones reuse what the allocator has kept.
    before = start_peak(args.device)
    run()
    connection.send(peak(args.device) - before)
    while connection.recv() is not None:
        connection.send(run())


def training_worker(name: str, args: argparse.Namespace, connection: Connection) -> None:
    """Tells the memory that one forward and backward pass adds to the network and its gradients, and the whole."""
    torch.set_num_threads(args.threads)
    map_large_blocks()
    network, arguments = build(CASES[name], args)
    network.train()

    def step() -> None:
        output = network(*arguments)
        sum(stage.heatmaps.square().mean() for stage in output.stages).backward()

    step()
    network.zero_grad(set_to_none=False)
    before = start_peak(args.device)
    step()
    highest = peak(args.device)
    connection.send((highest - before, highest))


def compare_exact(args: argparse.Namespace) -> str:
    """How far exact heatmaps are from the written-out ones, and whether their peaks are at the same pixels."""
    outputs = {}
    for name in (EXACT, WRITTEN_OUT):
        network, arguments = build(CASES[name], args)
        with torch.inference_mode():
            outputs[name] = network(*arguments)
    exact, plain = outputs[EXACT], outputs[WRITTEN_OUT]
    difference = float((exact.fine - plain.fine).abs().max() / (plain.fine.max() - plain.fine.min()))
    peaks = [output.fine_frame.to_image(peak_pixels(output.fine)) for output in (exact, plain)]
    same = "the same peaks" if torch.equal(*peaks) else f"OTHER PEAKS, {peaks[0].tolist()} and {peaks[1].tolist()}"
    return f"exact against written out: largest difference {difference:.1e} of the heatmap's range, {same}"


def measure_training(args: argparse.Namespace) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")
    added = {}
    print(f"{'one training step':34}{'added MiB':>12}{'whole MiB':>12}")
    for name in (WRITTEN_OUT, EXACT):
        ours, theirs = context.Pipe()
        process = context.Process(target=training_worker, args=(name, args, theirs))
        process.start()
        theirs.close()
        added[name], whole = ours.recv()
        process.join()
        print(f"{name:34}{added[name]:12.0f}{whole:12.0f}")
    share = added[EXACT] / added[WRITTEN_OUT]
    print(f"exact / written out, added: {100 * share:.1f} % (target: at most {100 * TRAINING_MEMORY:.0f} %)")
    print("added: by forward and backward to the network and its gradients; whole: of the process or the device")
    return {"added_mib": added, "exact_of_written_out": share}


def measure_inference(args: argparse.Namespace) -> dict[str, Any]:
    print(compare_exact(args))
    context = multiprocessing.get_context("spawn")
    connections: dict[str, Connection] = {}
    memory: dict[str, float] = {}
    times: dict[str, list[float]] = {name: [] for name in CASES}
    processes = []
    for name in CASES:
        connections[name], theirs = context.Pipe()
        process = context.Process(target=worker, args=(name, args, theirs))
        process.start()
        theirs.close()
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
    print(f"{'':34}{'fastest ms':>12}{'median ms':>12}{'img/s':>10}{'peak MiB':>12}")
    for name, values in times.items():
        rate = 1000 * args.batch / min(values)
        print(f"{name:34}{min(values):12.1f}{statistics.median(values):12.1f}{rate:10.1f}{memory[name]:12.0f}")
    print("peak MiB: what a forward pass adds to the memory in use before it (on Linux, or of the CUDA device)")
    print_ratios(times)
    return {"milliseconds": times, "peak_mib": memory}


def print_ratios(times: dict[str, list[float]]) -> None:
    """Ratios of the fastest and of the median rounds."""
    ratios = [
        (WRITTEN_OUT, EXACT, f"target: at least {SPEED_UP}"),
        (FAST, COARSE, f"target: at most {FAST_COST}"),
        (EXACT, COARSE, ""),
    ]
    for above, below, target in ratios:
        fastest = min(times[above]) / min(times[below])
        median = statistics.median(times[above]) / statistics.median(times[below])
        print(f"{above + ' / ' + below:58}{fastest:8.2f} fastest{median:8.2f} median  {target}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--training", action="store_true", help="memory of a training step instead of times")
    parser.add_argument("--size", type=int, help="side of the image in pixels; 1024, and 896 in training")
    parser.add_argument("--batch", type=int, default=1, help="images of a pass")
    parser.add_argument("--roi", type=int, default=256, help="side of the smaller region in pixels")
    parser.add_argument("--backbone", default="hrnet_w32")
    parser.add_argument("--landmarks", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--output", type=Path, help="JSON file")
    args = parser.parse_args()
    args.size = args.size or (896 if args.training else 1024)
    return args


def main() -> None:
    args = arguments()
    torch.set_num_threads(args.threads)
    print(
        f"{args.backbone}, {args.batch} x {args.size} x {args.size}, K = {args.landmarks}, {args.threads} threads, "
        f"{torch.cuda.get_device_name() if args.device == 'cuda' else 'cpu'}, torch {torch.__version__}"
    )
    figures = measure_training(args) if args.training else measure_inference(args)
    if args.output:
        options = {name: value for name, value in vars(args).items() if name != "output"}
        write_record(args.output, {"options": options} | figures, args.device)


if __name__ == "__main__":
    main()

"""Times heatmap drawing against MONAI's, and the decoders, on one core: python tests/benchmarks/bench_heatmap.py."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from monai.transforms import GenerateHeatmap as MonaiGenerateHeatmap
from record import write_record
from rich.console import Console
from rich.table import Table

from monai_ext.landmarks.recipe import LOSSES
from monai_ext.losses import build_heatmap_loss
from monai_ext.transforms.decoders import METHODS, activate, decode_heatmap
from monai_ext.transforms.heatmap import GenerateHeatmap, gaussian_heatmap

LANDMARKS, HEIGHT, WIDTH, SIGMA = 19, 512, 512, 2.0
REPEATS = 20


def measure(cases: dict[str, Callable[[], object]], repeats: int = REPEATS) -> dict[str, list[float]]:
    """Milliseconds of each case, the cases taking turns so that a busy moment hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in cases}
    for run in range(repeats + 1):
        for name, case in cases.items():
            start = time.perf_counter()
            case()
            if run:  # the first run warms up
                times[name].append(1000 * (time.perf_counter() - start))
    return times


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, help="JSON file")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    size = (HEIGHT, WIDTH)
    points = torch.rand(LANDMARKS, 2) * torch.tensor([WIDTH - 1.0, HEIGHT - 1.0])
    row_column = points.flip(-1)
    ours, monais = GenerateHeatmap(SIGMA, size, point_order="yx"), MonaiGenerateHeatmap(SIGMA, size)
    heatmaps = gaussian_heatmap(points, size, SIGMA)[None]
    status = torch.ones(1, LANDMARKS, dtype=torch.int8)

    def loss_step(name: str) -> Callable[[], object]:
        loss = build_heatmap_loss(name, SIGMA)
        outputs = torch.randn(heatmaps.shape, requires_grad=True)
        return lambda: torch.autograd.grad(loss(outputs, points[None], status), outputs)

    cases: dict[str, Callable[[], object]] = {
        "draw: MONAI GenerateHeatmap": lambda: monais(row_column),
        "draw: GenerateHeatmap": lambda: ours(row_column),
        "draw: gaussian_heatmap": lambda: gaussian_heatmap(points, size, SIGMA),
        "activate: spatial_cross_entropy": lambda: activate(heatmaps, "spatial_cross_entropy", SIGMA),
    }
    cases |= {f"decode: {name}": lambda name=name: decode_heatmap(heatmaps, name) for name in METHODS}
    cases |= {f"loss and gradient: {name}": loss_step(name) for name in LOSSES}
    times = measure(cases)
    monai_median = statistics.median(times["draw: MONAI GenerateHeatmap"])

    table = Table(title=f"{LANDMARKS} x {HEIGHT} x {WIDTH} float32, one thread, {REPEATS} runs, ms")
    for column in ("case", "median", "least", "MONAI / this"):
        table.add_column(column, justify="left" if column == "case" else "right")
    for name, values in times.items():
        median = statistics.median(values)
        ratio = f"{monai_median / median:.0f}" if name.startswith("draw") else ""
        table.add_row(name, f"{median:.2f}", f"{min(values):.2f}", ratio)
    Console().print(table)
    if args.output:
        write_record(args.output, {"size": [LANDMARKS, HEIGHT, WIDTH], "milliseconds": times})


if __name__ == "__main__":
    main()

"""Time of the trainer beside a bare loop of the same network, and the share of it that goes to loading images.

    OMP_NUM_THREADS=1 python tests/benchmarks/bench_training.py --studies sample_data/fundus --protocol fundus

Both take turns in one run. The bare loop has its batches ready and does no more than forward pass, loss, backward pass
and optimiser step. Images are in memory from the first pass on, which is not timed.
"""

from __future__ import annotations

import argparse
import copy
import json
import resource
import time
from pathlib import Path
from statistics import median

import torch
from ignite.engine import Engine, Events
from record import write_record

from monai_ext.engines import TrainOptions, labelled_images
from monai_ext.engines.assembly import Assembly
from monai_ext.engines.dataset import check_labels
from monai_ext.engines.initialisation import initialise
from monai_ext.engines.loader import make_loader
from monai_ext.engines.optimisation import build_optimizer
from monai_ext.landmarks import find_protocol
from monai_ext.losses import build_training_loss
from monai_ext.networks import build_network
from monai_ext.studies import Studies


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=Path, required=True)
    parser.add_argument("--protocol", required=True)
    parser.add_argument("--steps", type=int, default=8, help="of a pass")
    parser.add_argument("--passes", type=int, default=4)
    parser.add_argument("--output", type=Path, help="JSON file")
    options = parser.parse_args()
    protocol = find_protocol(options.protocol)
    recipe, device = protocol.recipe, torch.device("cpu")
    images = check_labels(labelled_images(Studies(options.studies)), protocol)
    loader = make_loader(
        images, protocol, training=True, batch_size=recipe.batch_size, epoch_steps=max(options.steps, len(images))
    )
    batches = [batch for batch, _ in zip(loader, range(options.steps), strict=False)]
    list(loader)  # every image is in memory now
    loader = _of_length(loader, options.steps)
    network = build_network(protocol)
    initialise(network, protocol, Path("."), None)
    bare = copy.deepcopy(network)
    parts = Assembly(protocol, network, None, loader, device, TrainOptions(), warm=False)
    loading, began = 0.0, 0.0

    @parts.trainer.on(Events.GET_BATCH_STARTED)
    def begin(engine: Engine) -> None:
        nonlocal began
        began = time.perf_counter()

    @parts.trainer.on(Events.GET_BATCH_COMPLETED)
    def end(engine: Engine) -> None:
        nonlocal loading
        loading += time.perf_counter() - began

    loss = build_training_loss(protocol)
    bare = bare.to(memory_format=torch.channels_last).train()
    optimizer = build_optimizer(bare, recipe, warm=False, pretrained=True)
    seconds: dict[str, list[float]] = {"engine": [], "bare": [], "loading": []}
    for number in range(options.passes):
        loading = 0.0
        parts.trainer.state.max_epochs = number + 1
        start = time.perf_counter()
        parts.trainer.run()
        seconds["engine"].append((time.perf_counter() - start) / options.steps)
        seconds["loading"].append(loading / options.steps)
        start = time.perf_counter()
        for batch in batches:
            optimizer.zero_grad(set_to_none=True)
            loss(bare(batch["image"]), batch["points"], batch["status"]).backward()
            optimizer.step()
        seconds["bare"].append((time.perf_counter() - start) / options.steps)
    engine, plain, data = (median(seconds[name][1:]) for name in ("engine", "bare", "loading"))
    figures = {
        "protocol": protocol.name,
        "batch_size": recipe.batch_size,
        "seconds_per_step": {"engine": round(engine, 3), "bare": round(plain, 3)},
        "images_per_second_of_bare": round(plain / engine, 3),
        "loading_share": round(data / engine, 3),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(figures, indent=2))
    if options.output:
        write_record(options.output, figures)


def _of_length(loader: torch.utils.data.DataLoader, steps: int) -> torch.utils.data.DataLoader:
    """The same loader and its kept images with so many batches in a pass."""
    loader.sampler.samples = steps * loader.batch_size
    return loader


if __name__ == "__main__":
    main()

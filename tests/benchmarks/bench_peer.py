"""Sets landmarker, another toolkit for landmarks on PyTorch, beside this one: one split, budget, input and machine.

Install the extra ``peers`` first (landmarker, MIT licence), then for instance

    python tests/benchmarks/bench_peer.py --data DATA --set wings12 --seconds 390 --output wings12.json

DATA holds a folder for each set with ``images/`` and ``landmarks.csv`` (image,landmark,x,y,width,height,split). Both
networks begin with random weights and see the same images, fitted and augmented alike (the protocol's transforms), of
the split ``train``; errors are on ``val``, in pixels of the stored images. The peer has the recipe that did best of
those tried: its probabilistic spatial configuration network, softmax cross-entropy against Gaussians, Adam at 5e-4;
its answer is the mean of the map in a window around the peak.
Ours runs first, for as many steps as fit the budget by the pace of a few; the peer then gets the seconds of that.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peer_sets import SETS, PeerSet, prepare
from record import write_record

from monai_ext.engines import LabelledImage, TrainOptions, labelled_images, train_model
from monai_ext.engines.loader import make_loader
from monai_ext.evaluation import evaluate_landmarks, normalize_scores
from monai_ext.images import read_frame
from monai_ext.inferers import Predictor
from monai_ext.landmarks import Landmarks, Protocol
from monai_ext.landmarks.markups import read_markups
from monai_ext.transforms import to_original
from monai_ext.transforms.pipeline import inference_transforms

PEER_RATE, PEER_SIGMA, PEER_WINDOW = 5e-4, 3.0, 9
PACE_STEPS = 12


def train_ours(
    protocol: Protocol, images: list[LabelledImage], seconds: float, seed: int, folder: Path
) -> dict[str, Any]:
    """Trains this toolkit's network within the budget; its figures and its answers."""

    def train(steps: int, where: Path) -> float:
        options = TrainOptions(
            max_epochs=1, epoch_steps=steps, seed=seed, device="cpu", num_workers=0, warm_start=False, keep="last"
        )
        begun = time.monotonic()
        train_model(protocol, images, where, options)
        return time.monotonic() - begun

    some, more = train(PACE_STEPS, folder / "pace" / "ours"), train(3 * PACE_STEPS, folder / "pace2" / "ours")
    pace = max((more - some) / (2 * PACE_STEPS), 1e-3)
    steps = max(1, int((seconds - max(0.0, some - PACE_STEPS * pace)) / pace))
    taken = train(steps, folder / "model" / "ours")
    predictor = Predictor.load(folder / "model" / "ours", "cpu")
    parameters = sum(p.numel() for p in predictor.network.parameters())
    answer = timed(lambda image: predictor.predict(image.image).points, images)
    return {"seconds": taken, "steps": steps, "batch": protocol.recipe.batch_size, "parameters": parameters} | answer


def train_peer(
    protocol: Protocol, images: list[LabelledImage], seconds: float, seed: int, batch: int
) -> dict[str, Any]:
    """Trains landmarker's network for so many seconds; its figures and its answers."""
    from landmarker.heatmap import GaussianHeatmapGenerator
    from landmarker.heatmap.decoder import coord_local_weighted
    from landmarker.losses import NLLLoss
    from landmarker.models import ProbSpatialConfigurationNet

    torch.manual_seed(seed)
    count, (width, height) = len(protocol.landmarks), protocol.network.input_size.wh
    network = ProbSpatialConfigurationNet(in_channels=protocol.num_channels, out_channels=count)
    target = GaussianHeatmapGenerator(count, sigmas=PEER_SIGMA, heatmap_size=(height, width))
    loss_of, optimizer = NLLLoss(reduction="none"), torch.optim.Adam(network.parameters(), lr=PEER_RATE)
    begun, steps, epoch = time.monotonic(), 0, 0
    train = [image for image in images if image.split == "train"]
    loader = make_loader(train, protocol, training=True, batch_size=batch, seed=seed)
    loader.dataset.transform.set_random_state(seed)
    while time.monotonic() - begun < seconds:
        loader.sampler.set_epoch(epoch)
        epoch += 1
        for sample in loader:
            heatmaps = target(sample["points"].flip(-1))  # rows first
            heatmaps = heatmaps / heatmaps.sum(dim=(-2, -1), keepdim=True).clamp(min=1e-9)
            known = (sample["status"] > 0).float()
            loss = (loss_of(network(sample["image"]), heatmaps) * known).sum() / known.sum().clamp(min=1)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            steps += 1
            if time.monotonic() - begun >= seconds:
                break
    taken = time.monotonic() - begun
    network.eval()
    fitted = inference_transforms(protocol)

    @torch.inference_mode()
    def predict(image: LabelledImage) -> np.ndarray:
        sample = fitted({"image": str(image.image)})
        maps = network(sample["image"][None])
        maps = maps.flatten(2).softmax(-1).view_as(maps)  # the network gives logits, on which the decoders overflow
        found = coord_local_weighted(maps, window=PEER_WINDOW)[0].flip(-1)
        return np.asarray(to_original(found.double().numpy(), sample["matrix"].numpy()))

    parameters = sum(p.numel() for p in network.parameters())
    return {"seconds": taken, "steps": steps, "batch": batch, "parameters": parameters} | timed(predict, images)


def timed(predict: Callable[[LabelledImage], Any], images: list[LabelledImage]) -> dict[str, Any]:
    """Answers on the validation images, with the median time of one, reading included."""
    answers, times = {}, []
    for image in images:
        if image.split == "val":
            begun = time.perf_counter()
            answers[image.id] = np.asarray(predict(image))
            times.append(time.perf_counter() - begun)
    return {"milliseconds": 1000 * statistics.median(times), "answers": answers}


def scored(run: dict[str, Any], images: list[LabelledImage], protocol: Protocol, chosen: PeerSet) -> dict[str, Any]:
    """The figures of a run with its scores in place of its answers."""
    pairs = []
    answers = run.pop("answers")
    for image in images:
        if image.id in answers:
            frame = read_frame(image.image)
            truth = read_markups(image.label, frame, protocol.landmark_names)
            pairs.append((image.id, truth, Landmarks(protocol.landmark_names, answers[image.id], frame)))
    evaluation = evaluate_landmarks(
        pairs, chosen.thresholds, chosen.thresholds[-1], 2 * chosen.thresholds[-1], unit="px"
    )
    overall = evaluation.overall
    scores: dict[str, Any] = {"mre": overall.mre, "median": overall.median, "sdr": list(overall.sdr.values())}
    if chosen.between is not None:
        scores["percent_of_distance"] = normalize_scores(evaluation, pairs, chosen.between).me
    return run | scores | {"errors": {row.image: row.errors for row in evaluation.images}}


def table(name: str, results: dict[str, dict[str, Any]], chosen: PeerSet) -> str:
    """The rows side by side."""
    rates = "/".join(f"{t:g}" for t in chosen.thresholds)
    lines = [f"{name:12}{'MRE px':>9}{'median':>9}{'SDR ' + rates + ' %':>20}{'steps':>12}{'s':>7}{'M':>7}{'ms':>7}"]
    for method, run in results.items():
        sdr = "/".join(f"{100 * rate:.0f}" for rate in run["sdr"])
        steps = f"{run['steps']} x {run['batch']}"
        lines.append(
            f"{method:12}{run['mre']:9.2f}{run['median']:9.2f}{sdr:>20}{steps:>12}{run['seconds']:7.0f}"
            f"{run['parameters'] / 1e6:7.2f}{run['milliseconds']:7.0f}"
            + (f"   {run['percent_of_distance']:.2f} % of the distance" if "percent_of_distance" in run else "")
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the sets")
    parser.add_argument("--set", choices=sorted(SETS), default="wings12")
    parser.add_argument("--seconds", type=float, default=390.0, help="wall clock of each training")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, help="JSON file")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    chosen, folder = SETS[args.set], Path(tempfile.mkdtemp())
    try:
        studies, protocol = prepare(args.data, chosen, folder)
        images = labelled_images(studies)
        ours = train_ours(protocol, images, args.seconds, args.seed, folder)
        peer = train_peer(protocol, images, ours["seconds"], args.seed, chosen.peer_batch)
        names = {"ours": ours, "landmarker": peer}
        results = {name: scored(run, images, protocol, chosen) for name, run in names.items()}
    finally:
        shutil.rmtree(folder)
    print(table(args.set, results, chosen))
    if args.output:
        about = {"set": args.set, "seed": args.seed, "budget": args.seconds, "threads": args.threads}
        write_record(args.output, about | {"landmarker": version("landmarker"), "results": results})


if __name__ == "__main__":
    main()

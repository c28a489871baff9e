"""``monai-landmarks train``: from a studies folder to a published model."""

from __future__ import annotations

import math
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from monai_ext.engines import TrainOptions, TrainResult, labelled_images, train_model
from monai_ext.engines.stop import StopSwitch, stopped_by_signals
from monai_ext.landmarks import find_protocol
from monai_ext.landmarks.protocol_file import shipped_dir
from monai_ext.studies import Studies

from .console import output, print_json
from .meter import Meter
from .models import ModelsOption, default_models_dir
from .training_progress import TrainingProgress

#: Exit code of a run that was stopped, as shells have it for Ctrl-C.
STOPPED = 130

ProtocolOption = Annotated[str, typer.Option("--protocol", "-p", help="A shipped protocol, or a .yaml file.")]
StudiesOption = Annotated[Path, typer.Option("--studies", "-s", help="Folder of images with labels/final/ID.mrk.json.")]


def run(
    protocol: ProtocolOption,
    studies: StudiesOption,
    models: ModelsOption = None,
    max_epochs: Annotated[int | None, typer.Option(min=1, help="Default: the protocol's recipe.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1)] = None,
    learning_rate: Annotated[float | None, typer.Option(min=1e-9, max=1)] = None,
    patience: Annotated[int | None, typer.Option(min=0, help="Validations without gain before stopping.")] = None,
    minutes: Annotated[
        float | None,
        typer.Option(min=0.1, max=100_000, help="End within this time: the first steps are timed, the epochs follow."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    workers: Annotated[int | None, typer.Option(min=0, help="Processes that load images.")] = None,
    cold: Annotated[bool, typer.Option("--cold", help="Start from random weights, not the current model.")] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Do not resume an interrupted run.")] = False,
    keep_last: Annotated[
        bool, typer.Option("--keep-last", help="Publish the weights of the last step: no image chooses them.")
    ] = False,
    publish_worse: Annotated[
        bool, typer.Option("--publish-worse", help="Publish even what is worse than the current model on these images.")
    ] = False,
    half: Annotated[bool, typer.Option("--half", help="Store the weights as float16, at half the size.")] = False,
    data: Annotated[str, typer.Option(help="A sentence for the model card: what the images are.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Train a detector on the labelled images and publish it unless the current one is better.

    Press Ctrl-C to stop: the run is saved between two steps, and the same command goes on from there. On several GPUs:
    `torchrun --nproc-per-node 4 -m monai_ext.cli train --protocol P --studies DIR`

    Example: `monai-landmarks train --protocol fundus --studies sample_data/fundus`
    """
    task = find_protocol(protocol)
    options = TrainOptions(
        max_epochs=max_epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        patience=patience,
        minutes=minutes,
        seed=seed,
        device=device,
        num_workers=workers,
        warm_start=not cold,
        resume=not restart,
        half_precision=half,
        keep="last" if keep_last else "best",
        publish_worse=publish_worse,
    )
    stop = StopSwitch()
    with stopped_by_signals(stop), Meter(f"Training {task.name}") as meter:
        result = train_model(
            task,
            labelled_images(Studies(studies)),
            (models or default_models_dir()) / task.name,
            options,
            pretrained=shipped_dir("pretrained") / task.name,
            on_progress=TrainingProgress(task, minutes, meter),
            stop=stop,
            data=data,
        )
    _print(result, studies, as_json)
    if result.stopped:
        raise typer.Exit(STOPPED)


def _print(result: TrainResult, studies: Path, as_json: bool) -> None:
    if as_json:
        document = asdict(result)
        document["card"] = result.card.model_dump(mode="json") if result.card else None
        document["folder"] = str(result.folder)
        document["val_error"] = result.val_error if math.isfinite(result.val_error) else None
        print_json(document)
        return
    output.print(result.reason, soft_wrap=True, highlight=False)
    if result.card:
        folder = shlex.quote(str(result.folder))
        for line in (
            f"Model {result.card.version} in {result.folder}",
            f"Next: monai-landmarks evaluate --studies {shlex.quote(str(studies))} --model {folder} --split model",
            f"      monai-landmarks predict IMAGES --model {folder}",
        ):
            output.print(line, soft_wrap=True, highlight=False, markup=False)

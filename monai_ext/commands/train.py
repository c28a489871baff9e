"""``monai-landmarks train``: from a studies folder to a published model; ``train-source``: to a source classifier."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from monai_ext import engines
from monai_ext.landmarks import InputError, Protocol, find_protocol, shipped_dir
from monai_ext.models import finite
from monai_ext.studies import Studies

from .console import STOPPED, Meter, duration, print_json, tell
from .options import (
    Fields,
    JsonOption,
    ModelsOption,
    OverwriteOption,
    ProtocolOption,
    StudiesOption,
    default_models_dir,
    with_settings,
)


@with_settings
def run(
    protocol: ProtocolOption,
    studies: StudiesOption,
    options: Annotated[
        engines.TrainOptions,
        Fields(
            "max_epochs",
            "batch_size",
            "learning_rate",
            "patience",
            "minutes",
            "seed",
            "device",
            "publish_worse",
            num_workers="--workers",
            half_precision="--half",
        ),
    ],
    models: ModelsOption = None,
    cold: Annotated[
        bool, typer.Option("--cold", help="Start with pretrained or random weights, not the current model's.")
    ] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Do not resume an interrupted run.")] = False,
    keep_last: Annotated[
        bool,
        typer.Option(
            "--keep-last",
            help="Publish the weights of the last step instead of those with the lowest validation error; never stop "
            "early.",
        ),
    ] = False,
    data: Annotated[
        str, typer.Option(help="Description of the training images for the model card, one sentence.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Train a detector on the labelled images and publish it unless the current one is better.

    Press Ctrl-C to stop: the run is saved after the current step, and the same command resumes it. On several GPUs:
    `torchrun --nproc-per-node 4 -m monai_ext.cli train --protocol P --studies DIR`

    Example: `monai-landmarks train --protocol fundus --studies sample_data/fundus`
    """
    task, study = find_protocol(protocol), Studies(studies)
    study.images()  # refuses a folder that is not there before anything heavy is loaded
    switches = {"warm_start": not cold, "resume": not restart, "keep": "last" if keep_last else "best"}
    options = options.model_copy(update=switches)
    stop = engines.StopSwitch()
    with engines.stopped_by_signals(stop), Meter(f"Training {task.name}") as meter:
        result = engines.train_model(
            task,
            engines.labelled_images(study),
            (models or default_models_dir()) / task.name,
            options,
            pretrained=shipped_dir("pretrained") / task.name,
            on_progress=TrainingProgress(task, options.minutes, meter),
            stop=stop,
            data=data,
        )
    _print(result, studies, as_json)
    if result.stopped:
        raise typer.Exit(STOPPED)


def _print(result: engines.TrainResult, studies: Path, as_json: bool) -> None:
    if as_json:
        document = asdict(result)
        document["card"] = result.card.model_dump(mode="json") if result.card else None
        document["folder"] = str(result.folder)
        for name in ("val_error", "previous_error"):
            document[name] = finite(document[name])
        document["history"] = [{key: finite(value) for key, value in entry.items()} for entry in result.history]
        print_json(document)
        return
    tell(result.reason)
    if result.card:
        folder = shlex.quote(str(result.folder))
        tell(f"Model {result.card.version} in {result.folder}")
        tell(f"Next: monai-landmarks evaluate --studies {shlex.quote(str(studies))} --model {folder} --split model")
        tell(f"      monai-landmarks predict IMAGES --model {folder}")


class TrainingProgress:
    """Takes the progress dicts of a training, as of :meth:`monai_ext.engines.run.Run.report`.

    Args:
        protocol: that is trained.
        minutes: that bound the training; None without a bound.
        meter: of the command.
    """

    def __init__(self, protocol: Protocol, minutes: float | None, meter: Meter) -> None:
        self._meter = meter
        self._run: tuple[int, int] | None = None
        self._complete, self._estimated = 0, False
        width, height = protocol.network.input_size.wh
        bound = "" if minutes is None else f"; at most {minutes:g} minutes, so the first steps are timed"
        meter.say(f"Training {protocol.name}: network {protocol.network.name}, input {width} x {height} pixels{bound}.")

    def __call__(self, progress: dict[str, Any]) -> None:
        """Shows one progress dict."""
        if "max_steps" not in progress:  # a run that was stopped before it began
            return
        if self._run != (progress["max_steps"], progress["batch_size"]):  # the first one, or one of smaller batches
            self._begin(progress)
        left, complete = progress["seconds_left"], progress["complete_epochs"]
        if left is not None and progress["status"] == "running" and not self._estimated:
            self._estimated = True
            self._meter.say(f"About {duration(left)} remaining, estimated from the first steps.")
        line = None
        if complete > self._complete:
            self._complete = complete
            line = f"epoch {complete}/{progress['max_epochs']}: {_numbers(progress, progress['val_epoch'] == complete)}"
        self._meter.update(
            progress["step"],
            progress["max_steps"],
            what=f"Epoch {progress['epoch']}/{progress['max_epochs']}",
            note=progress.get("message") or _numbers(progress, True),
            line=line,
            seconds_left=left or 0.0,  # until it is known, the pace of the first steps says nothing
        )

    def _begin(self, progress: dict[str, Any]) -> None:
        self._run = (progress["max_steps"], progress["batch_size"])
        self._complete, self._estimated = progress["complete_epochs"], False
        epochs, steps = progress["max_epochs"], progress["max_steps"]
        self._meter.say(
            f"On {progress['device']}: {progress['train_images']} images to train, "
            f"{progress['val_images']} to validate; "
            f"{epochs} epochs of {steps // epochs} steps, batches of {progress['batch_size']}."
        )
        if progress["step"]:
            self._meter.say(f"Resuming after step {progress['step']} of {steps}.")


def _numbers(progress: dict[str, Any], validated: bool) -> str:
    unit = f" {progress['unit']}"
    named = [("loss", "loss", "")]
    named += [("error", "val_error", unit), ("coarse", "val_error_coarse", unit)] if validated else []
    return ", ".join(f"{word} {progress[key]:.3f}{of}" for word, key, of in named if progress.get(key) is not None)


@with_settings
def run_source(
    images: Annotated[Path, typer.Argument(help="Folder with one folder of images per class, or with --classes any.")],
    file: Annotated[Path, typer.Option("--output", "-o", help="The .safetensors file to write.")],
    options: Annotated[
        engines.SourceOptions,
        Fields(
            "architecture",
            "input_size",
            "max_epochs",
            "batch_size",
            "learning_rate",
            "flip",
            "val_fraction",
            "seed",
            "device",
            num_workers="--workers",
        ),
    ],
    classes: Annotated[
        Path | None, typer.Option(help="CSV table image,class[,split]; images are relative to the folder.")
    ] = None,
    data: Annotated[str, typer.Option(help="A sentence for the file: what the images are.")] = "",
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train the classifier that cross-task distillation starts from, where none can be had.

    Its classes are of a task near to the landmarks: persons, views, modalities. The file is written once, at the end;
    Ctrl-C leaves nothing. The accuracy is that of images that it has not seen.

    Example: `monai-landmarks train-source faces --output sources/people.safetensors --input-size 128`
    """
    if file.exists() and not overwrite:
        raise InputError(f"The file {file} exists: use --overwrite to replace it, or name another.")
    if not images.is_dir():
        raise InputError(f"The image folder {images} does not exist: give a folder with one folder per class.")
    found = engines.read_class_table(classes, images) if classes else engines.read_class_folders(images)
    epochs = options.max_epochs
    with Meter(f"Training {options.architecture}", epochs) as meter:

        def show(progress: dict[str, Any]) -> None:
            if progress["epoch"] == 0:
                return
            shown = f"loss {progress['loss']:.3f}, top-1 {100 * progress['accuracy']:.1f} %"
            meter.update(progress["epoch"], note=shown, line=f"epoch {progress['epoch']}/{epochs}: {shown}")

        result = engines.train_source(found, file, options, on_progress=show, data=data)
    if as_json:
        print_json({**asdict(result), "file": str(result.file)})
        return
    tell(
        f"{result.file}: {result.classes} classes, learned from {result.train_images} images; "
        f"top-1 {100 * result.accuracy:.1f} % of {result.val_images} held-out images."
    )

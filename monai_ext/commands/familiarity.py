"""``monai-landmarks familiarity``: lets a model warn of images that are unlike those that it was trained on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from monai_ext import engines, networks
from monai_ext.images import read_frame
from monai_ext.landmarks import InputError, Landmarks, Protocol, check_writable, shipped_dir
from monai_ext.models import FALSE_ALARMS, MARGIN, ModelCard, load_network, write_familiarity
from monai_ext.studies import Studies

from .console import Meter, print_json, tell
from .options import DeviceOption, JsonOption, ModelOption, ModelsOption, locate_model


def run(
    studies: Annotated[
        Path, typer.Option("--studies", "-s", help="Folder of images that the model was trained and validated on.")
    ],
    model: ModelOption,
    models: ModelsOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder of the file. Default: the model's own, unless it is shipped."),
    ] = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Let a trained model warn of images unlike those of its training; nothing is trained, no label is needed.

    Training does this by itself; this command is for models of earlier versions. It looks at the images of the studies
    folder, those for validation as images that the model has not learned from (by splits.json, else the model's card),
    and writes VERSION.familiar.npz.

    Example: `monai-landmarks familiarity --studies studies --model models/face`
    """
    folder = locate_model(model, models)
    if out is None and shipped_dir("pretrained") in folder.resolve().parents:
        raise InputError(f"This would change the shipped model {folder}: say where the file goes with --output.")
    study = Studies(studies)
    if not study.images():
        raise InputError(f"{studies} holds no image: name the folder of images that {model} was trained on.")
    network, card = load_network(folder)
    trained, held_out = _sides(study, card)
    target = networks.find_device(device)
    check_writable(out or folder)
    with Meter("Looking") as meter:
        found = engines.learn_familiarity(network.to(target), card.protocol, trained, held_out, target, meter.update)
    path = write_familiarity(out or folder, replace(found, version=card.version, sha256=card.sha256))
    if as_json:
        print_json(
            {"file": str(path), "images": found.images, "held_out": found.held_out, "threshold": found.threshold}
        )
        return
    tell(
        f"{card.protocol.name} {card.version} warns of images at a distance above {found.threshold:.1f}, "
        f"{MARGIN} times what {1 - FALSE_ALARMS:.0%} of {len(held_out)} held-out images and their copies do not "
        f"exceed: {path}"
    )


def _sides(study: Studies, card: ModelCard) -> tuple[list[engines.LabelledImage], list[engines.LabelledImage]]:
    """The images that the model has learned from, and those that it has not.

    Raises:
        InputError: a side is empty.
    """
    splits, validated = study.splits(), set(card.val_images)
    sides: dict[str, list[engines.LabelledImage]] = {"train": [], "val": [], "test": []}
    for id, path in study.images().items():
        side = splits.get(id) or ("val" if id in validated else "train")
        sides[side].append(_unlabelled(id, path, card.protocol))
    if not sides["train"] or not sides["val"]:
        raise InputError(
            f"{study.root} has {len(sides['train'])} images to train on and {len(sides['val'])} for validation, and "
            'both are needed: state them in splits.json, {"train": [IDs], "val": [IDs]}.'
        )
    return sides["train"], sides["val"]


def _unlabelled(id: str, path: Path, protocol: Protocol) -> engines.LabelledImage:
    """An image whose landmarks are not requested."""
    names = protocol.landmark_names
    points = Landmarks(names, np.full((len(names), 2), np.nan), read_frame(path), np.full(len(names), -1))
    return engines.LabelledImage(id, path, path, landmarks=points)

"""Where commands find and put models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monai_ext.inferers import Predictor
from monai_ext.landmarks import INSTALLED, InputError, Protocol, app_dir
from monai_ext.landmarks.protocol_file import shipped_dir
from monai_ext.models import CARD, find_model
from monai_ext.networks import find_device


def default_models_dir() -> Path:
    """The app's model folder in a copy of the repository, else ``models`` in the current folder."""
    return Path("models") if INSTALLED.is_dir() else app_dir() / "model"


ModelsOption = Annotated[
    Path | None,
    typer.Option(
        "--models", help="Folder of models, one per protocol. Default: the app's own, so that it serves them."
    ),
]
ModelOption = Annotated[
    str, typer.Option("--model", "-m", help="A model folder (holds card.json), or the name of a protocol.")
]


def locate_model(name_or_folder: str, models: Path | None) -> Path:
    """The model folder that a person named.

    Raises:
        InputError: there is none; says how to train it.
    """
    if (Path(name_or_folder) / CARD).is_file():
        return Path(name_or_folder)
    root = models or default_models_dir()
    found = find_model(name_or_folder, root, shipped_dir("pretrained"))
    if found is None:
        raise InputError(
            f"There is no model {name_or_folder!r} in {root}: train one with "
            f"`monai-landmarks train --protocol {name_or_folder} --studies DIR`."
        )
    return found


def load_predictor(task: Protocol, folder: Path, device: str) -> Predictor:
    """The model of a folder, which has to find the landmarks of a protocol.

    Raises:
        InputError: the model is damaged or of other landmarks.
    """
    predictor = Predictor.load(folder, find_device(device))
    if predictor.protocol.landmark_names != task.landmark_names:
        raise InputError(
            f"The model {folder} finds {', '.join(predictor.protocol.landmark_names)}, which are not the landmarks of "
            f"the protocol {task.name}; name another with --model."
        )
    return predictor

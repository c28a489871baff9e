"""Options that several commands have, each with one meaning, and options made from the fields of settings."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import reduce, wraps
from operator import or_
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import typer
from annotated_types import Ge, Le
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from monai_ext import inferers, networks
from monai_ext.landmarks import INSTALLED, InputError, Protocol, Unit, app_dir, shipped_dir
from monai_ext.models import CARD, find_model

ProtocolOption = Annotated[str, typer.Option("--protocol", "-p", help="A shipped protocol, or a .yaml file.")]
StudiesOption = Annotated[Path, typer.Option("--studies", "-s", help="Folder of images with labels/final/ID.mrk.json.")]
ModelOption = Annotated[
    str, typer.Option("--model", "-m", help="A model folder (holds card.json), or the name of a protocol.")
]
ModelsOption = Annotated[
    Path | None,
    typer.Option(
        "--models", help="Folder of models, one per protocol. Default: the app's own folder, which the server uses."
    ),
]
ImageOption = Annotated[list[str] | None, typer.Option("--image", help="Only this image ID; repeatable.")]
UnitOption = Annotated[
    Literal["auto", "mm", "px"], typer.Option("--unit", help="auto: mm if all images are calibrated, otherwise px.")
]
ReduceOption = Annotated[
    Literal["mean", "max"],
    typer.Option("--reduce", help="How the scores of the landmarks are combined into the score of an image."),
]
DeviceOption = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")]
RuntimeOption = Annotated[
    Literal["torch", "onnx"],
    typer.Option("--runtime", help="What runs the network: torch, or onnx (onnxruntime, on the CPU; same points)."),
]
WorkersOption = Annotated[int | None, typer.Option("--workers", min=0, help="Processes that load images.")]
SuccessOption = Annotated[
    list[str] | None,
    typer.Option(
        "--sdr",
        help="Distances of the success detection rate, in the unit of the errors; with commas, repeatable. Default: "
        "2, 2.5, 3, 4 mm, or three round steps about 1 % of the images' diagonal.",
    ),
]
FailureOption = Annotated[
    float | None,
    typer.Option(
        "--failure", min=0, help="An image fails above this mean error. Default: the largest distance of --sdr."
    ),
]
LimitOption = Annotated[
    float | None,
    typer.Option(
        "--limit", min=0, help="Upper end of the cumulative error curve and of its area. Default: twice --failure."
    ),
]
NormalizeOption = Annotated[
    str | None,
    typer.Option(
        "--normalize-by", help="NAME1,NAME2: also report errors in % of the true distance between these two landmarks."
    ),
]
NormalizedLimitOption = Annotated[
    float,
    typer.Option(
        "--normalized-limit", min=0, help="Failure threshold and upper end of the area for --normalize-by, in %."
    ),
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def default_models_dir() -> Path:
    """The app's model folder in a copy of the repository, else ``models`` in the current folder."""
    return Path("models") if INSTALLED.is_dir() else app_dir() / "model"


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


def load_predictor(task: Protocol, folder: Path, device: str) -> inferers.Predictor:
    """The model of a folder, which has to find the landmarks of a protocol.

    Raises:
        InputError: the model is damaged or of other landmarks.
    """
    predictor = inferers.Predictor.load(folder, networks.find_device(device))
    if predictor.protocol.landmark_names != task.landmark_names:
        raise InputError(
            f"The model {folder} finds {', '.join(predictor.protocol.landmark_names)}, which are not the landmarks of "
            f"the protocol {task.name}; name another with --model."
        )
    return predictor


def known_unit(unit: Literal["auto", "mm", "px"]) -> Unit | None:
    """The unit of ``--unit``; None for ``auto``."""
    return None if unit == "auto" else unit


def with_commas(text: str) -> tuple[str, ...]:
    """The words of an option that takes several with commas between them."""
    return tuple(word.strip() for word in text.split(","))


def distances(given: list[str] | None) -> tuple[float, ...] | None:
    """The distances of ``--sdr``; None if there are none.

    Raises:
        InputError: one is no number.
    """
    if not given:
        return None
    named = ",".join(given)
    try:
        return tuple(float(part) for part in named.split(","))
    except ValueError:
        raise InputError(f"--sdr takes distances with commas, e.g. 5,10,20, not {named!r}.") from None


def between(named: str | None, protocol: Protocol) -> tuple[str, str] | None:
    """The two landmarks of ``--normalize-by``.

    Raises:
        InputError: not two different landmarks of the protocol.
    """
    if named is None:
        return None
    names = with_commas(named)
    if len(names) != 2 or names[0] == names[1] or not set(names) <= set(protocol.landmark_names):
        raise InputError(
            f"--normalize-by needs two different landmarks out of {', '.join(protocol.landmark_names)}, not {named!r}."
        )
    return names[0], names[1]


class Fields:
    """Fields of a settings model that a command offers: metadata of the parameter that takes the settings.

    Args:
        *names: of the fields; the option of ``max_epochs`` is ``--max-epochs``.
        **options: fields with another option, as ``num_workers="--workers"``.
    """

    def __init__(self, *names: str, **options: str) -> None:
        self._options = {name: f"--{name.replace('_', '-')}" for name in names} | options

    def parameters(self, model: type[BaseModel]) -> Iterator[inspect.Parameter]:
        """One parameter for each field, as Typer reads them from a function."""
        for name, option in self._options.items():
            field = model.model_fields[name]
            kind, least, most = _range(field)
            described = typer.Option(option, help=field.description, min=least, max=most)
            yield inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=Annotated[kind, described]
            )

    def settings(self, model: type[BaseModel], values: dict[str, Any]) -> BaseModel:
        """Takes the fields out of a command's values.

        Raises:
            typer.BadParameter: the settings refuse a value.
        """
        try:
            return model(**{name: values.pop(name) for name in self._options})
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0])
            help = model.model_fields[name].description
            raise typer.BadParameter(
                f"{first['input']!r}: {first['msg']}. {help or ''}".rstrip(),
                param_hint=f"'{self._options[name]}'",
            ) from None


def _range(field: FieldInfo) -> tuple[Any, Any, Any]:
    """The type of a field without its constraints, and the least and the largest value where they are allowed."""
    kind, metadata = field.annotation, list(field.metadata)
    if get_origin(kind) in (Union, UnionType):  # of Annotated[int, Field(ge=1)] | None, say
        parts = [part.__origin__ if get_origin(part) is Annotated else part for part in get_args(kind)]
        metadata += [
            bound for part in get_args(kind) for item in getattr(part, "__metadata__", ()) for bound in item.metadata
        ]
        kind = reduce(or_, parts)
    least = next((item.ge for item in metadata if isinstance(item, Ge)), None)
    most = next((item.le for item in metadata if isinstance(item, Le)), None)
    return kind, least, most


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command one option for each field that its parameters ``Annotated[Settings, Fields(...)]`` name.

    The command itself is called with the settings.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, tuple[type[BaseModel], Fields]] = {}
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        model, *metadata = get_args(hints[name]) or (None,)
        fields = next((item for item in metadata if isinstance(item, Fields)), None)
        if fields is None:
            parameters.append(parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY))
        else:
            groups[name] = model, fields
            parameters += fields.parameters(model)

    @wraps(command)
    def run(**values: Any) -> None:
        settings = {name: fields.settings(model, values) for name, (model, fields) in groups.items()}
        command(**values, **settings)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run

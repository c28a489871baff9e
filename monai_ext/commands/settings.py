"""Options of a command that are the fields of a settings model, so that range, default and help are stated once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import reduce, wraps
from operator import or_
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import typer
from annotated_types import Ge, Le
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo


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

"""Registries of what a protocol asks for by name, and the plug-ins that add to them."""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, TypeVar

from pydantic import ValidationError, ValidationInfo
from pydantic_core import InitErrorDetails, PydanticCustomError, PydanticKnownError

from .document import Strict
from .errors import InputError

#: Group of entry points under which an installed package names its modules.
GROUP = "monai_landmarks.plugins"
#: Environment variable with further modules, separated by commas.
VARIABLE = "MONAI_LANDMARKS_PLUGINS"

T = TypeVar("T")


@cache
def load_plugins() -> None:
    """Imports, once, the modules that installed packages and the environment name.

    A protocol names what is registered and never a module: code comes from the owner of the machine alone.

    Raises:
        InputError: a module cannot be imported.
    """
    named = [name.strip() for name in os.environ.get(VARIABLE, "").split(",")]
    for module in dict.fromkeys([*(point.value for point in entry_points(group=GROUP)), *filter(None, named)]):
        try:
            import_module(module)
        except Exception as error:  # a module of others may fail in any way
            raise InputError(
                f"The plug-in {module} cannot be loaded ({type(error).__name__}: {error}): correct it, or remove it "
                f"from {VARIABLE} or from the installed packages."
            ) from error


class Registry(dict[str, T]):
    """Things by the name that protocols use; a name that is absent is looked for in the plug-ins.

    Args:
        noun: what messages call one.
        items: those that need no plug-in.
    """

    def __init__(self, noun: str, items: dict[str, T]) -> None:
        super().__init__(items)
        self.noun = noun

    def add(self, name: str, item: T) -> None:
        """Adds a thing; the same again changes nothing.

        Raises:
            InputError: the name stands for another thing.
        """
        if self.setdefault(name, item) != item:
            raise InputError(f"There is a {self.noun} {name!r} already: rename the one of the plug-in.")

    def unknown(self, name: object) -> str | None:
        """The mistake in a name, as the end of a sentence; None if there is such a thing."""
        if isinstance(name, str):
            if name not in self:
                load_plugins()
            if name in self:
                return None
        names = f"use one of {', '.join(map(repr, self))}, or " if self else ""
        return f"unknown {self.noun} {name!r}; {names}load the plug-in that has it"


N = TypeVar("N", bound=Strict)


def name_of(options: type[Strict]) -> str:
    """The default ``name`` of a class of options.

    Raises:
        InputError: it has none.
    """
    field = options.model_fields.get("name")
    if field is None or not isinstance(field.default, str):
        raise InputError(f'The options {options.__name__} need a name of their own, as name: Literal["mine"] = "mine".')
    return field.default


def validated(registry: Registry[type[N]], value: Any, info: ValidationInfo, default: str | None = None) -> N:
    """Options of the kind that their ``name`` says, for a pydantic validator.

    Args:
        registry: classes of options by name.
        value: a mapping, or options that are validated already.
        info: of the validator.
        default: name where the mapping has none.

    Raises:
        ValidationError: an unknown name, at ``name``, or a wrong option, at its own place.
    """
    if isinstance(value, Strict):
        return value  # type: ignore[return-value]  # its class is checked by the field
    if not isinstance(value, dict):
        raise PydanticKnownError("dict_type")
    value = value if default is None else {"name": default, **value}
    name = value.get("name")
    reason = registry.unknown(name)
    if reason is not None:
        error = PydanticCustomError("unknown_name", "{reason}", {"reason": reason})
        raise ValidationError.from_exception_data(
            registry.noun, [InitErrorDetails(type=error, loc=("name",), input=value)]
        )
    return registry[str(name)].model_validate(value, context=info.context)

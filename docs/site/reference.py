"""The generated pages: every key of a protocol file, and every public name of the library."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import griffe
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from monai_ext.landmarks import Protocol
from monai_ext.landmarks.network_config import NETWORKS, NetworkConfig

ROOT = Path(__file__).resolve().parents[2]
#: Rooms in the order of the floors.
ROOMS = (
    "landmarks",
    "images",
    "formats",
    "structured_reports",
    "dicomweb",
    "transforms",
    "networks",
    "losses",
    "metrics",
    "inferers",
)
ROOMS += (
    "models",
    "model_export",
    "engines",
    "studies",
    "importing",
    "active",
    "evaluation",
    "reports",
    "experiments",
    "doctor",
    "phantoms",
)


def room_page(room: str) -> str:
    """All public names of a room."""
    names = [f"::: monai_ext.{room}.{name}\n" for name in public_names(room)]
    return "\n".join([f"# monai_ext.{room}\n", f"{_plain(_library()[room].docstring.value)}\n", *names])


def public_names(room: str) -> list[str]:
    """The documented classes and functions that a room's face names."""
    package = _library()[room]
    return [name for name in package.exports or () if _documented(package, str(name))]


def protocol_page() -> str:
    """A table of keys for the protocol and for each document in it."""
    parts = [
        "# Protocol files\n",
        "Every key with its type, its default and its meaning. A mistake is refused with its line. "
        "Editors check a file that begins with `# yaml-language-server: $schema=PATH/protocol.schema.json`; "
        "[the schema](../protocol.schema.json) comes with the documentation.\n",
    ]
    for model in _documents():
        parts += [
            f"## {model.__name__}\n",
            f"{_summary(model)}\n",
            "| key | type | default | meaning |",
            "|---|---|---|---|",
        ]
        meanings = argument_meanings(model)
        for name, field in model.model_fields.items():
            meaning = _plain(field.description or meanings.get(name, "")).replace("|", "\\|")
            parts.append(f"| `{name}` | {_type(model, name)} | {_default(field)} | {meaning} |")
        parts.append("")
    return "\n".join(parts)


def schema_text() -> str:
    """The JSON schema of a protocol file that asks for one of the shipped networks."""
    schema = Protocol.model_json_schema()
    definitions = schema["$defs"]
    definitions.pop(NetworkConfig.__name__)
    for kind in NETWORKS.values():
        own = kind.model_json_schema()
        definitions |= own.pop("$defs", {}) | {kind.__name__: own}
    choices = [{"$ref": f"#/$defs/{kind.__name__}"} for kind in NETWORKS.values()]
    schema["properties"]["network"] = {"anyOf": choices}
    for model in _documents():
        part = schema if model is Protocol else definitions[model.__name__]
        for name, meaning in argument_meanings(model).items():
            part["properties"].get(name, {}).setdefault("description", _plain(meaning))
    definitions["TransformOptions"]["additionalProperties"] = True  # those of plug-ins are not known here
    definitions["Picture"] = {"anyOf": [{"type": "string"}, definitions["Picture"]]}  # a path alone will do
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def argument_meanings(model: type[BaseModel]) -> dict[str, str]:
    """What the docstrings of a class and of its bases say of each key."""
    meanings: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if not cls.__doc__ or not issubclass(cls, BaseModel):
            continue
        docstring = griffe.Docstring(cls.__doc__, parser="google", parser_options={"warnings": False})
        for section in docstring.parsed:
            if section.kind is griffe.DocstringSectionKind.parameters:
                for item in section.value:
                    for name in item.name.split(","):
                        meanings[name.strip()] = item.description
    return meanings


def _documents() -> list[type[BaseModel]]:
    """The protocol and what is in it, the options of each network in the place of what they share."""
    found: list[type[BaseModel]] = []
    for model in _models(Protocol):
        kinds = list(NETWORKS.values()) if model is NetworkConfig else [model]
        found += [each for each in kinds if each not in found]
    return found


def _models(root: type[BaseModel]) -> list[type[BaseModel]]:
    """The document and those in it, each once, in the order in which a reader meets them."""
    found: list[type[BaseModel]] = []

    def visit(annotation: Any) -> None:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            if annotation not in found:
                found.append(annotation)
                for field in annotation.model_fields.values():
                    visit(field.annotation)
            return
        for part in getattr(annotation, "__args__", ()):
            visit(part)

    visit(root)
    return found


def _summary(model: type[BaseModel]) -> str:
    return _plain((model.__doc__ or "").partition("\n\n")[0])


def _plain(text: str) -> str:
    """Markdown of a docstring's text: one line, names as code."""
    named = re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"`\1`", " ".join(text.split()))
    return named.replace("``", "`")


def _type(model: type[BaseModel], name: str) -> str:
    schema = model.model_json_schema()["properties"].get(name, {})
    return _schema_type(schema)


def _schema_type(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name == NetworkConfig.__name__:
            return " or ".join(f"[{kind.__name__}](#{kind.__name__.lower()})" for kind in NETWORKS.values())
        return f"[{name}](#{name.lower()})"
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return " or ".join(dict.fromkeys(_schema_type(part) for part in schema[key]))
    if schema.get("type") == "array":
        inner = schema.get("items") or {}
        return "list" if inner is True or not inner else f"list of {_schema_type(inner)}"
    low, high = (
        schema.get("minimum", schema.get("exclusiveMinimum")),
        schema.get("maximum", schema.get("exclusiveMaximum")),
    )
    bounds = "" if low is None and high is None else f", {'' if low is None else low} to {'' if high is None else high}"
    return {"null": "null", None: "any"}.get(schema.get("type"), f"{schema.get('type')}{bounds}")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return "its own defaults"
    return f"`{json.dumps(value, default=str)}`"


@cache
def _library() -> Any:
    return griffe.load("monai_ext", search_paths=[str(ROOT)], resolve_aliases=True)


def _documented(package: Any, name: str) -> bool:
    try:
        member = package[name]
        return bool((member.is_class or member.is_function) and member.docstring)
    except (griffe.AliasResolutionError, KeyError):
        return False

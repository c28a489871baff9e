"""Protocols from YAML files: found by name, read, and refused with the line and the reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import ValidationError

from .errors import InputError
from .protocol import Protocol

_PACKAGE = Path(__file__).resolve().parents[1]


#: How the names of protocol files end.
PROTOCOL_EXTENSIONS = (".yaml", ".yml")
#: Where an installed package holds what lies beside it in a copy of the repository.
INSTALLED = _PACKAGE / "_shipped"


def app_dir() -> Path:
    """The folder of the MONAI Label app: inside an installed package, or that of a copy of the repository."""
    return INSTALLED / "app" if INSTALLED.is_dir() else _PACKAGE.parent / "apps" / "landmarks"


def shipped_dir(kind: Literal["protocols", "pretrained"]) -> Path:
    """The folder of shipped protocols or models: that of the app."""
    return app_dir() / kind


def _line_of(node: yaml.Node | None, location: Iterable[Any]) -> int:
    """The 1-based line of the deepest node on a pydantic error location."""
    line = 1
    for key in location:
        child = None
        if isinstance(node, yaml.MappingNode):
            for key_node, value_node in node.value:
                if key_node.value == str(key):
                    line, child = key_node.start_mark.line + 1, value_node
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            child = node.value[key]
            line = child.start_mark.line + 1
        if child is None:
            break
        node = child
    return line


def _repeated_key(root: yaml.Node | None) -> yaml.ScalarNode | None:
    """The first key that its mapping holds already: YAML itself would let the later one win without a word."""
    waiting, visited = [root], set()
    while waiting:
        node = waiting.pop()
        if node is None or id(node) in visited:  # an alias may lead back to its own anchor
            continue
        visited.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting.extend(reversed(node.value))
        elif isinstance(node, yaml.MappingNode):
            keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            first = {key.value: key for key in reversed(keys)}
            repeated = next((key for key in keys if first[key.value] is not key), None)
            if repeated is not None:
                return repeated
            waiting.extend(value for _, value in reversed(node.value))
    return None


def _reason(error: Any) -> str:
    field = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"the key {field!r} is unknown; remove it or correct its spelling"
    if error["type"] == "missing":
        return f"the key {field!r} is missing; add it"
    message = str(error["msg"]).removeprefix("Value error, ").removesuffix(".")
    shown = error.get("input")
    value = "" if isinstance(shown, dict | list | tuple) else f" (got {shown!r:.80})"
    return f"{field}: {message}{value}" if field else message


def read_protocol(path: str | Path) -> Protocol:
    """Reads one protocol file.

    Raises:
        InputError: the file cannot be read, is not YAML, or is not a protocol; names the file, line and reason.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The protocol file {path} cannot be read: {error}.") from None
    try:
        node, document = _parsed(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = " ".join(str(getattr(error, "problem", error)).split())
        raise InputError(f"{path}, line {line}: not valid YAML: {problem}.") from None
    repeated = _repeated_key(node)
    if repeated is not None:
        line = repeated.start_mark.line + 1
        raise InputError(f"{path}, line {line}: the key {repeated.value!r} occurs twice in its block; keep one.")
    if not isinstance(document, dict):
        raise InputError(f"{path}, line 1: a protocol must be a mapping of keys to values, not {document!r}.")
    try:
        return Protocol.model_validate(document, context={"folder": path.parent})
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{path}, line {_line_of(node, first['loc'])}: {_reason(first)}.") from None


def _parsed(text: str) -> tuple[yaml.Node | None, Any]:
    """Parses YAML once: its nodes, which know their lines, and their values.

    libyaml does it where it is there, many times as fast; what it refuses is refused in the words of Python's parser.
    """
    try:
        return _loaded(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError:
        return _loaded(text, yaml.SafeLoader)


def _loaded(text: str, kind: type[Any]) -> tuple[yaml.Node | None, Any]:
    loader = kind(text)
    try:
        node = loader.get_single_node()
        return node, None if node is None else loader.construct_document(node)
    finally:
        loader.dispose()


def protocol_files(folder: str | Path) -> list[Path]:
    """The protocol files of a folder, by name.

    Raises:
        InputError: the folder does not exist.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"The protocol folder {folder} does not exist.")
    return sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])


def read_protocols(folders: Iterable[str | Path]) -> dict[str, Protocol]:
    """All protocols of some folders by name, in file-name order; a later folder may replace a name of an earlier one.

    Raises:
        InputError: a folder does not exist, a file is refused, or two files of one folder use one name; names all
            that is wrong, not only the first.
    """
    protocols, mistakes = survey_protocols(folders)
    if mistakes:
        raise InputError(all_of("protocols", mistakes))
    return protocols


def survey_protocols(folders: Iterable[str | Path]) -> tuple[dict[str, Protocol], list[str]]:
    """(protocols that can be used by name, one sentence for each mistake), as :func:`read_protocols` would find."""
    protocols: dict[str, Protocol] = {}
    mistakes: list[str] = []
    for folder in folders:
        found: dict[str, Path] = {}
        try:
            paths = protocol_files(folder)
        except InputError as error:
            mistakes.append(str(error))
            continue
        for path in paths:
            try:
                protocol = read_protocol(path)
                if protocol.name in found:
                    raise InputError(f"{found[protocol.name]} and {path} both define the protocol {protocol.name!r}.")
            except InputError as error:
                mistakes.append(str(error))
                continue
            found[protocol.name] = path
            protocols[protocol.name] = protocol
    return protocols, mistakes


def all_of(what: str, mistakes: Sequence[str]) -> str:
    """One sentence with all mistakes of a kind; a single one stands for itself."""
    if len(mistakes) == 1:
        return mistakes[0]
    numbered = "; ".join(f"({i}) {mistake.rstrip('.')}" for i, mistake in enumerate(mistakes, start=1))
    return f"The {what} have {len(mistakes)} mistakes: {numbered}."


def find_protocol(name_or_path: str | Path) -> Protocol:
    """The protocol of a YAML file, or a shipped one by name.

    Raises:
        InputError: neither a file nor a shipped protocol; lists the shipped names.
    """
    path = Path(name_or_path)
    if path.suffix in PROTOCOL_EXTENSIONS:
        return read_protocol(path)
    shipped = read_protocols([shipped_dir("protocols")])
    if str(name_or_path) not in shipped:
        raise InputError(
            f"There is no protocol {str(name_or_path)!r}; use one of {', '.join(shipped)} or the path of a .yaml file."
        )
    return shipped[str(name_or_path)]

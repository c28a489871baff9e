"""Statements of a person about a model, from a YAML file beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BeforeValidator, Field, ValidationError

from monai_ext.landmarks import InputError, Strict

#: Name of the file in a model folder.
ABOUT = "about.yaml"

#: Text of missing statements.
NOT_STATED = "not stated"


def _one_line(value: object) -> object:
    """Text on one line: YAML's folded blocks end with a line feed."""
    return " ".join(value.split()) if isinstance(value, str) else value


Sentence = Annotated[str, BeforeValidator(_one_line), Field(min_length=1, max_length=2000)]


class DataFacts(Strict):
    """Images that a model was trained on; None is not stated.

    Args:
        name: of the data set.
        count: how many images.
        licence: under which they may be used.
        attribution: whom to name.
        source: where they come from.
    """

    name: Sentence
    count: Annotated[int, Field(ge=0)] | None = None
    licence: Sentence | None = None
    attribution: Sentence | None = None
    source: Sentence | None = None


class TrainingFacts(Strict):
    """Training of a model without a record beside it; None is not stated.

    Args:
        command: that was run.
        hardware: that it ran on.
        duration: that it took.
    """

    command: Sentence | None = None
    hardware: Sentence | None = None
    duration: Sentence | None = None


class About(Strict):
    """All that a person says of a model; None or empty is not stated.

    Args:
        summary: what the model is.
        intended_use: what it is for.
        not_for: what it must not be used for.
        known_failures: where it is known to be wrong.
        licence: of the weights.
        contact: whom to ask.
        data: that it was trained on.
        training: how.
    """

    summary: Sentence | None = None
    intended_use: Sentence | None = None
    not_for: tuple[Sentence, ...] = ()
    known_failures: tuple[Sentence, ...] = ()
    licence: Sentence | None = None
    contact: Sentence | None = None
    data: tuple[DataFacts, ...] = ()
    training: TrainingFacts = TrainingFacts()


def read_about(path: str | Path) -> About:
    """Reads an ``about.yaml``.

    Raises:
        InputError: the file cannot be read, is not YAML, or says something that it may not; names file and key.
    """
    path = Path(path)
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise InputError(f"{path}, line {line}: not valid YAML; correct it.") from None
    if document is None:
        return About()
    if not isinstance(document, dict):
        raise InputError(f"{path} must be a mapping of keys to values, not {document!r:.80}.")
    try:
        return About.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            known = ", ".join(About.model_fields)
            raise InputError(f"{path}: the key {key!r} is unknown; the file's own keys are {known}.") from None
        raise InputError(f"{path}: {key}: {first['msg']} (got {first['input']!r:.80}).") from None

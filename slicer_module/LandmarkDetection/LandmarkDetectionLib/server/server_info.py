"""The server's answer to ``/info/``: protocols, networks, strategies, progress of training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import BadAnswer
from ..words import tr as _
from .json_fields import as_object, number_or_none
from .task_definition import TaskDefinition

#: The states of a training that goes on.
ACTIVE = ("queued", "running")


@dataclass(frozen=True)
class ModelInfo:
    """The predictor of one protocol, mostly a network.

    Attributes:
        version: e.g. ``v3``.
        labels_used: how many labelled images it was trained on.
        val_error: mean distance on its validation images, in ``unit``; None if unknown.
        message: a sentence of the server's where something else than a network answers; else empty.
    """

    version: str
    labels_used: int | None = None
    val_error: float | None = None
    unit: str = ""
    message: str = ""


@dataclass(frozen=True)
class TrainStats:
    """The progress of one protocol's training.

    Attributes:
        status: ``never``, ``queued``, ``running``, ``done``, ``stopped`` or ``failed``.
        loss, val_error, best: None before the first epoch or validation; errors are in ``unit``.
        message: one sentence at the end of a run.
    """

    status: str = "never"
    epoch: int = 0
    max_epochs: int = 0
    loss: float | None = None
    val_error: float | None = None
    best: float | None = None
    unit: str = ""
    model_version: str = ""
    labels_used: int | None = None
    message: str = ""

    @property
    def active(self) -> bool:
        return self.status in ACTIVE

    @classmethod
    def from_dict(cls, document: Any) -> TrainStats:
        entry = document if isinstance(document, dict) else {}

        def number(name: str) -> float | None:
            return number_or_none(entry.get(name), f"train_stats.{name}")

        labels = number("labels_used")
        return cls(
            status=_text(entry, "status") or "never",
            epoch=int(number("epoch") or 0),
            max_epochs=int(number("max_epochs") or 0),
            loss=number("loss"),
            val_error=number("val_error"),
            best=number("best"),
            unit=_text(entry, "unit"),
            model_version=_text(entry, "model_version"),
            labels_used=None if labels is None else int(labels),
            message=_text(entry, "message"),
        )


@dataclass(frozen=True)
class ServerInfo:
    """The answer of ``/info/``.

    Attributes:
        name, version: of the app.
        tasks: protocols by name, in the server's order.
        models: what answers, by protocol; a protocol without it cannot Auto-detect yet.
        strategies: strategy names with a sentence about each.
        train_stats: progress by protocol; a protocol without an entry cannot be trained on this server.
        train_options: parameters by protocol with their present values, e.g. ``{"max_epochs": 60}``.
        readers: how many people label each image, each of whom sees the own labels alone.
        instance: what the running server calls itself at each of its addresses; empty if it does not.
    """

    name: str
    version: str
    tasks: Mapping[str, TaskDefinition]
    models: Mapping[str, ModelInfo]
    strategies: Mapping[str, str]
    train_stats: Mapping[str, TrainStats]
    train_options: Mapping[str, Mapping[str, Any]]
    readers: int = 1
    instance: str = ""

    @classmethod
    def from_dict(cls, document: Any) -> ServerInfo:
        """Reads ``/info/``.

        Raises:
            BadAnswer: this is not the landmarks app, or a field has the wrong type.
        """
        entry = as_object(document, "The answer of /info/")
        if not isinstance(entry.get("protocols"), dict):
            raise BadAnswer(_("This MONAI Label server does not run the landmarks app: start it with --app landmarks."))
        tasks = {
            name: TaskDefinition.from_dict(item, f"The protocol {name}") for name, item in entry["protocols"].items()
        }
        return cls(
            name=_text(entry, "name"),
            version=_text(entry, "version"),
            tasks=tasks,
            models={n: _model(i) for n, i in as_object(entry.get("models", {}), "models").items() if n in tasks},
            strategies={
                n: _text(i, "description") if isinstance(i, dict) else ""
                for n, i in as_object(entry.get("strategies", {}), "strategies").items()
            },
            train_stats={
                n: TrainStats.from_dict(i)
                for n, i in as_object(entry.get("train_stats", {}), "train_stats").items()
                if n in tasks
            },
            train_options={
                n: as_object(i, f"trainers.{n}").get("config") or {}
                for n, i in as_object(entry.get("trainers", {}), "trainers").items()
                if n in tasks
            },
            readers=int(number_or_none(entry.get("readers"), "readers") or 1),
            instance=_text(entry, "instance"),
        )


def _text(entry: dict[str, Any], name: str) -> str:
    value = entry.get(name)
    return "" if value is None else str(value)


def _model(document: Any) -> ModelInfo:
    entry = as_object(document, "models")
    training = as_object(entry.get("training") or {}, "models.training")
    labels = number_or_none(training.get("labels_used"), "models.training.labels_used")
    return ModelInfo(
        version=_text(entry, "model_version"),
        labels_used=None if labels is None else int(labels),
        val_error=number_or_none(training.get("val_error"), "models.training.val_error"),
        unit=_text(training, "unit"),
        message=_text(entry, "message"),
    )

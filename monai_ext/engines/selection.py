"""The validations of a run and the weights that it keeps."""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import nn

from .validation import ValidationError


class Selection:
    """Keeps the weights with the least validation error, or the last ones, and says when to stop early.

    Args:
        patience: validations without a gain before the run ends; 0 never ends it.
        keep: which weights.

    Attributes:
        history: one dict per validation.
        best: the error of the kept weights.
        weights: the kept weights, on the CPU; empty before the first validation.
    """

    def __init__(self, patience: int, keep: Literal["best", "last"]) -> None:
        self._patience, self._keep = patience, keep
        self._stale = 0
        self.history: list[dict[str, float]] = []
        self.best = ValidationError(math.inf, "px")
        self.weights: dict[str, torch.Tensor] = {}

    @property
    def exhausted(self) -> bool:
        """Whether the run has gone on for long enough without a gain."""
        return bool(self._patience) and self._stale >= self._patience

    def add(self, entry: dict[str, float], error: ValidationError, network: nn.Module) -> None:
        """Takes a validation and, where it is the best, the weights."""
        self.history.append(entry)
        if error.value < self.best.value or not self.weights or self._keep == "last":
            self.best, self._stale = error, 0
            self.weights = {name: t.detach().cpu().clone() for name, t in network.state_dict().items()}
        else:
            self._stale += 1

    def state_dict(self) -> dict[str, Any]:
        """What :meth:`load_state_dict` takes."""
        best = tuple(self.best)
        return {"best_state": self.weights, "best": best, "history": self.history, "stale": self._stale}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Goes on from a saved state."""
        self.weights = {name: tensor.cpu() for name, tensor in saved["best_state"].items()}
        self.best = ValidationError(*saved["best"])
        self.history, self._stale = saved["history"], saved["stale"]

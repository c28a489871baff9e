"""Predictions that wait in the middle until a test lets them go on."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from monai_ext.inferers import Predictor

SECONDS = 20


class Pause:
    """Holds every prediction, or those of one model version, before the network runs.

    Args:
        monkeypatch: undoes it at the end of the test.
        version: of the model whose predictions are held; None holds all.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, version: str | None = None) -> None:
        self._begun, self._go_on = threading.Event(), threading.Event()
        predict = Predictor.predict_stages

        def held(predictor: Predictor, *arguments: Any) -> Any:
            if version in (None, predictor.version):
                self._begun.set()
                assert self._go_on.wait(SECONDS)
            return predict(predictor, *arguments)

        monkeypatch.setattr(Predictor, "predict_stages", held)

    def wait_until_begun(self) -> None:
        """Returns once a prediction is held."""
        assert self._begun.wait(SECONDS)

    def end(self) -> None:
        """Lets all predictions go on."""
        self._go_on.set()

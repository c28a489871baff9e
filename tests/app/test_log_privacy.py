"""What other libraries say about images and folders stays out of the server's log."""

from __future__ import annotations

import warnings

import pytest
from mlflow.environment_variables import MLFLOW_DISABLE_TELEMETRY

from lib.access import keep_requests_out_of_logs


def warn(module: str, category: type[Warning]) -> None:
    """Warns as a line of ``module`` would."""
    code = "import warnings; warnings.warn('labels/final/Mustermann_1961 is watched twice', category)"
    exec(code, {"__name__": module, "category": category})


@pytest.mark.parametrize(
    ("module", "category", "shown"),
    [
        ("watchdog.observers.inotify_c", RuntimeWarning, 0),
        ("watchdog.observers.inotify_c", DeprecationWarning, 1),
        ("watchdogs", RuntimeWarning, 1),
        ("torch.cuda", RuntimeWarning, 1),
    ],
)
def test_a_watched_folder_is_not_named(module: str, category: type[Warning], shown: int) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        keep_requests_out_of_logs(["/info/"])
        warn(module, category)
    assert len(caught) == shown


def test_mlflow_reports_no_use() -> None:
    assert MLFLOW_DISABLE_TELEMETRY.is_set()
    assert MLFLOW_DISABLE_TELEMETRY.get() is True

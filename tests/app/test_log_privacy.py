"""What other libraries say about images and folders stays out of the server's log, which lies where logging has it."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from monailabel.config import settings

from lib.access import keep_requests_out_of_logs
from lib.errors import NotFoundError
from lib.routes.doors import doors_router


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


def test_the_opened_log_is_the_file_that_the_server_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "MONAI_LABEL_APP_DIR", str(tmp_path / "read-only package"))
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    api = FastAPI()
    opened = SimpleNamespace(settings=SimpleNamespace(conf=SimpleNamespace(allow="logs")))
    api.include_router(doors_router(None, opened))
    with pytest.raises(NotFoundError, match="writes no log file"):
        TestClient(api).get("/logs/")
    handler = logging.FileHandler(tmp_path / "app.log", encoding="utf-8")
    monkeypatch.setattr(logging.getLogger(), "handlers", [logging.NullHandler(), handler])
    logging.getLogger("eyes").warning("The first line.")
    logging.getLogger("eyes").warning("The second line.")
    handler.close()
    assert TestClient(api).get("/logs/?lines=1").text == "The second line.\n"

"""Where the Slicer module and the server's test tools lie."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
MODULE = TESTS.parent / "slicer_module" / "LandmarkDetection"

sys.path[:0] = [
    path for path in (str(MODULE), str(TESTS / "app"), str(TESTS / "slicer_module")) if path not in sys.path
]


_NEEDS_SERVER = ["test_client_server.py", "test_flow.py", "test_flow_failures.py"]
collect_ignore = [] if importlib.util.find_spec("monailabel") else _NEEDS_SERVER  # the extra `server`

if importlib.util.find_spec("slicer_core") and importlib.util.find_spec("PySide6"):
    # Without PySide6 the panel's tests fail.
    from panel_fixtures import client, connect, connected, detected, make_panel, panel, place  # noqa: F401

from session_desk import desk  # noqa: E402, F401 - a fixture

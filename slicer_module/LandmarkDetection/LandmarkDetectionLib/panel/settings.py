"""Settings that are kept between sessions: servers, name, options; never the access token."""

from __future__ import annotations

import json
from typing import Any

from ..scene.point_names import ALL, NAMES

_GROUP = "LandmarkDetection"
_LONGEST = 10


class Settings:
    """Servers, the annotator's name and options in Slicer's settings."""

    def __init__(self, store: Any) -> None:
        self._store = store

    @property
    def servers(self) -> list[str]:
        """Addresses, most recent first."""
        try:
            found = json.loads(self._read("Servers") or "[]")
        except ValueError:
            return []
        return [item for item in found if isinstance(item, str)] if isinstance(found, list) else []

    def add_server(self, address: str) -> None:
        servers = [address, *(item for item in self.servers if item != address)][:_LONGEST]
        self._store.setValue(f"{_GROUP}/Servers", json.dumps(servers))

    @property
    def annotator(self) -> str:
        return self._read("Annotator")

    @annotator.setter
    def annotator(self, name: str) -> None:
        self._store.setValue(f"{_GROUP}/Annotator", name)

    @property
    def names(self) -> str:
        """Names shown in the view: ``all``, ``current`` or ``none``."""
        found = self._read("Names")
        return found if found in NAMES else ALL

    @names.setter
    def names(self, mode: str) -> None:
        self._store.setValue(f"{_GROUP}/Names", mode)

    @property
    def detect_on_open(self) -> bool:
        return self._read("DetectOnOpen") == "yes"

    @detect_on_open.setter
    def detect_on_open(self, wanted: bool) -> None:
        self._write("DetectOnOpen", wanted)

    @property
    def next_after_submit(self) -> bool:
        return self._read("NextAfterSubmit") == "yes"

    @next_after_submit.setter
    def next_after_submit(self, wanted: bool) -> None:
        self._write("NextAfterSubmit", wanted)

    def _write(self, name: str, wanted: bool) -> None:
        self._store.setValue(f"{_GROUP}/{name}", "yes" if wanted else "no")

    def _read(self, name: str) -> str:
        value = self._store.value(f"{_GROUP}/{name}")
        return value if isinstance(value, str) else ""

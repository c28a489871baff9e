"""What the module remembers of a person between sessions: servers, a name, what the view shows. The access token is never stored."""

from __future__ import annotations

import json
from typing import Any

from .name_layout import ALL, NAMES

_GROUP = "LandmarkDetection"
_LONGEST = 10


class Settings:
    """What is remembered, in Slicer's settings.

    Args:
        store: ``slicer.app.userSettings()``.
    """

    def __init__(self, store: Any) -> None:
        self._store = store

    @property
    def servers(self) -> list[str]:
        """Addresses, the last one used first."""
        try:
            found = json.loads(self._read("Servers") or "[]")
        except ValueError:
            return []
        return [item for item in found if isinstance(item, str)] if isinstance(found, list) else []

    def add_server(self, address: str) -> None:
        """An address was used."""
        servers = [address, *(item for item in self.servers if item != address)][:_LONGEST]
        self._store.setValue(f"{_GROUP}/Servers", json.dumps(servers))

    @property
    def annotator(self) -> str:
        """The person's name."""
        return self._read("Annotator")

    @annotator.setter
    def annotator(self, name: str) -> None:
        self._store.setValue(f"{_GROUP}/Annotator", name)

    @property
    def names(self) -> str:
        """Which names are in the view: ``all``, ``current`` or ``none``."""
        found = self._read("Names")
        return found if found in NAMES else ALL

    @names.setter
    def names(self, mode: str) -> None:
        self._store.setValue(f"{_GROUP}/Names", mode)

    def _read(self, name: str) -> str:
        value = self._store.value(f"{_GROUP}/{name}")
        return value if isinstance(value, str) else ""

"""Fixtures of the panel's tests: the module in its host, where an error inside a Qt slot or an observer fails."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from folder_client import FolderClient
from host.install import MODULE
from panel_driver import Driver
from swallowed import nothing_swallowed


@pytest.fixture
def make_panel(tmp_path: Path) -> Iterator[Callable[..., Driver]]:
    """Opens the module in a new application; what is swallowed inside slots and observers fails the test."""
    drivers: list[Driver] = []

    def make(make_client: Any = None, folder: Path = tmp_path, source: Path = MODULE) -> Driver:
        drivers.append(Driver(folder, make_client, source=source))
        return drivers[-1]

    with nothing_swallowed():
        yield make
        for driver in drivers:
            driver.close()


@pytest.fixture
def client() -> FolderClient:
    """Three photographs, and no server."""
    return FolderClient()


@pytest.fixture
def connect(make_panel: Callable[..., Driver]) -> Callable[[Any], Driver]:
    """Opens the module and connects it to a client."""

    def connected(client: Any) -> Driver:
        driver = make_panel(lambda _address, _token: client)
        driver.connect("http://stand-in")
        return driver

    return connected


@pytest.fixture
def connected(connect: Callable[[Any], Driver], client: FolderClient) -> Driver:
    """Nothing is open yet."""
    return connect(client)


@pytest.fixture
def panel(connected: Driver) -> Driver:
    """The first image is open."""
    connected.do("nextSample")
    return connected


@pytest.fixture
def detected(panel: Driver) -> Driver:
    """The prediction is shown."""
    panel.do("detect")
    return panel


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The server of all tests of a session; what one test labels the next one finds."""
    from spot_server import spot_server  # PyTorch, which most tests here do without

    logging.getLogger("ignite").setLevel(logging.WARNING)
    with spot_server(tmp_path_factory.mktemp("place") / "with a space") as running:
        yield running

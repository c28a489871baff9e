"""A real server on a copy of a small study, and pages of a real browser that may not fail or leave the server."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

if importlib.util.find_spec("monailabel") is None:
    collect_ignore_glob = ["test_*.py"]  # the app needs the extra `server`
else:
    from app_server import ROOT, Server, end_group, launch, wait_until_up

APP_DIR = Path(__file__).resolve().parents[3] / "apps" / "landmarks"
TOKEN = "a-token-that-nobody-guesses"
#: The first one of these that is installed; the first one needs the least processor time.
CHROMIUM = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser"))), None)
#: How long a page may take to show something.
PATIENCE_MS = 30_000

#: ``serve(studies, token=None, **conf)`` starts a server, which ends with the tests of the file.
Serve = Callable[..., "Server"]
#: ``open_page(address, **options of browser.new_context)`` opens an address in a page of its own.
OpenPage = Callable[..., Any]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the synthetic fundus study: 20 images, 12 of them labelled; the shipped network answers them."""
    folder = tmp_path_factory.mktemp("web") / "my eyes"
    shutil.copytree(ROOT / "sample_data" / "fundus", folder)
    return folder


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(studies: Path, token: str | None = None, **conf: str) -> Server:
            folder = tmp_path_factory.mktemp("server")
            chosen = {"protocols": "fundus", "model_dir": str(folder / "model"), **conf}
            variables = {} if token is None else {"LANDMARKS_TOKEN": token}
            server = launch(APP_DIR, studies, chosen, folder / "server.log", environment=variables)
            stack.callback(end_group, server.process)
            wait_until_up(server)
            return server

        yield start


@pytest.fixture(scope="module")
def server(serve: Serve, study: Path) -> Server:
    """The server of the file, on ``study``."""
    return serve(study)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium through Playwright; only as long as the tests of a file, as it brings an event loop."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (extra `test`)")
    if CHROMIUM is None:
        pytest.skip("there is no chromium: apt-get install chromium-headless-shell")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=sandbox)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[OpenPage]:
    """Opens pages; the test fails where one logs an error, throws, or asks another server for anything.

    A list ``page.allowed`` names what the browser may log, by a part of it, for instance ``"401"``.
    """
    contexts, pages = [], []

    def open_one(address: str, **options: Any) -> Any:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, "locale": "en-GB", **options})
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.allowed, page.errors, page.requested = [], [], []
        own = address.split("/", 3)[2]
        page.on("console", lambda said: page.errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("request", lambda request: page.requested.append(request.url))
        page.own_hosts = (own,)
        pages.append(page)
        page.goto(address)
        return page

    yield open_one
    try:
        for page in pages:
            errors = [error for error in page.errors if not any(part in error for part in page.allowed)]
            assert errors == []
            left = [url for url in page.requested if not _stays(url, page.own_hosts)]
            assert left == []
    finally:
        for context in contexts:
            context.close()


@pytest.fixture
def page(open_page: OpenPage, server: Server) -> Any:
    """The start page of the server of the file."""
    return open_page(server.url)


def _stays(url: str, hosts: tuple[str, ...]) -> bool:
    return url.startswith(tuple(f"{scheme}http://{host}/" for scheme in ("", "blob:") for host in hosts))

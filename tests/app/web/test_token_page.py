"""A server that asks for a token, in a real browser: the page asks, keeps it in its memory alone, and tells nobody."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from app_server import Server

pytestmark = pytest.mark.server

TOKEN = "a-token-that-nobody-guesses"


@pytest.fixture(scope="module")
def guarded(serve: Callable[..., Server], study: Path) -> Server:
    return serve(study, token=TOKEN)


def test_the_token_is_asked_for_and_stays_in_the_page(open_page: Callable[..., Any], guarded: Server) -> None:
    page = open_page(f"{guarded.url}/#/list")
    page.allowed.append("401")
    headers: dict[str, str | None] = {}
    page.on("request", lambda request: headers.update({request.url: request.headers.get("authorization")}))
    dialog = page.get_by_role("dialog", name="Enter the token")
    dialog.wait_for()
    assert page.locator("#token").evaluate("(field) => [field.type, field.autocomplete]") == ["password", "off"]
    page.keyboard.press("Escape")
    page.keyboard.type("not the token of it")
    page.keyboard.press("Enter")
    dialog.get_by_text("A token consists of letters").wait_for()
    page.locator("#token").fill("a-token-that-is-wrong")
    page.keyboard.press("Enter")
    dialog.get_by_text("The token of this request is not the server's").wait_for()
    page.locator("#token").fill(TOKEN)
    page.get_by_role("button", name="Enter").click()
    page.get_by_text("20 of 20 images").wait_for()
    page.wait_for_function("() => document.querySelectorAll('.image-row img').length > 5")
    for path in ("/datastore/images?", "/datastore/image/rendered?"):
        sent = {header for url, header in headers.items() if url.startswith(f"{guarded.url}{path}")}
        assert sent == {f"Bearer {TOKEN}"}
    assert {header for url, header in headers.items() if "/web/" in url} <= {None}
    page.get_by_role("link", name="Train").click()
    page.get_by_role("heading", name="Versions").wait_for()
    assert not page.get_by_role("dialog").is_visible()
    assert TOKEN not in page.content()
    assert not any(TOKEN in url for url in page.requested)
    stored = page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, history.state, location.href])"
    )
    assert TOKEN not in stored
    assert page.context.cookies() == []
    assert TOKEN not in guarded.log()
    page.reload()
    page.get_by_role("dialog", name="Enter the token").wait_for()


def test_the_token_is_asked_for_however_often_escape_is_pressed(open_page: Callable[..., Any], guarded: Server) -> None:
    page = open_page(f"{guarded.url}/#/list")
    page.allowed.append("401")
    dialog = page.get_by_role("dialog", name="Enter the token")
    dialog.wait_for()
    for _ in range(4):
        page.keyboard.press("Escape")
    page.evaluate("document.querySelector('#signin').close()")  # as browsers may, too
    dialog.wait_for()
    page.locator("#token").fill(TOKEN)
    page.keyboard.press("Enter")
    page.get_by_text("20 of 20 images").wait_for()
    assert not dialog.is_visible()


def test_the_description_of_the_requests_asks_for_the_token_too(open_page: Callable[..., Any], guarded: Server) -> None:
    page = open_page(f"{guarded.url}/docs")
    page.allowed.append("401")
    page.locator("#token").fill(TOKEN)
    page.keyboard.press("Enter")
    page.get_by_text("Each request needs the header").wait_for()
    assert page.locator("details.operation").count() > 30

"""What all pages share, in a real browser: navigation, languages, keyboard, names of controls, a lost server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from app_server import Server

pytestmark = pytest.mark.server

#: Controls that a person who does not see the page would not know by name.
NAMELESS = """() => [...document.querySelectorAll('a, button, input, select, summary')].filter((node) => {
  if (node.closest('[aria-hidden="true"]')) return false;
  const labels = [...(node.labels ?? [])].map((label) => label.textContent).join('');
  return !(node.getAttribute('aria-label') || labels || node.textContent).trim();
}).map((node) => node.outerHTML)"""


def test_the_start_page_opens_with_its_navigation(page: Any) -> None:
    page.get_by_role("heading", name="Fundus photograph").wait_for()
    links = page.get_by_role("navigation").get_by_role("link")
    assert links.all_inner_texts() == ["Start", "Images", "Annotate", "Train", "Review"]
    assert page.title() == "Start · Landmarks"
    links.nth(1).click()
    page.get_by_role("heading", name="Images").wait_for()
    assert links.nth(1).get_attribute("aria-current") == "page"
    assert page.title() == "Images · Landmarks"
    page.go_back()
    page.get_by_role("heading", name="Fundus photograph").wait_for()


@pytest.mark.slow
def test_a_page_that_waits_for_the_server_keeps_nobody_from_another(page: Any) -> None:
    page.get_by_role("heading", name="Fundus photograph").wait_for()
    waiting: list[Any] = []
    page.route("**/info/", lambda route: waiting.append(route))
    page.get_by_role("link", name="Review").click()
    page.wait_for_timeout(300)
    page.get_by_role("link", name="Images", exact=True).click()
    page.get_by_text("20 of 20 images").wait_for()
    assert waiting
    for route in waiting:
        route.continue_()
    page.wait_for_load_state("networkidle")
    assert page.locator("main h1").all_inner_texts() == ["Images"]


def test_an_unknown_page_is_the_start_page(open_page: Callable[..., Any], server: Server) -> None:
    page = open_page(f"{server.url}/#/constructor?image=x")
    page.get_by_role("heading", name="Fundus photograph").wait_for()
    assert page.locator("main .page").get_attribute("data-page") == "start"
    assert page.locator("main h1").all_inner_texts() == ["Fundus photograph"]


def test_the_pages_speak_german_and_remember_a_choice(open_page: Callable[..., Any], server: Server) -> None:
    page = open_page(server.url, locale="de-AT")
    page.get_by_role("link", name="Bilder").wait_for()
    assert page.locator("html").get_attribute("lang") == "de"
    page.get_by_label("Sprache").select_option("en")
    page.get_by_role("link", name="Images").wait_for()
    page.reload()
    page.get_by_role("link", name="Images").wait_for()


def test_the_keyboard_alone_reaches_the_page(page: Any) -> None:
    page.get_by_role("heading", name="Fundus photograph").wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the page"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Annotate the next image"
    assert page.url.endswith(("/", "#/"))


@pytest.mark.parametrize("hash_", ["#/", "#/list", "#/train", "#/review"])
def test_every_control_has_a_name(open_page: Callable[..., Any], server: Server, hash_: str) -> None:
    page = open_page(f"{server.url}/{hash_}")
    page.locator("main h1").wait_for()
    page.wait_for_load_state("networkidle")
    assert page.evaluate(NAMELESS) == []
    assert page.locator("main h1").count() == 1


def test_a_server_that_does_not_answer_is_told(page: Any) -> None:
    page.get_by_role("heading", name="Fundus photograph").wait_for()
    page.get_by_role("link", name="Images", exact=True).click()
    page.get_by_text("20 of 20 images").wait_for()
    page.allowed.append("ERR_INTERNET_DISCONNECTED")
    page.context.set_offline(True)
    page.get_by_role("button", name="Draft").click()
    page.get_by_role("alert").filter(has_text="The server does not answer").wait_for()
    assert page.locator("#link-state").inner_text() == "Server does not answer"
    page.context.set_offline(False)
    page.get_by_role("button", name="Unlabelled").click()
    page.get_by_text("8 of 20 images").wait_for()
    assert page.locator("#link-state").inner_text() == ""


def test_a_page_that_does_not_come_is_told_and_comes_after_a_reload(page: Any) -> None:
    page.get_by_role("heading", name="Fundus photograph").wait_for()
    page.allowed.append("ERR_FAILED")
    page.route("**/list.js", lambda route: route.abort())
    page.get_by_role("link", name="Images", exact=True).click()
    alert = page.get_by_role("main").get_by_role("alert")
    alert.wait_for()
    assert alert.inner_text() == "The server does not answer: check that it is running, and try again."
    assert page.locator("#link-state").inner_text() == "Server does not answer"
    page.unroute("**/list.js")
    page.get_by_role("button", name="Reload the page").click()
    page.get_by_text("20 of 20 images").wait_for()
    assert page.locator("#link-state").inner_text() == ""


@pytest.mark.slow
def test_the_description_of_the_requests_works_offline(open_page: Callable[..., Any], server: Server) -> None:
    page = open_page(f"{server.url}/docs")
    page.get_by_role("heading", name="Landmark detection").wait_for()
    described = page.evaluate("fetch('openapi.json').then((answer) => answer.json())")
    operations = sum(len(methods) for methods in described["paths"].values())
    assert page.locator("details.operation").count() == operations > 30
    operation = page.locator("details.operation").filter(has_text="/datastore/image/rendered")
    operation.locator("summary").first.click()
    assert operation.get_by_text("Column,row of a tile of 512 x 512").is_visible()
    assert page.evaluate(NAMELESS) == []

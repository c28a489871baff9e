"""The start page, the list and the review page in a real browser."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import requests
from app_server import ROOT, Server

from lib.datastore import LandmarkDatastore
from monai_ext.images import read_frame
from monai_ext.landmarks.markups import read_markups

pytestmark = pytest.mark.server

#: A file name that would run a script where a page took it for HTML.
EVIL = "<img src=x onerror=window.hit=1>"
ICON = ROOT / "apps" / "landmarks" / "web" / "icon.svg"


@pytest.fixture(scope="module")
def evil_study(study: Path) -> Path:
    (study / f"{EVIL}.jpg").write_bytes((study / "synthetic_fundus_002.jpg").read_bytes())
    return study


def listed(server: Server, **query: str) -> int:
    return int(requests.get(f"{server.url}/datastore/images", params=query, timeout=30).json()["found"])


def pictures(page: Any, selector: str, count: int) -> None:
    """Waits until so many thumbnails are shown."""
    page.wait_for_function(
        "([selector, count]) => [...document.querySelectorAll(selector)].filter("
        "(image) => image.complete && image.naturalWidth > 0).length === count",
        arg=[selector, count],
    )


def test_the_start_page_shows_images_by_state_network_and_address(page: Any, server: Server) -> None:
    page.get_by_role("heading", name="20 images").wait_for()
    strips = page.locator(".strip-title").all_inner_texts()
    assert [re.sub(r"\s+", " ", strip).strip() for strip in strips] == ["○ Unlabelled 8", "◐ Draft 0", "● Labelled 12"]
    pictures(page, ".thumbs img", 10)
    assert page.locator(".thumbs img").first.evaluate("(image) => image.src.startsWith('blob:')")
    assert page.get_by_label("Address of this server").input_value() == server.url
    facts = page.locator("dl.facts").inner_text()
    assert "v7" in facts
    assert "7.82 px" in facts
    page.locator(".thumbs a").first.focus()
    assert page.locator(".thumbs a").first.get_attribute("aria-label") == "Open synthetic_fundus_002"


@pytest.mark.slow
def test_what_is_drawn_anew_keeps_the_focus_of_the_keyboard(page: Any, server: Server) -> None:
    page.get_by_role("heading", name="20 images").wait_for()
    page.locator(".side a", has_text="Train").first.focus()
    page.evaluate("window.before = document.activeElement")
    page.wait_for_function("() => !window.before.isConnected")  # the network's card was drawn anew
    text, href = page.evaluate("[document.activeElement.textContent, document.activeElement.getAttribute('href')]")
    assert (text, href) == ("Train", "#/train?protocol=fundus")


@pytest.mark.slow
def test_the_list_is_searched_and_filtered(open_page: Callable[..., Any], server: Server) -> None:
    page = open_page(f"{server.url}/#/list")
    page.get_by_text("20 of 20 images").wait_for()
    page.get_by_label("Search by name").fill("FUNDUS 01")
    page.get_by_text("11 of 20 images").wait_for()
    page.get_by_role("button", name="Unlabelled").click()
    page.get_by_text("4 of 20 images").wait_for()
    names = page.locator(".image-name b").all_inner_texts()
    assert names == [f"synthetic_fundus_{number:03}" for number in (12, 14, 17, 19)]
    assert parse_qs(urlsplit(page.url).fragment.partition("?")[2]) == {"search": ["FUNDUS 01"], "state": ["unlabeled"]}
    page.reload()
    page.get_by_text("4 of 20 images").wait_for()
    assert page.get_by_label("Search by name").input_value() == "FUNDUS 01"
    page.get_by_label("Search by name").fill("nothing like it")
    page.get_by_text("No image matches.").wait_for()


@pytest.mark.slow
def test_the_keyboard_alone_finds_and_opens_an_image(open_page: Callable[..., Any], server: Server) -> None:
    page = open_page(f"{server.url}/#/list")
    page.get_by_text("20 of 20 images").wait_for()
    page.get_by_label("Search by name").focus()
    for key in ("ArrowDown", "ArrowDown", "End", "ArrowUp"):
        page.keyboard.press(key)
    row = page.locator(".image-row:focus")
    row.wait_for()
    assert row.locator("b").inner_text() == "synthetic_fundus_019"
    assert row.locator("xpath=..").get_attribute("aria-posinset") == "19"
    assert row.get_attribute("href") == "#/annotate?image=synthetic_fundus_019"


@pytest.mark.slow
def test_five_thousand_images_are_a_few_rows_at_a_time(open_page: Callable[..., Any], server: Server) -> None:
    asked: list[int] = []
    unlabeled: dict[str, Any] = {"state": "unlabeled", "labels": {}, "flags": []}

    def answer(route: Any) -> None:
        query = parse_qs(urlsplit(route.request.url).query)
        offset, limit = int(query.get("offset", ["0"])[0]), int(query["limit"][0])
        asked.append(offset)
        images = [
            {"id": f"eye_{number:05}", "file": f"eye_{number:05}.png", "size": 1} | unlabeled
            for number in range(offset, min(offset + limit, 5000))
        ]
        states = {"unlabeled": 5000, "draft": 0, "final": 0}
        route.fulfill(json={"total": 5000, "states": states, "flagged": 0, "found": 5000, "images": images})

    page = open_page(server.url)
    page.route("**/datastore/images?*", answer)
    page.route("**/datastore/image/rendered?*", lambda route: route.fulfill(path=ICON, content_type="image/svg+xml"))
    page.get_by_role("heading", name="Fundus photograph").wait_for()
    asked.clear()
    page.get_by_role("link", name="Images", exact=True).click()
    page.get_by_text("5,000 of 5,000 images").wait_for()
    assert 0 < page.locator(".virtual-row").count() < 40
    page.get_by_label("Search by name").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    page.get_by_text("eye_04999").first.wait_for()
    assert page.locator(".image-row:focus b").inner_text() == "eye_04999"
    page.locator(".virtual").evaluate("(view) => { view.scrollTop = 2500 * 76; }")
    page.get_by_text("eye_02501").first.wait_for()
    assert 0 < page.locator(".virtual-row").count() < 40
    assert sorted(asked) == [0, 2400, 4800]
    page.allowed.append("ERR_FAILED")
    page.route("**/datastore/images?*", lambda route: route.abort())
    for row in (500, 1000, 1500):
        with page.expect_event("requestfailed"):
            page.locator(".virtual").evaluate("(view, row) => { view.scrollTop = row * 76; }", row)
    page.locator(".message.error").wait_for()
    assert page.locator(".message.error").count() == 1  # what is said again stands once


@pytest.mark.slow
def test_the_list_comes_back_where_it_was_left_and_no_question_stays(
    open_page: Callable[..., Any], server: Server
) -> None:
    page = open_page(f"{server.url}/#/list?search=fundus", viewport={"width": 1280, "height": 500})
    page.locator(".image-row").first.wait_for()
    page.locator(".virtual").evaluate("(view) => { view.scrollTop = 600; }")
    page.locator(".image-row", has_text="fundus_010").click()
    page.get_by_role("dialog").get_by_text("Who annotates?").wait_for()
    page.go_back()
    page.locator(".image-row", has_text="fundus_010").wait_for()
    assert page.locator("dialog[open]").count() == 0
    assert page.locator(".virtual").evaluate("(view) => view.scrollTop") == 600


@pytest.mark.slow
@pytest.mark.parametrize("hash_", ["#/", "#/list", "#/train", "#/review"])
def test_no_page_is_wider_than_a_phone(open_page: Callable[..., Any], server: Server, hash_: str) -> None:
    page = open_page(f"{server.url}/{hash_}", viewport={"width": 390, "height": 800}, locale="de-DE")
    page.locator("main h1").wait_for()
    if hash_ == "#/train":
        page.locator("tbody tr").first.wait_for()
    assert page.evaluate("document.scrollingElement.scrollWidth") == 390


@pytest.mark.slow
def test_names_are_never_read_as_html(open_page: Callable[..., Any], server: Server, evil_study: Path) -> None:
    deadline = time.monotonic() + 30
    while not listed(server, search="onerror") and time.monotonic() < deadline:  # the folder is watched
        time.sleep(0.2)
    page = open_page(f"{server.url}/#/list?search=onerror")
    row = page.locator(".image-row")
    assert row.locator("b").inner_text() == EVIL
    assert parse_qs(row.get_attribute("href").partition("?")[2]) == {"image": [EVIL]}
    pictures(page, ".image-row img", 1)
    assert page.evaluate("window.hit") is None
    (evil_study / f"{EVIL}.jpg").unlink()


@pytest.mark.slow
def test_a_doubtful_label_is_shown_with_its_points_and_confirmed(
    open_page: Callable[..., Any], server: Server, study: Path
) -> None:
    image = "synthetic_fundus_005"
    flag = {"kind": "far", "landmarks": ["fovea"], "sentence": "fovea lies <b>90.0 px</b> away.", "size": 5.0}
    note = {"review": {"model_version": "v4", "labels": 12, "flags": [flag]}}
    query = {"label": image, "tag": "final"}
    store = LandmarkDatastore(str(study), repair=False)
    store.note_labels("final", {image: (store.objects[image].labels["final"].sha256, note)})
    deadline = time.monotonic() + 30
    while not listed(server, flagged="true") and time.monotonic() < deadline:  # the folder is watched
        time.sleep(0.05)
    page = open_page(f"{server.url}/#/review")
    case = page.locator(f'[data-image="{image}"]')
    case.wait_for()
    assert case.locator(".sentence").inner_text() == "fovea lies <b>90.0 px</b> away."
    pictures(page, ".case img", 1)
    page.locator(".point.doubtful").wait_for()
    assert_on_the_picture(page, study, image)
    case.get_by_role("button", name=f"The label of {image} is right").click()
    page.get_by_text("No label looks implausible.").wait_for()
    info = requests.get(f"{server.url}/datastore/label/info", params=query, timeout=30).json()
    assert info["reviewed"] is True


def assert_on_the_picture(page: Any, study: Path, image: str) -> None:
    """The points lie within half a CSS pixel of where the stored label has them in the picture that is shown."""
    label = read_markups(
        study / "labels" / "final" / f"{image}.mrk.json", read_frame(study / f"{image}.jpg"), ("fovea", "optic_disc")
    )
    shown = page.locator(".case .thumb").first.bounding_box()
    width, height = label.frame.size
    scale = min(shown["width"] / width, shown["height"] / height)
    corner = [shown["x"] + (shown["width"] - scale * width) / 2, shown["y"] + (shown["height"] - scale * height) / 2]
    wanted = np.array(corner) + (label.points + 0.5) * scale
    boxes = [box.bounding_box() for box in page.locator(".case circle.point").all()]
    found = np.array([[box["x"] + box["width"] / 2, box["y"] + box["height"] / 2] for box in boxes])
    distance = np.linalg.norm(found[:, None] - wanted[None], axis=2).min(1)
    assert len(found) == 2
    assert (distance < 0.5).all(), (found, wanted)


def test_images_that_are_copied_into_the_folder_appear(page: Any, study: Path) -> None:
    heading = page.locator("#images-title")
    heading.wait_for()
    count = int(heading.inner_text().split()[0])
    (study / "copied.jpg").write_bytes((study / "synthetic_fundus_002.jpg").read_bytes())
    page.get_by_role("heading", name=f"{count + 1} images").wait_for()
    assert heading.inner_text() == f"{count + 1} images"
    link = page.get_by_role("link", name="Open copied")
    link.wait_for()
    assert link.count() == 1

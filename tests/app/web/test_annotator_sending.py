"""What becomes of work where the server refuses it, loses an answer, or is slow; each key sends once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from annotator_study import Annotator, kept, stored
from app_spots import spot_image, spot_points, write_label
from conftest import OpenPage, Serve

pytestmark = [pytest.mark.server, pytest.mark.slow]

LABELS = "**/datastore/label?*"
NEXT = "**/activelearning/**"


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sending") / "studies"
    folder.mkdir()
    for name in (*(f"spot_{index:02}" for index in range(12)), "15", "25", "5"):
        spot_image(0).save(folder / f"{name}.png")
    finals = folder / "labels" / "final"
    finals.mkdir(parents=True)
    write_label(finals / "5.mrk.json", folder / "5.png", spot_points(0))
    return folder


@pytest.fixture(scope="module")
def server(serve: Serve, studies: Path, protocol_dir: Path) -> Any:
    return serve(studies, protocols="spots", protocol_dir=str(protocol_dir))


@pytest.fixture
def annotate(open_page: OpenPage, server: Any) -> Callable[..., Annotator]:
    def start(image: str, placed: bool = True, **settings: Any) -> Annotator:
        """Opens an image, on which both landmarks are placed if wished."""
        remembered = {"nextAfterSubmit": False, "detectOnOpen": False, "prepareNext": False, **settings}
        address = f"{server.url}/#/annotate?image={image}"
        annotator = Annotator(open_page(address, storage_state=kept(server, **remembered)))
        annotator.wait_for_image(image)
        if placed:
            left, top = annotator.stage_corner()
            annotator.press("p")
            for x, y in [(400, 300), (500, 350)]:
                annotator.page.mouse.click(left + x, top + y)
        return annotator

    return start


def puts(page: Any) -> list[str]:
    """The tags of the labels that are sent from now on, as the list grows."""
    tags: list[str] = []

    def note(request: Any) -> None:
        if request.method == "PUT":
            tags.append(request.url.rsplit("tag=", 1)[1])

    page.on("request", note)
    return tags


def answer_puts(page: Any, answer: Callable[[Any], None]) -> None:
    page.route(LABELS, lambda route: answer(route) if route.request.method == "PUT" else route.continue_())


def wait_for_another(annotator: Annotator, image: str) -> None:
    annotator.page.wait_for_function(
        "before => ![before, 'No image'].includes(document.querySelector('.opened').textContent)", arg=image
    )


def test_refused_work_is_offered_on_the_next_image(annotate: Callable[..., Annotator]) -> None:
    annotator = annotate("spot_00")
    page = annotator.page
    page.allowed.append("507")
    answer_puts(page, lambda route: route.fulfill(status=507, json={"detail": "No room on the disk."}))
    annotator.press("x")
    wait_for_another(annotator, "spot_00")
    page.get_by_text("Your work on spot_00 was not sent yet.").wait_for()
    page.unroute(LABELS)
    page.get_by_role("button", name="Open spot_00").click()
    annotator.wait_for_image("spot_00")
    assert [annotator.status(name) for name in ("bright", "dim")] == ["placed", "placed"]


def test_refused_work_that_no_browser_keeps_is_not_left(annotate: Callable[..., Annotator]) -> None:
    annotator = annotate("spot_01", placed=False)
    page = annotator.page
    page.allowed.append("507")
    page.evaluate("() => { Storage.prototype.setItem = () => { throw new DOMException('', 'QuotaExceededError'); }; }")
    answer_puts(page, lambda route: route.fulfill(status=507, json={"detail": "No room on the disk."}))
    annotator.press("m", "x")
    page.get_by_text("spot_01 was not sent, and this browser cannot keep its points").wait_for()
    page.unroute(LABELS)
    page.get_by_role("button", name="Try again").click()
    annotator.wait_for_state("draft")
    assert annotator.image() == "spot_01"


def test_a_change_while_the_next_image_is_chosen_is_sent(annotate: Callable[..., Annotator], studies: Path) -> None:
    annotator = annotate("spot_02")
    page: Any = annotator.page
    asked: list[Any] = []
    page.route(NEXT, lambda route: asked.append(route))
    with page.expect_request(NEXT):
        annotator.press("x")
    annotator.wait_for_state("draft")
    before = stored(studies, "spot_02", "draft").points
    annotator.press("ArrowLeft")
    annotator.wait_for_state("changed")
    asked[0].continue_()
    wait_for_another(annotator, "spot_02")
    moved = np.abs(stored(studies, "spot_02", "draft").points - before).sum()
    assert moved == pytest.approx(1, abs=1e-6)
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('landmarks.unsent'))") == []


def test_an_answer_on_the_pixel_size_counts_for_its_image_alone(
    annotate: Callable[..., Annotator], server: Any
) -> None:
    size = f"{server.url}/datastore/image/calibration?image=spot_09"
    stated = {"how": "table", "mm_per_px": 0.5, "annotator": "Ada"}
    requests.put(size, json=stated, timeout=30).raise_for_status()
    annotator = annotate("spot_09", placed=False)
    page, dialog = annotator.page, annotator.page.get_by_role("dialog")
    page.get_by_role("button", name="Calibrate").wait_for()
    asked: list[Any] = []
    page.route(NEXT, lambda route: asked.append(route))
    with page.expect_request(NEXT):
        annotator.press("x")
    annotator.press("k")
    dialog.wait_for()
    asked[0].continue_()
    wait_for_another(annotator, "spot_09")
    dialog.get_by_role("button", name="Undo the last one").click()
    annotator.press("d")
    page.locator(".notice").wait_for()
    assert requests.get(size, timeout=30).json()["spacing"] == [0.5, 0.5]


def test_a_strategy_that_refuses_is_told(annotate: Callable[..., Annotator]) -> None:
    annotator = annotate("spot_03", placed=False)
    page = annotator.page
    page.allowed.append("503")
    page.route(NEXT, lambda route: route.fulfill(status=503, json={"detail": "The studies are locked."}))
    annotator.press("x")
    page.locator(".notice.error", has_text="The studies are locked.").wait_for()
    assert annotator.image() == "spot_03"


@pytest.mark.parametrize("ahead", [False, True])
def test_what_a_strategy_says_of_its_choice_is_told(annotate: Callable[..., Annotator], ahead: bool) -> None:
    annotator = annotate("spot_10", placed=False, strategy="uncertainty", prepareNext=ahead)
    annotator.press("x")
    wait_for_another(annotator, "spot_10")
    notice = annotator.page.locator(".notice", has_text="The first image by ID is offered")
    notice.wait_for()
    assert notice.count() == 1


def test_a_label_submitted_twice_is_sent_once(annotate: Callable[..., Annotator]) -> None:
    annotator = annotate("spot_04")
    tags, held = puts(annotator.page), []
    answer_puts(annotator.page, lambda route: held.append(route) if not held else route.continue_())
    with annotator.page.expect_request(lambda request: request.method == "PUT"):
        annotator.press("Shift+S")
    annotator.press("Shift+S")
    held[0].continue_()
    annotator.wait_for_state("final")
    annotator.press("ArrowLeft")
    annotator.wait_for_state("changed")
    annotator.press("s")  # follows all that was sent before
    annotator.wait_for_state("draft")
    assert tags == ["final", "draft"]


def test_a_held_key_submits_once(annotate: Callable[..., Annotator]) -> None:
    annotator = annotate("spot_05")
    tags, keyboard = puts(annotator.page), annotator.page.keyboard
    annotator.stage.focus()
    keyboard.down("Control")
    keyboard.down("Enter")
    annotator.wait_for_state("final")
    annotator.page.wait_for_function("() => !document.querySelector('.tools .primary').disabled")
    keyboard.down("Enter")  # a repeat
    keyboard.up("Enter")
    keyboard.up("Control")
    annotator.press("ArrowLeft", "s")
    annotator.wait_for_state("draft")
    assert tags == ["final", "draft"]


@pytest.mark.parametrize(("image", "name"), [("spot_06", "Ada"), ("spot_08", "")])
def test_a_label_whose_answer_was_lost_is_ones_own(
    annotate: Callable[..., Annotator], studies: Path, image: str, name: str
) -> None:
    annotator = annotate(image, annotator=name)
    page = annotator.page
    page.allowed.append("ERR_FAILED")

    def lose(route: Any) -> None:
        route.fetch()
        route.abort()

    answer_puts(page, lose)
    annotator.press("Shift+S")
    page.get_by_text(f"{image} was not sent").wait_for()
    before = stored(studies, image).points
    page.unroute(LABELS)
    annotator.press("ArrowLeft", "Shift+S")
    annotator.wait_for_state("final")
    moved = np.abs(stored(studies, image).points - before).sum()
    assert moved == pytest.approx(1, abs=1e-6)


def test_an_image_is_found_among_many_that_hold_its_name(open_page: OpenPage, server: Any) -> None:
    """The server's pages are of one image here, not of a thousand."""
    page = open_page(f"{server.url}/#/", storage_state=kept(server))
    page.route("**/datastore/images?*", lambda route: route.continue_(url=f"{route.request.url}&limit=1"))
    annotator = Annotator(page)
    annotator.open("5")
    annotator.wait_for_state("final")
    assert [annotator.status(name) for name in ("bright", "dim")] == ["placed", "placed"]


def test_the_next_image_opens_without_storage(annotate: Callable[..., Annotator]) -> None:
    annotator = annotate("spot_07")
    annotator.press("s")
    annotator.wait_for_state("draft")
    off = "Object.defineProperty(window, 'sessionStorage', { get() { throw new Error('off'); } })"
    annotator.page.add_init_script(off)
    annotator.page.evaluate("localStorage.setItem('landmarks.prepareNext', 'true')")
    annotator.page.reload()
    annotator.wait_for_image("spot_07")
    annotator.press("x")
    wait_for_another(annotator, "spot_07")
    assert annotator.page.evaluate("() => { try { return Boolean(sessionStorage); } catch { return null; } }") is None

"""Work that the browser keeps: it replaces nobody's label unseen, and is lost only where a person wants it so."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from annotator_study import Annotator, kept, stored
from app_requests import publish_weights
from app_spots import spot_image
from conftest import OpenPage, Serve

from monai_ext.landmarks.protocol_file import read_protocol

pytestmark = [pytest.mark.server, pytest.mark.slow]

LABELS = "**/datastore/label?*"
RESTORE = "**/datastore/label/restore?*"
PLACED = ["placed", "placed"]
KEPT = """() => Object.entries(localStorage).filter(([key]) => key.startsWith("landmarks.unsent."))
    .map(([key, text]) => [key, JSON.parse(text)]).sort(([, a], [, b]) => a.when - b.when)"""
FULL = "() => { Storage.prototype.setItem = () => { throw new DOMException('', 'QuotaExceededError'); }; }"


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kept") / "studies"
    folder.mkdir()
    for index in range(9):
        spot_image(0).save(folder / f"kept_{index}.png")
    return folder


@pytest.fixture(scope="module")
def server(serve: Serve, studies: Path, protocol_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    models = tmp_path_factory.mktemp("models")
    publish_weights(models, read_protocol(protocol_dir / "spots.yaml"))
    return serve(studies, protocols="spots", protocol_dir=str(protocol_dir), model_dir=str(models))


@pytest.fixture
def annotate(open_page: OpenPage, server: Any) -> Callable[..., Annotator]:
    def start(image: str, offline: bool = False, name: str = "Ada") -> Annotator:
        """Opens an image as a person of this name, whose labels the server does not receive where ``offline``."""
        settings = {"nextAfterSubmit": False, "detectOnOpen": False, "prepareNext": False, "annotator": name}
        address = f"{server.url}/#/annotate?image={image}"
        annotator = Annotator(open_page(address, storage_state=kept(server, **settings)))
        annotator.wait_for_image(image)
        if offline:
            refuse(annotator)
        return annotator

    return start


def refuse(annotator: Annotator) -> None:
    annotator.page.allowed.append("507")
    answer = {"status": 507, "json": {"detail": "No room on the disk."}}
    annotator.page.route(
        LABELS, lambda route: route.fulfill(**answer) if route.request.method == "PUT" else route.continue_()
    )


def place(annotator: Annotator) -> None:
    left, top = annotator.stage_corner()
    annotator.press("p")
    for x, y in [(400, 300), (500, 350)]:
        annotator.page.mouse.click(left + x, top + y)
    assert statuses(annotator) == PLACED


def statuses(annotator: Annotator) -> list[str]:
    return [annotator.status(name) for name in ("bright", "dim")]


def reopened(annotator: Annotator, image: str, offline: bool = False) -> Annotator:
    """The page is closed without a word to it, and opened again in the same browser."""
    context, address = annotator.page.context, annotator.page.url.split("#")[0]
    annotator.page.close()
    page = context.new_page()
    page.allowed = []
    again = Annotator(page)
    if offline:
        refuse(again)
    page.goto(f"{address}#/annotate?image={image}")
    again.wait_for_image(image)
    return again


def entries(annotator: Annotator) -> list[tuple[str, dict[str, Any]]]:
    """What the browser keeps unsent, the oldest first, by its key."""
    return [tuple(entry) for entry in annotator.page.evaluate(KEPT)]


def places(entry: dict[str, Any]) -> np.ndarray:
    """(2, 3) positions of the landmarks of kept work; pixels, and 0."""
    return np.array([point["position"] for point in entry["points"]])


def submit(annotator: Annotator) -> None:
    annotator.press("Shift+S")
    annotator.wait_for_state("final")


def put_image(server: Any, image: str, size: tuple[int, int] = (88, 64), index: int = 0) -> None:
    content = io.BytesIO()
    spot_image(index, size).save(content, "PNG")
    file = {"file": (f"{image}.png", content.getvalue())}
    requests.put(f"{server.url}/datastore/image", params={"image": image}, files=file, timeout=60).raise_for_status()


def test_restored_work_asks_before_it_replaces_a_label(annotate: Callable[..., Annotator], studies: Path) -> None:
    ada = annotate("kept_0", offline=True)
    place(ada)
    ben = annotate("kept_0", name="Ben")
    place(ben)
    ben.press("ArrowLeft")
    submit(ben)
    his = stored(studies, "kept_0").points

    ada = reopened(ada, "kept_0")
    page, dialog = ada.page, ada.page.get_by_role("dialog")
    page.get_by_text("had not been sent; it has been restored").wait_for()
    ada.press("Shift+S")
    dialog.get_by_text("Ben has submitted a label of this image").wait_for()
    dialog.get_by_role("button", name="Keep working").click()
    ada.press("ArrowRight")  # a draft would follow, which nobody is asked for
    page.locator(".notice.warning", has_text="Ben has submitted a label of this image").wait_for()
    assert not (studies / "labels" / "draft" / "kept_0.mrk.json").exists()
    np.testing.assert_array_equal(stored(studies, "kept_0").points, his)

    page.get_by_role("button", name="Show theirs").click()
    page.get_by_text("Your points on kept_0 are kept in this browser").wait_for()
    ada.wait_for_state("final")
    first = places(entries(ada)[0][1])
    refuse(ada)
    ada.press("ArrowDown")
    ada.wait_for_state("changed")
    ben.press("ArrowLeft")
    ben.wait_for_state("changed")
    submit(ben)
    ada.press("Shift+S")
    dialog.get_by_role("button", name="Show theirs").click()
    ada.wait_for_state("final")
    laid = [places(entry) for _, entry in entries(ada)]
    np.testing.assert_array_equal(laid[0], first)  # the second does not take the place of the first
    np.testing.assert_allclose(laid[1] - first, [[-1, 1, 0], [-1, 0, 0]], atol=1e-6)
    page.get_by_role("button", name="Show mine").click()
    page.get_by_text("had not been sent; it has been restored").wait_for()
    assert len(entries(ada)) == 2
    ada.press("Shift+S")
    dialog.get_by_text("Ben has submitted a label of this image").wait_for()
    dialog.get_by_role("button", name="Replace it with mine").click()
    page.get_by_text("kept_0 was not sent").wait_for()  # the person has answered


def test_ones_own_label_whose_answer_was_lost_is_no_conflict_after_a_crash(
    annotate: Callable[..., Annotator], studies: Path
) -> None:
    ada = annotate("kept_7")
    ada.page.allowed.append("ERR_FAILED")

    def lose(route: Any) -> None:
        route.fetch()
        route.abort()

    ada.page.route(LABELS, lambda route: lose(route) if route.request.method == "PUT" else route.continue_())
    place(ada)
    ada.press("Shift+S")
    ada.page.get_by_text("kept_7 was not sent").wait_for()
    before = stored(studies, "kept_7").points
    ada = reopened(ada, "kept_7")
    ada.press("n", "ArrowLeft")
    submit(ada)
    assert np.abs(stored(studies, "kept_7").points - before).sum() == pytest.approx(1, abs=1e-6)
    assert entries(ada) == []


def test_an_earlier_version_leaves_what_was_not_sent(annotate: Callable[..., Annotator], studies: Path) -> None:
    ada = annotate("kept_1")
    page = ada.page
    place(ada)
    submit(ada)
    first = stored(studies, "kept_1").points
    ada.press("ArrowUp")
    ada.wait_for_state("changed")
    submit(ada)
    refuse(ada)
    ada.press("ArrowLeft")
    (unsent,) = (entry for _, entry in entries(ada))
    held: list[Any] = []
    page.route(RESTORE, lambda route: held.append(route))
    with page.expect_request(RESTORE):
        ada.press("v")
        page.get_by_role("dialog").get_by_role("button", name="Restore").click()
    ada.press("ArrowLeft")
    held[0].continue_()
    page.get_by_text("was restored. Your points on kept_1 are kept in this browser").wait_for()
    np.testing.assert_array_equal(stored(studies, "kept_1").points, first)
    (laid,) = (entry for _, entry in entries(ada))
    np.testing.assert_allclose(places(laid) - places(unsent), [[0, 0, 0], [-1, 0, 0]], atol=1e-6)
    page.get_by_role("button", name="Show mine").click()
    page.get_by_text("had not been sent; it has been restored").wait_for()
    (back,) = (entry for _, entry in entries(ada))
    assert back["points"] == laid["points"]


def test_work_on_an_image_of_another_size_waits_for_it(annotate: Callable[..., Annotator], server: Any) -> None:
    ada = annotate("kept_2", offline=True)
    place(ada)
    (before,) = (entry for _, entry in entries(ada))
    put_image(server, "kept_2", (100, 70))
    ada = reopened(ada, "kept_2", offline=True)
    ada.page.get_by_text("belongs to an image of another size").wait_for()
    ada.press("d")
    ada.page.locator(".landmarks li[data-status=predicted]").first.wait_for()
    assert [entry for _, entry in entries(ada)] == [before]
    ada.press("ArrowDown")
    assert before in [entry for _, entry in entries(ada)]
    assert len(entries(ada)) == 2
    put_image(server, "kept_2", (88, 64))
    ada = reopened(ada, "kept_2", offline=True)
    ada.page.get_by_text("had not been sent; it has been restored").wait_for()
    assert statuses(ada) == PLACED
    assert before in [entry for _, entry in entries(ada)]


def test_points_of_a_replaced_image_are_kept_and_not_sent(
    annotate: Callable[..., Annotator], server: Any, studies: Path
) -> None:
    ada = annotate("kept_8")
    page = ada.page
    page.allowed.append("409")
    place(ada)
    ada.press("s")
    ada.wait_for_state("draft")
    put_image(server, "kept_8", index=1)
    ada.press("ArrowUp", "Shift+S")
    page.get_by_text("kept_8 was not sent, and its points are kept in this browser: the image was replaced").wait_for()
    (work,) = (entry for _, entry in entries(ada))
    assert not (studies / "labels" / "final" / "kept_8.mrk.json").exists()
    page.get_by_role("button", name="Open it anew").click()
    notice = page.locator(
        ".notice.warning", has_text="Your points on kept_8 were placed on the image that it was before"
    )
    notice.get_by_text("The label of kept_8 was made on the image that it was before: check each point.").wait_for()
    assert [entry["points"] for _, entry in entries(ada)] == [work["points"]]
    ada = reopened(ada, "kept_8")
    page = ada.page
    page.get_by_role("button", name="Show mine").click()
    page.get_by_text("had not been sent; it has been restored").wait_for()
    submit(ada)
    np.testing.assert_allclose(stored(studies, "kept_8").points, places(work)[:, :2], atol=1e-6)
    assert entries(ada) == []


def test_work_of_the_former_form_is_found(annotate: Callable[..., Annotator]) -> None:
    ada = annotate("kept_3", offline=True)
    place(ada)
    ((key, before),) = entries(ada)
    place_then = json.loads(key.removeprefix("landmarks.unsent."))[:2]
    former = f"landmarks.unsent.{json.dumps(place_then, separators=(',', ':'))}"
    ada.page.evaluate(
        "([key, former]) => { localStorage.setItem(former, localStorage.getItem(key)); localStorage.removeItem(key); }",
        [key, former],
    )
    ada = reopened(ada, "kept_3", offline=True)
    ada.page.get_by_text("had not been sent; it has been restored").wait_for()
    assert statuses(ada) == PLACED
    assert entries(ada) == [(key, before)]


def test_their_label_is_not_shown_where_the_browser_is_full(annotate: Callable[..., Annotator]) -> None:
    ada, ben = annotate("kept_4"), annotate("kept_4", name="Ben")
    ada.page.evaluate(FULL)
    place(ada)
    place(ben)
    submit(ben)
    ada.press("ArrowLeft", "Shift+S")
    ada.page.get_by_role("dialog").get_by_role("button", name="Show theirs").click()
    ada.page.locator(".notice.warning", has_text="This browser cannot keep unsent work").wait_for()
    ada.wait_for_state("changed")
    assert statuses(ada) == PLACED


def test_all_kept_work_is_offered_in_turn(annotate: Callable[..., Annotator], server: Any) -> None:
    ada = annotate("kept_5", offline=True)
    place(ada)
    ada.open("kept_6")
    place(ada)
    requests.delete(f"{server.url}/datastore/image", params={"id": "kept_6"}, timeout=60).raise_for_status()
    ada = reopened(ada, "kept_0")
    page, dialog = ada.page, ada.page.get_by_role("dialog")
    page.get_by_text("Work on 2 images was not sent yet, the latest on kept_6.").wait_for()
    page.get_by_role("button", name="Open kept_6").click()
    page.locator(".notice.error", has_text="There is no image").wait_for()
    page.get_by_role("button", name="Discard it").click()
    dialog.get_by_text("kept_6").wait_for()
    dialog.get_by_role("button", name="Discard", exact=True).click()
    page.get_by_text("Your work on kept_5 was not sent yet.").wait_for()
    assert [entry["image"] for _, entry in entries(ada)] == ["kept_5"]
    page.get_by_role("button", name="Open kept_5").click()
    ada.wait_for_image("kept_5")
    page.get_by_text("had not been sent; it has been restored").wait_for()
    assert statuses(ada) == PLACED


def test_work_of_another_definition_is_named(annotate: Callable[..., Annotator]) -> None:
    ada = annotate("kept_5", offline=True)
    place(ada)
    ((key, _),) = entries(ada)
    meaning = json.loads(json.loads(key.removeprefix("landmarks.unsent."))[0])
    other = json.dumps([meaning[0], [*meaning[1], ["third", None, False]]])
    ada.page.evaluate(
        """([key, other]) => {
            const entry = { ...JSON.parse(localStorage.getItem(key)), meaning: other };
            localStorage.removeItem(key);
            localStorage.setItem(`landmarks.unsent.${JSON.stringify([other, entry.image])}`, JSON.stringify(entry));
        }""",
        [key, other],
    )
    ada = reopened(ada, "kept_3")
    page = ada.page
    page.get_by_text("Your work on kept_5 was done with another definition of the landmarks (spots)").wait_for()
    page.get_by_role("button", name="Discard it").click()
    page.get_by_role("dialog").get_by_role("button", name="Discard", exact=True).click()
    page.locator(".notice").wait_for(state="detached")
    assert entries(ada) == []


def test_work_in_a_second_tab_is_kept_beside(annotate: Callable[..., Annotator]) -> None:
    first = annotate("kept_7", offline=True)
    second = Annotator(first.page.context.new_page())
    second.page.allowed = []
    second.page.goto(first.page.url)
    second.wait_for_image("kept_7")
    refuse(second)
    place(first)
    place(second)
    second.press("ArrowRight")
    first.press("ArrowDown")
    (_, of_second), (_, of_first) = entries(first)
    np.testing.assert_allclose(places(of_second) - places(of_first), [[0, 0, 0], [1, -1, 0]], atol=1e-6)
    first.page.unroute(LABELS)
    first.press("s")
    first.wait_for_state("draft")
    assert [entry for _, entry in entries(first)] == [of_second]
    second.page.close()
    again = reopened(first, "kept_7", offline=True)
    again.page.get_by_role("button", name="Show mine").click()
    again.page.get_by_text("had not been sent; it has been restored").wait_for()
    assert [entry["points"] for _, entry in entries(again)] == [of_second["points"]]

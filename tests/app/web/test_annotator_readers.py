"""The annotator in a study with two readers: neither sees the other's points, and a third is told why not."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from annotator_study import Annotator, kept, stored
from app_spots import spot_image
from conftest import OpenPage, Serve

from lib.datastore import LandmarkDatastore

pytestmark = [pytest.mark.server, pytest.mark.slow]


def test_two_people_label_an_image_each_by_themselves(
    serve: Serve, open_page: OpenPage, protocol_dir: Path, tmp_path: Path
) -> None:
    studies = tmp_path / "studies"
    studies.mkdir()
    spot_image(0).save(studies / "spot_00.png")
    server = serve(studies, protocols="spots", protocol_dir=str(protocol_dir), readers="2")

    def labels(name: str, places: list[tuple[float, float]]) -> Annotator:
        """Opens the image as a person of this name, who must see no point, places points and submits them."""
        settings = {"nextAfterSubmit": False, "detectOnOpen": False, "prepareNext": False}
        page = open_page(
            f"{server.url}/#/annotate?image=spot_00", storage_state=kept(server, annotator=name, **settings)
        )
        annotator = Annotator(page)
        annotator.wait_for_image("spot_00")
        annotator.wait_for_state("no label")
        assert [annotator.status(landmark) for landmark in ("bright", "dim")] == ["unlabelled", "unlabelled"]
        annotator.zoom(3)
        left, top = annotator.stage_corner()
        annotator.press("p")
        for x, y in places:
            page.mouse.click(left + x, top + y)
        return annotator

    first = labels("ann", [(400, 300), (500, 350)])
    first.press("Shift+S")
    first.wait_for_state("final")
    ann = stored(studies, "spot_00").points

    second = labels("ben", [(430, 300), (500, 380)])
    second.press("Shift+S")
    second.wait_for_state("final")

    of_ann, of_ben = (stored(studies, "spot_00", tag).points for tag in ("reader1", "reader2"))
    np.testing.assert_allclose(of_ann, ann, atol=1e-9)
    np.testing.assert_allclose(of_ben - of_ann, np.array([(30, 0), (0, 30)]) / 3, atol=0.05)
    np.testing.assert_allclose(stored(studies, "spot_00").points, (of_ann + of_ben) / 2, atol=1e-6)

    third = labels("eve", [(410, 310), (510, 360)])
    third.page.allowed.append("409")
    third.press("Shift+S")
    third.page.get_by_text("has its 2 readers").first.wait_for()
    np.testing.assert_allclose(stored(studies, "spot_00", "reader1").points, ann, atol=1e-9)
    np.testing.assert_allclose(stored(studies, "spot_00", "reader2").points, of_ben, atol=1e-9)


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One image per test."""
    folder = tmp_path_factory.mktemp("shared") / "studies"
    folder.mkdir()
    for number in range(4):
        spot_image(number).save(folder / f"spot_0{number}.png")
    return folder


@pytest.fixture(scope="module")
def shared(serve: Serve, studies: Path, protocol_dir: Path) -> Any:
    """A server with two readers."""
    return serve(studies, protocols="spots", protocol_dir=str(protocol_dir), readers="2")


@pytest.fixture
def as_ann(shared: Any, open_page: OpenPage) -> Callable[[str], Annotator]:
    """Opens an image as Ann, who places both landmarks."""

    def start(image: str) -> Annotator:
        settings = {"nextAfterSubmit": False, "detectOnOpen": False, "prepareNext": False}
        address = f"{shared.url}/#/annotate?image={image}"
        annotator = Annotator(open_page(address, storage_state=kept(shared, annotator="ann", **settings)))
        annotator.wait_for_image(image)
        left, top = annotator.stage_corner()
        annotator.press("p")
        for x, y in [(400, 300), (500, 350)]:
            annotator.page.mouse.click(left + x, top + y)
        assert statuses(annotator) == ["placed", "placed"]
        return annotator

    return start


def statuses(annotator: Annotator) -> list[str]:
    return [annotator.status(landmark) for landmark in ("bright", "dim")]


def refuse_labels(page: Any, answer: Callable[[Any], None]) -> None:
    page.route(
        "**/datastore/label?*", lambda route: answer(route) if route.request.method == "PUT" else route.continue_()
    )


def rename(annotator: Annotator, name: str) -> None:
    annotator.page.get_by_role("button", name="Change", exact=True).click()
    annotator.page.get_by_label("Your name").fill(name)
    annotator.page.keyboard.press("Enter")
    annotator.page.get_by_text(f"Annotator: {name}").wait_for()


def labels_of(server: Any, image: str, name: str) -> dict[str, Any]:
    query = {"search": image, "annotator": name}
    found = requests.get(f"{server.url}/datastore/images", params=query, timeout=30).json()["images"]
    return dict(found[0]["labels"])


def test_another_name_takes_nobodys_points(shared: Any, as_ann: Callable[[str], Annotator]) -> None:
    annotator = as_ann("spot_00")
    rename(annotator, "ben")
    annotator.wait_for_state("no label")
    annotator.wait_for_image("spot_00")
    assert statuses(annotator) == ["unlabelled", "unlabelled"]
    annotator.press("Shift+S")
    annotator.page.locator(".notice.warning").wait_for()
    assert labels_of(shared, "spot_00", "ben") == {}
    assert list(labels_of(shared, "spot_00", "ann")) == ["draft"]
    rename(annotator, "ann")
    annotator.wait_for_state("draft")
    assert statuses(annotator) == ["placed", "placed"]


def test_who_gives_no_name_is_asked_again_and_the_image_opens_then(shared: Any, open_page: OpenPage) -> None:
    remembered = kept(shared, annotator="", detectOnOpen=False, prepareNext=False)
    annotator = Annotator(open_page(f"{shared.url}/#/annotate?image=spot_03", storage_state=remembered))
    page = annotator.page
    for another_try in (False, True):
        page.get_by_role("dialog").get_by_role("button", name="Later").click()
        if another_try:
            annotator.press("x")
        page.get_by_role("button", name="Give your name").click()
    page.get_by_label("Your name").fill("ann")
    page.keyboard.press("Enter")
    annotator.wait_for_image("spot_0")
    assert page.locator(".notice").count() == 0


def test_kept_work_waits_for_its_reader(shared: Any, as_ann: Callable[[str], Annotator]) -> None:
    annotator = as_ann("spot_01")
    page = annotator.page
    page.allowed.append("507")
    refuse_labels(page, lambda route: route.fulfill(status=507, json={"detail": "No room."}))
    annotator.press("ArrowLeft")
    rename(annotator, "ben")
    page.locator(".message.error", has_text="spot_01 was not sent").get_by_role("button").click()
    annotator.wait_for_state("no label")
    annotator.wait_for_image("spot_01")
    assert statuses(annotator) == ["unlabelled", "unlabelled"]
    rename(annotator, "ann")
    page.get_by_text("had not been sent; it has been restored").wait_for()
    assert statuses(annotator) == ["placed", "placed"]


def test_work_kept_without_a_reader_is_its_annotators(shared: Any, as_ann: Callable[[str], Annotator]) -> None:
    annotator = as_ann("spot_02")
    page = annotator.page
    refuse_labels(page, lambda route: route.abort())
    page.allowed.append("ERR_FAILED")
    unnamed = page.evaluate(
        """() => {
            const [key] = Object.keys(localStorage).filter((key) => key.startsWith("landmarks.unsent."));
            const [meaning, image] = JSON.parse(key.slice("landmarks.unsent.".length));
            const value = localStorage.getItem(key);
            localStorage.clear();
            return [`landmarks.unsent.${JSON.stringify([meaning, image])}`, value];
        }"""
    )

    def reload_as(name: str) -> None:
        told = {"nameAsked": True, "annotator": name, "detectOnOpen": False, "prepareNext": False}
        items = [[f"landmarks.{key}", json.dumps(value)] for key, value in told.items()]
        page.evaluate("items => items.forEach((item) => localStorage.setItem(...item))", items)
        page.reload()
        annotator.wait_for_image("spot_02")

    page.evaluate("item => localStorage.setItem(...item)", unnamed)
    reload_as("ben")
    annotator.wait_for_state("no label")
    assert statuses(annotator) == ["unlabelled", "unlabelled"]
    reload_as("ann")
    page.get_by_text("had not been sent; it has been restored").wait_for()
    assert statuses(annotator) == ["placed", "placed"]


def test_a_reader_confirms_the_own_label_in_doubt(
    shared: Any, open_page: OpenPage, studies: Path, as_ann: Callable[[str], Annotator]
) -> None:
    annotator = as_ann("spot_03")
    annotator.press("Shift+S")
    annotator.wait_for_state("final")
    flag = {"kind": "far", "landmarks": ["bright"], "sentence": "bright lies 90.0 px away.", "size": 5.0}
    note = {"review": {"model_version": "v4", "labels": 12, "flags": [flag]}}
    store, deadline = None, time.monotonic() + 60
    while store is None or (
        "review" not in store.objects["spot_03"].labels["final"].info and time.monotonic() < deadline
    ):
        time.sleep(0.2)  # the server's own review comes first
        store = LandmarkDatastore(str(studies), repair=False, readers=2)
    store.note_labels("final", {"spot_03": (store.objects["spot_03"].labels["final"].sha256, note)})

    nameless = open_page(f"{shared.url}/#/review")
    nameless.get_by_text("Give your name on the page Annotate").wait_for()
    assert nameless.get_by_role("button", name="is right").count() == 0

    page = open_page(f"{shared.url}/#/review", storage_state=kept(shared, annotator="ann"))
    page.locator(".case circle.point.doubtful").wait_for()
    assert page.locator(".case circle.point").count() == 2
    page.get_by_role("button", name="The label of spot_03 is right").click()
    page.get_by_text("No label looks implausible.").wait_for()
    query = {"label": "spot_03", "tag": "final", "annotator": "ann"}
    info = requests.get(f"{shared.url}/datastore/label/info", params=query, timeout=30).json()
    assert info["reviewed"] is True

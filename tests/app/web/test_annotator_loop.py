"""The whole loop in a real browser: next image, predicted points, corrections, label. By mouse, keys and fingers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from annotator_study import BRIGHT, Annotator, kept, label_info, stored, write_images
from app_requests import publish_weights
from app_spots import spot_image, spot_points, write_label
from conftest import OpenPage, Serve

from monai_ext.landmarks.points import Status
from monai_ext.landmarks.protocol_file import read_protocol

pytestmark = pytest.mark.server

COUNT = 17
#: Names that would run as HTML where a page took them for it.
HOSTILE = "<img src=x onerror=document.title='taken'>"


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("loop") / "studies"
    folder.mkdir()
    write_images(folder)
    for index in range(COUNT):
        spot_image(index).save(folder / f"spot_{index:02}.png")
    spot_image(50).save(folder / f"z{HOSTILE}.png")
    spot_image(51).save(folder / "zz_odd.png")
    finals = folder / "labels" / "final"
    finals.mkdir(parents=True)
    odd = write_label(finals / "zz_odd.mrk.json", folder / "zz_odd.png", spot_points(51))
    odd.write_text(odd.read_text().replace('"bright"', json.dumps(HOSTILE)))
    return folder


@pytest.fixture(scope="module")
def server(serve: Serve, studies: Path, protocol_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    models = tmp_path_factory.mktemp("models")
    publish_weights(models, read_protocol(protocol_dir / "spots.yaml"))
    return serve(studies, protocols="spots", protocol_dir=str(protocol_dir), model_dir=str(models))


@pytest.fixture
def annotate(open_page: OpenPage, server: Any) -> Any:
    def start(image: str = "", settings: dict[str, Any] | None = None, **options: Any) -> Annotator:
        remembered = kept(server, **{"prepareNext": False, "nextAfterSubmit": False, **(settings or {})})
        where = f"#/annotate?image={image}" if image else "#/annotate"
        annotator = Annotator(open_page(f"{server.url}/{where}", storage_state=remembered, **options))
        if image:
            annotator.wait_for_image(image)
        return annotator

    return start


def proposal(server: Any, image: str) -> tuple[np.ndarray, dict[str, Any]]:
    """(2, 2) pixels that the network puts the landmarks on, and its whole answer."""
    answer = requests.post(f"{server.url}/infer/spots", params={"image": image, "output": "json"}, timeout=60).json()
    return np.array([landmark["pixel"] for landmark in answer["landmarks"]]), answer


def inwards(point: np.ndarray, size: tuple[int, int], step: tuple[float, float]) -> tuple[float, float]:
    """A step from a point of an image that stays on it."""
    return tuple(abs(s) if p < n / 2 else -abs(s) for p, n, s in zip(point, size, step, strict=True))


@pytest.mark.parametrize("name", BRIGHT)
def test_a_prediction_is_dragged_and_submitted(annotate: Any, server: Any, studies: Path, name: str) -> None:
    image = Path(name).stem
    predicted, answer = proposal(server, image)
    annotator = annotate(image)
    annotator.page.locator(".landmarks li[data-status=predicted]").first.wait_for()
    annotator.zoom(3)
    by = inwards(predicted[0], (260, 190), (31, 17))
    annotator.drag(annotator.mark("bright"), by)
    assert annotator.status("bright") == "corrected"
    annotator.press("Shift+S")
    annotator.wait_for_state("final")
    label, info = stored(studies, image), label_info(server, image)
    expected = np.add(predicted, [np.array(by) / 3, (0, 0)])
    np.testing.assert_allclose(label.points, expected, atol=0.05)
    moved = np.linalg.norm((label.points[0] - predicted[0]) * answer["spacing"])
    assert info["displacement"] == {"bright": pytest.approx(moved, abs=1e-3), "dim": 0.0}
    found = {key: info[key] for key in ("model_version", "annotator", "unit", "client")}
    assert found == {"model_version": "v1", "annotator": "Ada", "unit": answer["unit"], "client": "browser"}
    gap = np.linalg.norm((label.points[1] - label.points[0]) * answer["spacing"])
    shown = annotator.page.locator(".measurements dd").inner_text()
    assert shown.endswith(f" {answer['unit']}")
    assert float(shown.split()[0].replace(",", "")) == pytest.approx(gap, abs=0.06)


def test_keys_alone_do_all(open_page: OpenPage, server: Any, studies: Path) -> None:
    page = open_page(server.url)
    page.locator("nav a").first.wait_for()
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Annotate":
            break
    page.keyboard.press("Enter")
    annotator = Annotator(page)
    page.get_by_label("Your name").wait_for()
    page.keyboard.type("Grace")
    page.keyboard.press("Enter")
    page.locator(".landmarks li[data-status=predicted]").first.wait_for()
    annotator.wait_until_drawn()
    image = annotator.image()
    predicted, _ = proposal(server, image)
    step = inwards(predicted[0], (88, 64), (1, 1))
    page.keyboard.press("?")
    page.get_by_role("heading", name="Keys and gestures").wait_for()
    page.keyboard.press("Escape")
    page.locator(".landmarks").focus()
    page.keyboard.press("Enter")  # chooses in the list, and neither accepts nor submits
    assert [annotator.status(name) for name in ("bright", "dim")] == ["predicted", "predicted"]
    annotator.stage.focus()
    for key in ("Right" if step[0] > 0 else "Left", "Down" if step[1] > 0 else "Up"):
        page.keyboard.press(f"Arrow{key}")
    page.keyboard.press(f"Shift+Arrow{'Right' if step[0] > 0 else 'Left'}")
    page.keyboard.press("n")
    page.keyboard.press("m")
    assert [annotator.status(name) for name in ("bright", "dim")] == ["corrected", "missing"]
    page.keyboard.press("z")
    assert annotator.status("dim") == "predicted"
    page.keyboard.press("y")
    page.keyboard.press("Enter")
    page.wait_for_function("before => document.querySelector('.opened').textContent !== before", arg=image)
    label = stored(studies, image)
    np.testing.assert_allclose(label.points[0], predicted[0] + np.array(step) * (1.1, 1), atol=1e-6)
    assert label.status[1] == Status.MISSING
    assert label_info(server, image)["annotator"] == "Grace"


def test_fingers_drag_pinch_and_submit(annotate: Any, server: Any, studies: Path) -> None:
    predicted, _ = proposal(server, "spot_01")
    annotator = annotate("spot_01", has_touch=True, viewport={"width": 834, "height": 1112})
    annotator.page.locator(".landmarks li[data-status=predicted]").first.wait_for()
    annotator.zoom(3)
    send = annotator.page.context.new_cdp_session(annotator.page).send

    def touch(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
        send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    x, y = annotator.mark("bright")
    dx, dy = inwards(predicted[0], (88, 64), (24, 12))
    touch("touchStart", (x + 6, y + 4))  # beside the mark: the finger need not hit it
    for part in (0.4, 1.0):
        touch("touchMove", (x + 6 + part * dx, y + 4 + part * dy))
    assert annotator.page.locator(".magnifier").is_visible()
    touch("touchEnd")
    assert annotator.status("bright") == "corrected"
    left, top = annotator.stage_corner()
    middle = (left + 400, top + 300)
    touch("touchStart", (middle[0] - 50, middle[1]), (middle[0] + 50, middle[1]))
    touch("touchMove", (middle[0] - 100, middle[1]), (middle[0] + 100, middle[1]))
    touch("touchEnd")
    annotator.page.locator(".tools .zoom", has_text="600 %").wait_for()
    annotator.page.get_by_role("button", name="Submit", exact=True).tap()
    annotator.wait_for_state("final")
    label = stored(studies, "spot_01")
    np.testing.assert_allclose(label.points, np.add(predicted, [(dx / 3, dy / 3), (0, 0)]), atol=0.05)


def test_a_good_image_takes_one_key(annotate: Any, server: Any) -> None:
    before = requests.get(f"{server.url}/datastore/images?state=final", timeout=30).json()["found"]
    annotator = annotate(settings={"nextAfterSubmit": True, "prepareNext": True})
    page = annotator.page
    seen = []
    for _ in range(10):
        page.locator(".landmarks li[data-status=predicted]").first.wait_for()
        seen.append(annotator.image())
        page.keyboard.press("Enter")
        page.wait_for_function("before => document.querySelector('.opened').textContent !== before", arg=seen[-1])
    assert len(set(seen)) == 10
    page.locator(".landmarks li[data-status=predicted]").first.wait_for()
    after = requests.get(f"{server.url}/datastore/images?state=final", timeout=30).json()["found"]
    assert after - before == 10
    info = label_info(server, seen[0])
    assert info["displacement"] == {"bright": 0.0, "dim": 0.0}
    assert all(origin["confirmed"] for origin in info["landmarks"].values())


def test_work_outlives_a_crash_and_becomes_a_draft(annotate: Any, server: Any, studies: Path) -> None:
    annotator = annotate("spot_14")
    annotator.page.locator(".landmarks li[data-status=predicted]").first.wait_for()
    predicted, _ = proposal(server, "spot_14")
    step = inwards(predicted[0], (88, 64), (1, 0))
    annotator.press("ArrowRight" if step[0] > 0 else "ArrowLeft")
    annotator.wait_for_state("changed")
    context, address = annotator.page.context, annotator.page.url
    annotator.page.close()  # without a word to the page
    page = context.new_page()
    page.allowed = []
    page.goto(address)
    again = Annotator(page)
    page.get_by_text("had not been sent; it has been restored").wait_for()
    assert again.status("bright") == "corrected"
    again.press("n")
    page.keyboard.press("a")
    again.wait_for_state("draft")
    np.testing.assert_allclose(stored(studies, "spot_14", "draft").points, np.add(predicted, [step, (0, 0)]), atol=1e-6)
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('landmarks.unsent'))") == []


def test_a_label_of_somebody_else_is_not_replaced_unseen(annotate: Any, server: Any, studies: Path) -> None:
    ada, bob = annotate("spot_15"), annotate("spot_15", settings={"annotator": "Bob"})
    for annotator, key in ((bob, "ArrowLeft"), (ada, "ArrowRight")):
        annotator.page.locator(".landmarks li[data-status=predicted]").first.wait_for()
        annotator.press(key)
    bob.press("Shift+S")
    bob.wait_for_state("final")
    his = stored(studies, "spot_15").points
    dialog = ada.page.get_by_role("dialog")
    ada.press("Shift+S")
    dialog.get_by_text("Bob has submitted a label of this image").wait_for()
    dialog.get_by_role("button", name="Keep working").click()
    np.testing.assert_array_equal(stored(studies, "spot_15").points, his)
    ada.press("Shift+S")
    dialog.get_by_role("button", name="Replace it with mine").click()
    ada.wait_for_state("final")
    assert label_info(server, "spot_15")["annotator"] == "Ada"
    hers = stored(studies, "spot_15").points
    assert hers[0, 0] > his[0, 0]
    ada.press("v")
    dialog.get_by_text("Bob").wait_for()
    dialog.get_by_role("button", name="Restore").click()
    ada.page.get_by_text("was restored").wait_for()
    np.testing.assert_array_equal(stored(studies, "spot_15").points, his)


@pytest.mark.slow
def test_an_unsure_point_shows_how_far_it_may_be_off(annotate: Any) -> None:
    """The answer of the untrained network with radii, as a calibrated one tells them."""
    annotator = annotate("spot_16", settings={"detectOnOpen": False})
    page = annotator.page

    def with_radii(route: Any) -> None:
        answer = route.fetch()
        document = {**answer.json(), "coverage": 0.95}
        document["landmarks"] = [{**landmark, "radius": 6.5} for landmark in document["landmarks"]]
        route.fulfill(response=answer, json=document)

    page.route("**/infer/**", with_radii)
    annotator.press("d")
    page.locator(".landmarks li[data-status=predicted]").first.wait_for()
    annotator.zoom(3)
    box = page.evaluate(
        """() => { const {width, height} = document.querySelector(".extent").getBBox(); return [width, height]; }"""
    )
    assert box == pytest.approx([39, 39], abs=1e-3)
    assert "± 6.5 px" in page.locator(".landmarks li").first.inner_text()
    annotator.press("ArrowLeft" if annotator.mark("bright")[0] > 480 else "ArrowRight")
    page.locator(".extent").first.wait_for(state="hidden")


def test_no_name_is_read_as_html(annotate: Any, server: Any) -> None:
    hostile = f"z{HOSTILE}"
    annotator = annotate(settings={"annotator": HOSTILE, "detectOnOpen": False})
    page = annotator.page
    page.locator(".opened", has_not_text="No image").wait_for()
    page.goto(f"{server.url}/#/annotate?image={requests.utils.quote(hostile)}")
    page.locator(".opened", has_text="onerror").wait_for()
    assert annotator.image() == hostile
    page.get_by_text(f"Annotator: {HOSTILE}").wait_for()
    page.goto(f"{server.url}/#/annotate?image=zz_odd")
    page.get_by_text(f"The label has the landmarks {HOSTILE}").wait_for()
    assert "taken" not in page.title()
    assert page.locator(".annotator img").count() == 0

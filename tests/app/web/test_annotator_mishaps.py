"""Small mishaps at work: a drag into which a prediction falls, a line that is broken off, tiles that do not come."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from annotator_study import Annotator, centre_of, kept, label_info
from app_requests import publish_weights
from app_spots import spot_image
from conftest import OpenPage, Serve
from PIL import Image

from monai_ext.landmarks.protocol_file import read_protocol

pytestmark = [pytest.mark.server, pytest.mark.slow]

TILES = "**/datastore/image/rendered?*"
#: Where the bright square of the image ``square`` lies at first, and later.
SQUARES = [(60, 20), (20, 40)]
#: Imports what the page consists of, and makes a task of two landmarks on an image of 100 x 80 pixels.
WORK = """
    const [{ Work }, { Task }, { Frame }, { takeUp }] = await Promise.all(
        ["work", "task", "frame", "unsent_work"].map((name) => import(`/web/js/annotator/${name}.js`)));
    const task = new Task({ name: "spots", landmarks: [{ name: "bright" }, { name: "dim" }] });
    const placement = { size: [100, 80], origin: [0, 0, 0], x_step: [1, 0, 0], y_step: [0, 1, 0] };
    const geometry = { ...placement, spacing: [1, 1], unit: "px" };
    const work = new Work({ task, image: "a", frame: new Frame(geometry) });
    const said = (modelVersion, ...places) => ({ modelVersion, points: places.map(([x, y]) =>
        ({ status: "defined", position: [x, y, 0], confidence: 0.5, radius: 5, coverage: 0.9 })) });
    const told = ({ status, position }) => [status, position?.slice(0, 2) ?? null];
    const state = () => [work.modelVersion, ...work.points.map(told)];
"""


@pytest.fixture(scope="module")
def server(serve: Serve, protocol_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("mishaps")
    studies = folder / "studies"
    studies.mkdir()
    for index in range(2):
        spot_image(index).save(studies / f"spot_0{index}.png")
    (studies / "square.png").write_bytes(square_image(SQUARES[0]))
    publish_weights(folder / "models", read_protocol(protocol_dir / "spots.yaml"))
    return serve(studies, protocols="spots", protocol_dir=str(protocol_dir), model_dir=str(folder / "models"))


@pytest.fixture
def annotate(open_page: OpenPage, server: Any) -> Callable[[str], Annotator]:
    def start(image: str) -> Annotator:
        settings = {"nextAfterSubmit": False, "detectOnOpen": False, "prepareNext": False}
        annotator = Annotator(
            open_page(f"{server.url}/#/annotate?image={image}", storage_state=kept(server, **settings))
        )
        annotator.wait_for_image(image)
        return annotator

    return start


def square_image(corner: tuple[int, int]) -> bytes:
    """A dark image with one bright square of 8 pixels."""
    pixels = np.full((64, 88), 40, np.uint8)
    x, y = corner
    pixels[y : y + 8, x : x + 8] = 250
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def test_a_prediction_during_a_drag_is_a_step_before_it(annotate: Callable[[str], Annotator]) -> None:
    seen = annotate("spot_00").page.evaluate(
        "async () => {"
        + WORK
        + """
            work.applyPrediction(said("v1", [10, 10], [40, 40]));
            work.beginDrag(0);
            work.movePoint(0, [20, 20]);
            work.applyPrediction(said("v2", [12, 12], [42, 42]));
            work.markMissing(1);
            work.movePoint(0, [30, 30]);
            work.endDrag();
            const seen = [state()];
            for (const step of ["undo", "undo", "undo", "undo", "redo", "redo", "redo", "redo"]) {
                work[step]();
                seen.push(state());
            }
            return seen;
        }"""
    )
    predicted = [["predicted", [12, 12]], ["predicted", [42, 42]]]
    states = [
        [None, ["unlabelled", None], ["unlabelled", None]],
        ["v1", ["predicted", [10, 10]], ["predicted", [40, 40]]],
        ["v2", *predicted],
        ["v2", predicted[0], ["missing", None]],
        ["v2", ["corrected", [30, 30]], ["missing", None]],
    ]
    assert seen == [*states[::-1], *states[1:]]


def test_a_drag_that_is_broken_off_leaves_the_prediction(annotate: Callable[[str], Annotator]) -> None:
    seen = annotate("spot_00").page.evaluate(
        "async () => {"
        + WORK
        + """
            work.placePoint(0, [5, 5]);
            work.beginDrag(0);
            work.movePoint(0, [20, 20]);
            work.applyPrediction(said("v2", [12, 12], [42, 42]));
            work.cancelDrag();
            return [state(), work.points[0].predicted];
        }"""
    )
    assert seen == [["v2", ["corrected", [5, 5]], ["predicted", [42, 42]]], [12, 12, 0]]


def test_a_radius_is_told_in_the_unit_of_a_pixel_size_that_was_stated_meanwhile(
    annotate: Callable[[str], Annotator],
) -> None:
    radii = annotate("spot_00").page.evaluate(
        "async () => {"
        + WORK
        + """
            work.applyPrediction(said("v1", [10, 10], [40, 40]));
            const kept = JSON.parse(JSON.stringify(work.record()));
            return ["px", "mm"].map((unit) => {
                const spacing = unit === "mm" ? [0.2, 0.8] : [1, 1];
                return takeUp(kept, task, new Frame({ ...geometry, spacing, unit })).points[0].radius;
            });
        }"""
    )
    assert radii == pytest.approx([5, 2])


def test_a_missing_landmark_that_is_accepted_is_called_missing(annotate: Callable[[str], Annotator]) -> None:
    annotator = annotate("spot_01")
    page = annotator.page

    def without_dim(route: Any) -> None:
        answer = route.fetch()
        document = answer.json()
        document["landmarks"][1]["status"] = "missing"
        route.fulfill(response=answer, json=document)

    page.route("**/infer/**", without_dim)
    annotator.press("d")
    page.locator(".landmarks li[data-status=missing]").wait_for()
    page.get_by_role("button", name="Accept all").click()
    page.locator(".landmarks li[data-status=corrected]").wait_for()
    shown = page.locator(".landmarks li .status").all_inner_texts()
    assert [text.lower() for text in shown] == ["accepted", "missing"]


def test_a_prediction_leaves_the_landmark_that_is_being_placed(annotate: Callable[[str], Annotator]) -> None:
    annotator = annotate("spot_01")
    page, hint = annotator.page, annotator.page.locator(".hint")
    held: list[Any] = []
    page.route("**/infer/**", lambda route: held.append(route))
    with page.expect_request("**/infer/**"):
        annotator.press("d")
    annotator.press("p", "n")
    answer = held[0].fetch()
    document = answer.json()
    document["landmarks"][0]["status"] = "undefined"
    held[0].fulfill(response=answer, json=document)
    page.locator(".landmarks li[data-status=predicted]").wait_for()
    assert hint.inner_text() == "Click the position of dim; press Escape to stop placing."


def test_a_line_that_is_broken_off_asks_nothing(annotate: Callable[[str], Annotator]) -> None:
    annotator = annotate("spot_01")
    page, mouse = annotator.page, annotator.page.mouse
    page.get_by_role("button", name="Calibrate").wait_for()
    annotator.press("k")
    page.get_by_role("dialog").get_by_role("button", name="Draw a line").click()
    left, top = annotator.stage_corner()
    mouse.move(left + 300, top + 200)
    mouse.down()
    mouse.move(left + 350, top + 220)
    page.keyboard.press("Escape")
    mouse.move(left + 420, top + 240)
    mouse.up()
    assert page.get_by_role("dialog").count() == 0
    assert not page.locator(".magnifier").is_visible()


def test_tiles_that_did_not_come_are_asked_for_again(annotate: Callable[[str], Annotator]) -> None:
    annotator = annotate("spot_01")
    page = annotator.page
    page.allowed.append("503")
    page.route(TILES, lambda route: route.fulfill(status=503, json={"detail": "Too busy."}))
    page.goto(f"{page.url.split('#')[0]}#/annotate?image=spot_00")
    page.locator(".notice.error", has_text="Too busy.").wait_for()
    assert annotator.stage.get_attribute("aria-busy") == "true"
    page.unroute(TILES)
    annotator.wait_until_drawn()
    assert annotator.picture(marks=False).max() > 200


def test_a_replaced_image_is_shown_at_once(annotate: Callable[[str], Annotator], server: Any) -> None:
    annotator = annotate("square")
    middles = []
    for replaced in (False, True):
        if replaced:
            file = {"file": ("square.png", square_image(SQUARES[1]))}
            answer = requests.put(f"{server.url}/datastore/image", params={"image": "square"}, files=file, timeout=60)
            answer.raise_for_status()
            annotator.open("spot_00")
            annotator.open("square")
        annotator.press("1")
        annotator.wait_until_drawn()
        middles.append(centre_of(annotator.picture(marks=False), 160))
    np.testing.assert_allclose(np.subtract(*middles), np.subtract(*SQUARES), atol=0.5)


def test_a_drag_that_is_broken_off_keeps_nothing(annotate: Callable[[str], Annotator]) -> None:
    annotator = annotate("spot_01")
    page, mouse = annotator.page, annotator.page.mouse
    kept_keys = "() => Object.keys(localStorage).filter((key) => key.startsWith('landmarks.unsent'))"
    annotator.press("d")
    page.locator(".landmarks li[data-status=predicted]").first.wait_for()
    x, y = annotator.mark("bright")
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + 30, y)
    with page.expect_response("**/infer/**"):
        page.keyboard.press("d")
    page.wait_for_function(f"() => ({kept_keys})().length === 1")
    page.keyboard.press("Escape")
    mouse.up()
    assert page.evaluate(kept_keys) == []


def test_time_does_not_count_while_the_page_is_opened_behind_another(
    annotate: Callable[[str], Annotator], server: Any
) -> None:
    annotator = annotate("spot_01")
    page = annotator.page
    page.evaluate(
        """() => {
            window.seen = "hidden";
            window.clock = 0;
            performance.now = () => window.clock;
            Object.defineProperty(document, "hidden", { get: () => window.seen === "hidden" });
            Object.defineProperty(document, "visibilityState", { get: () => window.seen });
        }"""
    )
    annotator.open("spot_00")
    page.evaluate(
        """() => {
            window.clock = 60_000;
            window.seen = "visible";
            document.dispatchEvent(new Event("visibilitychange"));
            window.clock = 65_000;
        }"""
    )
    annotator.press("p", "ArrowRight", "Shift+S")
    annotator.wait_for_state("final")
    assert label_info(server, "spot_00")["seconds"] == 5

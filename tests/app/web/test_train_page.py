"""The training page in a real browser: a run is started, watched and published, a version gone back to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
from app_requests import publish_weights
from app_server import Server
from app_spots import SPOTS, spot_image, spot_points, write_label

from monai_ext.landmarks import read_protocol

pytestmark = pytest.mark.server

TRAINING_MS = 300_000


@pytest.fixture(scope="module")
def spots(serve: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A server on labelled spots, with two versions of a network that nobody trained."""
    folder = tmp_path_factory.mktemp("spots")
    (folder / "protocols").mkdir()
    (folder / "protocols" / "spots.yaml").write_text(SPOTS)
    studies = folder / "studies"
    (studies / "labels" / "final").mkdir(parents=True)
    for index in range(6):
        image = studies / f"spot_{index:02}.png"
        spot_image(index).save(image)
        write_label(studies / "labels" / "final" / f"{image.stem}.mrk.json", image, spot_points(index))
    for seed in range(2):
        publish_weights(folder / "model", read_protocol(folder / "protocols" / "spots.yaml"), seed)
    conf = {"protocols": "spots", "protocol_dir": str(folder / "protocols"), "model_dir": str(folder / "model")}
    return serve(studies, **conf)


def model_version(server: Server) -> str:
    info = requests.get(f"{server.url}/info/", timeout=30).json()
    return str(info["models"]["spots"]["model_version"])


def rows(page: Any) -> list[str]:
    return [row.split("\t")[0].split("\n")[0].strip() for row in page.locator("tbody tr").all_inner_texts()]


def test_a_version_is_gone_back_to_after_a_question(open_page: Callable[..., Any], spots: Server) -> None:
    page = open_page(f"{spots.url}/#/train")
    page.get_by_role("button", name="Use v1").wait_for()
    assert rows(page)[:2] == ["v2", "v1"]
    page.get_by_role("button", name="Use v1").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert model_version(spots) == "v2"
    page.get_by_role("button", name="Use v1").click()
    page.get_by_role("dialog").get_by_role("button", name="Use").click()
    page.get_by_role("button", name="Use v2").wait_for()
    assert model_version(spots) == "v1"
    assert "from v2 to v1" in page.get_by_text("Last change by hand").inner_text()


def test_the_axis_of_a_loss_fits_the_curve_and_that_of_an_error_begins_at_zero(
    open_page: Callable[..., Any], spots: Server
) -> None:
    page = open_page(f"{spots.url}/#/train")

    def ticks(kind: str, values: list[float]) -> list[str]:
        return page.evaluate(
            """async ([kind, values]) => {
                const { chart } = await import(new URL("web/js/chart.js", document.baseURI));
                const points = values.map((y, index) => ({ x: index + 1, y }));
                const drawn = chart({ title: "x", kind, points });
                return [...drawn.querySelectorAll("text[text-anchor=end]:not(.value)")].map((text) => text.textContent);
            }""",
            [kind, values],
        )

    assert ticks("loss", [9.81, 7.4, 6.48]) == ["6", "7", "8", "9", "10"]
    assert ticks("loss", [8.431, 8.412]) == ["8.410", "8.415", "8.420", "8.425", "8.430", "8.435"]
    assert ticks("loss", [0.9, 0.3, 0.1]) == ["0.0", "0.5", "1.0"]
    assert ticks("loss", [1.0, -0.3, -0.45]) == ["-0.5", "0.0", "0.5", "1.0"]
    assert ticks("error", [9.81, 7.4, 6.48]) == ["0", "5", "10"]


def test_a_refused_value_is_seen_where_its_options_were_closed(open_page: Callable[..., Any], spots: Server) -> None:
    page = open_page(f"{spots.url}/#/train")
    page.get_by_label("Minutes").fill("0.1")  # the server judges whether they are enough
    assert page.get_by_label("Minutes").evaluate("field => field.checkValidity()")
    more, field = page.get_by_text("More options"), page.get_by_label("Batch size")
    more.click()
    field.fill("0")
    more.click()
    page.get_by_role("button", name="Start").click()
    assert field.is_visible()
    assert page.evaluate("document.activeElement.name") == "batch_size"


def test_a_training_is_started_watched_and_published(open_page: Callable[..., Any], spots: Server) -> None:
    page = open_page(f"{spots.url}/#/train")
    page.get_by_text("6 labelled images can be used.").wait_for()
    page.get_by_label("Epochs at most").fill("0")
    page.get_by_role("button", name="Start").click()  # the browser says that 1 is the least
    page.get_by_label("Epochs at most").fill("2")
    page.get_by_text("More options").click()
    page.get_by_label("Device").fill("abacus")
    page.allowed.append("422")
    page.get_by_role("button", name="Start").click()
    page.get_by_role("alert").filter(has_text="'device' cannot be 'abacus'").wait_for()
    page.get_by_label("Device").fill("cpu")
    page.get_by_role("button", name="Start").click()
    page.locator('[data-status="queued"], [data-status="running"]').first.wait_for()
    assert page.get_by_role("button", name="Stop").is_enabled()
    assert page.get_by_role("button", name="Start").is_disabled()
    page.locator('[data-status="done"]').wait_for(timeout=TRAINING_MS)
    page.wait_for_function("() => document.querySelectorAll('.chart.error circle title').length === 2")
    stats = requests.get(f"{spots.url}/info/", timeout=30).json()["train_stats"]["spots"]
    history = requests.get(f"{spots.url}/train/spots/history", timeout=30).json()["history"]
    assert [entry["epoch"] for entry in history] == [1, 2]
    assert page.locator(".chart.error svg").get_attribute("aria-label").startswith("Validation error by epoch: ")
    assert page.locator(".now").get_by_text(f"{stats['best']:.2f} px").count() >= 1
    assert page.get_by_role("button", name="Start").is_enabled()
    page.locator("tbody tr").first.filter(has_text=model_version(spots)).wait_for()
    assert rows(page)[0] == "v3"
    page.get_by_role("button", name="Curves of v3").click()
    page.get_by_role("heading", name="Training of v3").wait_for()
    page.wait_for_function("() => document.querySelectorAll('.chart.loss circle title').length === 2")

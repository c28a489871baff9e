"""The annotator with a token, on a server that goes away between load and submit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from annotator_study import Annotator, kept, stored
from app_server import end_group, launch, wait_until_up
from app_spots import spot_image
from conftest import APP_DIR, TOKEN, OpenPage

pytestmark = pytest.mark.server


@pytest.mark.slow
def test_nothing_is_lost_when_the_server_is_restarted(open_page: OpenPage, protocol_dir: Path, tmp_path: Path) -> None:
    studies = tmp_path / "studies"
    studies.mkdir()
    for number in (0, 1):
        spot_image(number).save(studies / f"spot_0{number}.png")
    conf = {"protocols": "spots", "protocol_dir": str(protocol_dir), "model_dir": str(tmp_path / "model")}
    variables = {"LANDMARKS_TOKEN": TOKEN}
    first = launch(APP_DIR, studies, conf, tmp_path / "first.log", environment=variables)
    second = None
    try:
        wait_until_up(first)
        options = kept(first, nextAfterSubmit=True, detectOnOpen=False, prepareNext=False)
        page = open_page(f"{first.url}/#/annotate?image=spot_00", storage_state=options)
        page.allowed += ["401", "ERR_CONNECTION_REFUSED", "ERR_EMPTY_RESPONSE", "ERR_CONNECTION_RESET"]
        page.locator("#token").fill(TOKEN)
        page.keyboard.press("Enter")
        annotator = Annotator(page)
        annotator.wait_for_image("spot_00")
        annotator.zoom(3)
        left, top = annotator.stage_corner()
        annotator.press("p")
        page.mouse.click(left + 400, top + 300)
        page.mouse.click(left + 500, top + 350)
        assert [annotator.status(name) for name in ("bright", "dim")] == ["placed", "placed"]
        end_group(first.process)
        annotator.press("Shift+S")
        page.get_by_text("was not sent, and its points are kept in this browser").wait_for()
        port = first.url.rsplit(":", 1)[1]
        second = launch(APP_DIR, studies, conf, tmp_path / "second.log", ("--port", port), environment=variables)
        wait_until_up(type(second)(first.url, second.process, second.log_path))
        page.get_by_role("button", name="Try again").click()
        annotator.wait_for_image("spot_01")  # as after a label that was sent at once
        points = stored(studies, "spot_00").points
        np.testing.assert_allclose(points[1] - points[0], np.array([100, 50]) / 3, atol=0.05)
        kept_names = page.evaluate("JSON.stringify([localStorage, sessionStorage, location.href])")
        assert TOKEN not in kept_names
    finally:
        end_group(first.process)
        if second is not None:
            end_group(second.process)

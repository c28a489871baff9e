"""The annotator in a study with two readers: neither sees the other's points, and a third is told why not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from annotator_study import Annotator, kept, stored
from app_spots import spot_image
from conftest import OpenPage, Serve

pytestmark = pytest.mark.server


@pytest.mark.slow
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

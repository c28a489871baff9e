"""The annotator warns of an image unlike those that the network was trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from annotator_study import Annotator, kept
from app_requests import know_one_image, publish_weights
from app_spots import spot_image
from conftest import OpenPage, Serve

from monai_ext.landmarks.protocol_file import read_protocol

pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en-GB", "This image is unlike those that the model was trained on; check every point."),
        ("de-DE", "Dieses Bild gleicht nicht denen, mit denen das Modell trainiert wurde; prüfen Sie jeden Punkt."),
    ],
)
def test_it_warns_of_an_unfamiliar_image_and_not_of_the_next_one(
    serve: Serve, open_page: OpenPage, protocol_dir: Path, tmp_path: Path, language: str, sentence: str
) -> None:
    studies = tmp_path / "studies"
    studies.mkdir()
    for name, index in {"known": 1, "strange": 2}.items():
        spot_image(index).save(studies / f"{name}.png")
    publish_weights(tmp_path / "models", read_protocol(protocol_dir / "spots.yaml"))
    know_one_image(tmp_path / "models" / "spots", studies / "known.png")
    conf: dict[str, Any] = {"protocol_dir": str(protocol_dir), "model_dir": str(tmp_path / "models")}
    server = serve(studies, protocols="spots", **conf)
    remembered = kept(server, prepareNext=False)

    annotator = Annotator(
        open_page(f"{server.url}/#/annotate?image=strange", storage_state=remembered, locale=language)
    )

    annotator.wait_for_image("strange")
    warning = annotator.page.locator(".notice.warning span")
    warning.wait_for()
    assert warning.inner_text() == sentence
    annotator.page.screenshot(path=tmp_path / f"{language}.png")
    with annotator.page.expect_response(lambda answer: "/infer/" in answer.url):
        annotator.open("known")
    annotator.page.locator(".landmarks li:not([data-status=unlabelled])").first.wait_for()
    assert annotator.page.locator(".notice").count() == 0

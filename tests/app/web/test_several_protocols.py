"""A server with several protocols: the one whose landmarks the images have labels of is met first."""

from __future__ import annotations

from pathlib import Path

import pytest
from annotator_study import Annotator, kept
from conftest import OpenPage, Serve

pytestmark = [pytest.mark.server, pytest.mark.slow]


def test_the_protocol_with_labels_comes_first(serve: Serve, study: Path, open_page: OpenPage) -> None:
    server = serve(study, protocols="cephalometric,face,fundus")
    page = open_page(f"{server.url}/#/annotate?image=synthetic_fundus_002", storage_state=kept(server))
    page.locator(".landmarks li[data-status=predicted]").first.wait_for()
    assert page.locator(".landmarks li .name").all_inner_texts() == ["fovea", "optic disc"]
    page.goto(f"{server.url}/#/")
    page.get_by_role("link", name="Fundus photograph").first.wait_for()
    titles = page.locator(".start-head a.button").all_inner_texts()
    assert ["Fundus" in title for title in titles] == [True, False, False]
    assert "Fundus" in page.locator("a.button.primary").inner_text()
    for protocol, count in {"fundus": 12, "face": 0}.items():
        page.goto(f"{server.url}/#/train?protocol={protocol}")
        page.get_by_text(f"{count} labelled images can be used.").wait_for()


def test_a_protocol_without_a_network_is_asked_for_no_prediction(
    serve: Serve, study: Path, open_page: OpenPage
) -> None:
    server = serve(study, protocols="cephalometric,face,fundus")
    address = f"{server.url}/#/annotate?image=synthetic_fundus_002&protocol=cephalometric"
    annotator = Annotator(open_page(address, storage_state=kept(server, prepareNext=False)))
    page, notice = annotator.page, annotator.page.locator(".notice")
    page.allowed.append("409")
    annotator.wait_for_image("synthetic_fundus_002")
    annotator.press("d")
    notice.get_by_text("has no trained network yet").wait_for()
    assert sum("/infer/" in url for url in page.requested) == 1

    # What the network says takes no other warning away: the server has a label of another protocol.
    annotator.open("synthetic_fundus_003")
    page.get_by_label("Protocol").select_option("face")
    notice.get_by_text("This image is unlike those").wait_for()
    assert "has a label of the protocol fundus" in notice.inner_text()


def test_the_protocol_of_the_address_stays(serve: Serve, study: Path, open_page: OpenPage) -> None:
    server = serve(study, protocols="cephalometric,face,fundus")
    options = kept(server, detectOnOpen=False, prepareNext=False)
    page = open_page(f"{server.url}/#/annotate?protocol=face", storage_state=options)
    annotator, names = Annotator(page), page.locator(".landmarks li .name")
    page.locator(".opened", has_text="synthetic_fundus").wait_for()
    of_face, image = names.all_inner_texts(), annotator.image()
    assert "fovea" not in of_face
    page.wait_for_function("() => location.hash.includes('image=')")
    page.reload()
    annotator.wait_for_image(image)
    assert names.all_inner_texts() == of_face
    page.goto(f"{server.url}/#/list")
    page.locator(".page[data-page=list]").wait_for()
    annotator.open("synthetic_fundus_019")
    assert names.all_inner_texts() == of_face
    annotator.open("synthetic_fundus_003")
    assert names.all_inner_texts() == ["fovea", "optic disc"]

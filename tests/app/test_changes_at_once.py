"""Changes of one image at the same moment: what was checked is still so when it is stored, or it is refused."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from app_requests import assert_refused, client_of, image_file, put_label
from app_spots import QUICK_SPOTS, spot_image, spot_points

from monai_ext.images import read_frame
from monai_ext.landmarks import Landmarks, markups_document

SECONDS = 60
LANDMARKS = {"spots": ("bright", "dim"), "pair": ("left", "right")}


@pytest.fixture(scope="module")
def quick_protocol_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two protocols")
    (folder / "spots.yaml").write_text(QUICK_SPOTS)
    pair = QUICK_SPOTS.replace("name: spots", "name: pair").replace("bright", "left").replace("dim", "right")
    (folder / "pair.yaml").write_text(pair)
    return folder


def label_of(app: Any, protocol: str = "spots") -> bytes:
    frame = read_frame(image_file(app, "spot_00"))
    return json.dumps(markups_document(Landmarks(LANDMARKS[protocol], spot_points(0), frame))).encode()


def upload_of(app: Any, folder: Path, size: tuple[int, int]) -> Any:
    spot_image(0, size).save(folder / "other.png")
    files = {"file": ("other.png", (folder / "other.png").read_bytes())}
    return client_of(app).put("/datastore/image", params={"image": "spot_00"}, files=files)


class Gate:
    """Holds a change of the datastore after all that was checked before it."""

    def __init__(self, store: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self._go = threading.Event(), threading.Event()
        self._change = getattr(store, name)
        monkeypatch.setattr(store, name, self._wait)

    def _wait(self, *args: Any, **options: Any) -> Any:
        self.reached.set()
        assert self._go.wait(SECONDS)
        return self._change(*args, **options)

    def meanwhile(self, held: Callable[[], Any], other: Callable[[], Any]) -> tuple[Any, Any]:
        """The answers of a request that is held, and of one that is made and answered meanwhile."""
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(held)
            try:
                assert self.reached.wait(SECONDS)
                answer = other()
            finally:
                self._go.set()
            return first.result(SECONDS), answer


def test_an_image_of_another_size_does_not_replace_one_that_is_labelled_meanwhile(
    app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, content = Gate(app.datastore(), "add_image", monkeypatch), label_of(app)
    uploaded, saved = gate.meanwhile(
        lambda: upload_of(app, tmp_path, (40, 30)), lambda: put_label(client_of(app), content)
    )
    assert saved.status_code == 200, saved.text
    assert_refused(uploaded, 409, "has labels that would not fit the new file")
    assert read_frame(image_file(app, "spot_00")).size == (88, 64)


def test_an_image_of_the_same_size_replaces_one_that_is_labelled_meanwhile(
    app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, content = Gate(app.datastore(), "add_image", monkeypatch), label_of(app)
    answers = gate.meanwhile(lambda: upload_of(app, tmp_path, (88, 64)), lambda: put_label(client_of(app), content))
    assert [answer.status_code for answer in answers] == [200, 200]


@pytest.mark.parametrize("readers", ["1", "2"])
def test_a_label_is_not_saved_for_an_image_that_is_replaced_meanwhile(
    make_app: Callable[..., Any],
    make_studies: Callable[[int], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    readers: str,
) -> None:
    app = make_app(make_studies(1), readers=readers)
    gate = Gate(app.datastore(), "store_label" if readers == "1" else "save_reading", monkeypatch)
    content = label_of(app)
    saved, uploaded = gate.meanwhile(
        lambda: put_label(client_of(app), content, annotator="ada"), lambda: upload_of(app, tmp_path, (40, 30))
    )
    assert uploaded.status_code == 200, uploaded.text
    assert_refused(saved, 409, "was replaced while its label was saved")
    assert app.datastore().get_labels_by_image_id("spot_00") == {}


def test_a_pixel_size_is_not_stated_for_an_image_that_is_replaced_meanwhile(
    app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, address = Gate(app.datastore(), "state_size", monkeypatch), "/datastore/image/calibration?image=spot_00"
    line = {"how": "line", "line": [[10, 20], [70, 20]], "length_mm": 15}
    stated, uploaded = gate.meanwhile(
        lambda: client_of(app).put(address, json=line), lambda: upload_of(app, tmp_path, (40, 30))
    )
    assert uploaded.status_code == 200, uploaded.text
    assert_refused(stated, 409, "was replaced while its pixel size was stated")
    frame = read_frame(image_file(app, "spot_00"))
    assert (frame.size, frame.unit, frame.spacing) == ((40, 30), "px", None)


@pytest.mark.parametrize("readers", ["1", "2"])
def test_of_two_labels_of_different_protocols_one_is_refused(
    make_app: Callable[..., Any], make_studies: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch, readers: str
) -> None:
    app = make_app(make_studies(1), protocols="spots,pair", readers=readers)
    both, name = threading.Barrier(2), "store_label" if readers == "1" else "save_reading"
    change = getattr(app.datastore(), name)

    def change_at_once(*args: Any, **options: Any) -> Any:
        both.wait(SECONDS)
        return change(*args, **options)

    monkeypatch.setattr(app.datastore(), name, change_at_once)
    contents = {protocol: label_of(app, protocol) for protocol in LANDMARKS}
    with ThreadPoolExecutor(2) as pool:
        sent = {
            protocol: pool.submit(put_label, client_of(app), content, annotator=protocol)
            for protocol, content in contents.items()
        }
        answers = {protocol: future.result(SECONDS) for protocol, future in sent.items()}
    (saved,) = [protocol for protocol, answer in answers.items() if answer.status_code == 200]
    (refused,) = answers.keys() - {saved}
    assert_refused(answers[refused], 409, f"belongs to the protocol {saved}")
    assert app.datastore().get_label_info("spot_00", "final")["protocol"] == saved
    assert app.datastore().label_versions("spot_00", "final") == []

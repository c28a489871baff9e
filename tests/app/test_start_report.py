from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from app_server import START_SECONDS, end_group, launch
from app_spots import spot_points, write_label

from lib.inference.desk import default_slots
from lib.settings import AppSettings, Conf
from lib.start_report import NetworkState, StartReport, access_words, limit_words, start_lines, start_report
from monai_ext.doctor.server import check_port
from monai_ext.landmarks import InputError

APP_DIR = Path(__file__).resolve().parents[2] / "apps" / "landmarks"
TOKEN = "correct-horse-battery-staple"


def report(**changes: Any) -> StartReport:
    values: dict[str, Any] = {
        "version": "1.2.3",
        "networks": [NetworkState("ear", "network v3, validation error 1.2 px, 40 labels", True),
                     NetworkState("fundus", "no network yet: label images, then train it", False)],
        "device": "cpu (2 threads)",
        "studies": Path("/data/my eyes"),
        "images": 20,
        "labelled": 12,
        "conf": Conf(infer_slots=2),
    }  # fmt: skip
    return StartReport(**{**values, **changes})


def test_one_block_tells_all() -> None:
    assert start_lines(report()) == [
        "The landmarks server 1.2.3 is ready.",
        "  Protocols  ear     network v3, validation error 1.2 px, 40 labels",
        "             fundus  no network yet: label images, then train it",
        "  Device     cpu (2 threads)",
        "  Studies    /data/my eyes: 20 images, 12 labelled",
        "  Access     programs on this machine only; for others set LANDMARKS_TOKEN or --conf token",
        "  Limits     requests up to 256 MB; predictions: 2 at once, 16 waiting, at most 120 s each, 256 answers kept",
    ]


def test_repairs_are_told_where_there_were_any() -> None:
    lines = start_lines(report(images=1, repairs=("The index was lost.", "2 temporary files were removed.")))
    place = lines.index("  Repaired   The index was lost.")
    assert lines[place - 1].endswith("/data/my eyes: 1 image, 12 labelled")
    assert lines[place + 1] == "             2 temporary files were removed."


@pytest.mark.parametrize(
    ("access", "words"),
    [
        (Conf(), ["programs on this machine only; for others set LANDMARKS_TOKEN or --conf token"]),
        (Conf(token=TOKEN, allow_remote=True), ["anyone with the token, from any machine"]),
        (
            Conf(allow_remote=True),
            ["ANYONE who can reach this machine may read and change all labels (--conf allow_remote true)"],
        ),
        (
            Conf(token=TOKEN, allow_origins=("https://a.example",), allow=frozenset({"reload", "logs"})),
            [
                "anyone with the token, from any machine",
                "web pages of https://a.example",
                "also open: logs, reload",
            ],
        ),
    ],
)
def test_who_may_enter_is_told_without_the_token(access: Conf, words: list[str]) -> None:
    assert access_words(access) == words
    assert TOKEN not in "\n".join(start_lines(report(conf=access)))


def test_limits_that_the_device_chooses_are_told_as_chosen() -> None:
    assert f"predictions: {default_slots()} at once" in limit_words(Conf())
    assert limit_words(Conf(infer_cache=0)).endswith("no answers kept")


def test_the_report_of_a_real_app(app: Any, tmp_path: Path) -> None:
    label = write_label(tmp_path / "l.mrk.json", app.service.image_path("spot_01"), spot_points(1))
    app.service.save_label("spot_01", "final", label.read_bytes(), {})
    app.service.save_label("spot_02", "draft", label.read_bytes(), {})

    made = start_report("0.1", app.models, app._datastore, app.settings)

    assert made.networks == [NetworkState("spots", "no network yet: label images, then train it", False)]
    assert (made.images, made.labelled, made.studies) == (3, 1, app._datastore.folder)
    assert made.conf == app.settings.conf


def test_a_damaged_model_is_told_with_the_reason(
    make_app: Callable[..., Any], make_studies: Callable[[int], Path], tmp_path: Path
) -> None:
    folder = tmp_path / "model" / "spots"
    folder.mkdir(parents=True)
    (folder / "card.json").write_text(json.dumps({"format": 1}))
    app = make_app(make_studies(1), protocols="spots,fundus")

    spots, fundus = start_report("0.1", app.models, app._datastore, app.settings).networks

    assert not spots.usable
    assert spots.words.startswith(f"NOT OFFERED: The model card {folder / 'card.json'} is damaged")
    assert (fundus.protocol, fundus.usable, fundus.words.startswith("network v")) == ("fundus", True, True)


@pytest.mark.server
def test_the_server_says_it_once_and_never_the_token(
    make_studies: Callable[[int], Path], protocol_dir: Path, tmp_path: Path
) -> None:
    studies = make_studies(2)
    conf = {"protocols": "spots", "protocol_dir": str(protocol_dir)}
    server = launch(APP_DIR, studies, conf, tmp_path / "log", environment={"LANDMARKS_TOKEN": TOKEN})
    try:
        deadline = time.monotonic() + START_SECONDS
        while "Uvicorn running" not in server.log() and time.monotonic() < deadline:
            time.sleep(0.1)
        answers = [requests.get(f"{server.url}{path}", timeout=10).status_code for path in ("/health", "/info/")]
        check = check_port(int(server.url.rpartition(":")[2]))
    finally:
        end_group(server.process)
    log = server.log()
    assert log.count("The landmarks server ") == 1
    assert f"  Studies    {studies}: 2 images, 0 labelled\n" in log
    assert "  Access     anyone with the token, from any machine\n" in log
    assert TOKEN not in log
    assert answers == [200, 401]
    assert (check.state, check.found.startswith("a landmarks server ")) == ("ok", True)


def test_a_start_lists_every_mistake_of_every_protocol_file_and_of_the_conf(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("name: a\n")
    (tmp_path / "b.yaml").write_text("name: [\n")
    with pytest.raises(InputError) as caught:
        AppSettings.from_conf(APP_DIR, {"protocol_dir": str(tmp_path), "infer_slots": "many"})
    for words in (f"{tmp_path / 'a.yaml'}, line 1: ", f"{tmp_path / 'b.yaml'}, line 2: ", "--conf infer_slots"):
        assert words in str(caught.value)

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lib import start_check as startup
from lib.settings import AppSettings
from monai_ext.landmarks import InputError

APP_DIR = Path(__file__).resolve().parents[2] / "apps" / "landmarks"


def test_all_shipped_protocols_are_served_by_default() -> None:
    settings = AppSettings.from_conf(APP_DIR, {})
    assert list(settings.protocols) == ["cephalometric", "face", "fundus", "scleral_spur"]
    assert settings.model_root == APP_DIR / "model"
    assert settings.pretrained_root == APP_DIR / "pretrained"


def test_protocols_are_chosen_in_order_and_own_ones_added(protocol_dir: Path, tmp_path: Path) -> None:
    conf = {"protocols": "spots, fundus,spots", "protocol_dir": str(protocol_dir), "model_dir": str(tmp_path / "m")}
    settings = AppSettings.from_conf(APP_DIR, {**conf, "server_mode": "true"})
    assert list(settings.protocols) == ["spots", "fundus"]
    assert settings.model_root == tmp_path / "m"


@pytest.mark.parametrize(
    ("conf", "message"),
    [
        ({"protocols": "fundus,ear"}, "no protocol 'ear'; there are cephalometric, face, fundus, scleral_spur"),
        ({"protocols": " , "}, "names no protocol"),
        ({"protocol": "fundus"}, "--conf protocol is unknown; use one of protocols, protocol_dir, model_dir"),
        ({"protocol_dir": "/nowhere/at/all"}, "/nowhere/at/all does not exist"),
    ],
)
def test_bad_conf_is_refused_with_what_exists(conf: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        AppSettings.from_conf(APP_DIR, conf)


def test_app_refuses_to_start_with_one_sentence(
    make_app: Callable[..., object], make_studies: Callable[[int], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        make_app(make_studies(1), protocols="ear")
    assert ended.value.code == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert "The landmarks app cannot start: --conf protocols: there is no protocol 'ear'" in lines[0]


def test_inside_the_server_the_process_ends_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    codes: list[int] = []

    def end(code: int) -> None:
        codes.append(code)
        raise KeyboardInterrupt  # stands for the end of the process

    monkeypatch.setattr(os, "_exit", end)
    monkeypatch.setitem(sys.modules, "monailabel.app", sys)
    with pytest.raises(KeyboardInterrupt):
        startup.refuse_to_start("no.")
    assert codes == [2]


def test_an_address_with_a_password_is_refused(
    make_app: Callable[..., object], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        make_app("http://ada:hidden@127.0.0.1/dicom-web")
    told = capsys.readouterr().err
    assert "The address of the PACS holds a name or password: leave it out" in told
    assert "hidden" not in told

"""``monai-landmarks serve`` and ``slicer-module``: the app and the module from anywhere, also out of the wheel."""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import typer
from typer.core import TyperGroup

from monai_ext.cli import app
from monai_ext.commands import serve

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "apps" / "landmarks"
MODULE = ROOT / "slicer_module" / "LandmarkDetection"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def serving(cwd: Path, *arguments: str, **environment: str) -> Iterator[str]:
    """The address of a server that ``monai-landmarks serve`` started in a folder; it ends with the block."""
    port = free_port()
    command = [sys.executable, "-m", "monai_ext.entry", "serve", "--port", str(port), *arguments]
    with (cwd / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=cwd, env={**os.environ, **environment}, stdout=log, stderr=log, start_new_session=True
        )
    try:
        deadline = time.monotonic() + 120
        while True:
            assert process.poll() is None, (cwd / "log").read_text()
            assert time.monotonic() < deadline, (cwd / "log").read_text()
            try:
                requests.get(f"http://127.0.0.1:{port}/health", timeout=5)
                break
            except requests.ConnectionError:
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
        process.send_signal(signal.SIGINT)
        process.wait(60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def readme_points(url: str) -> dict[str, list[float]]:
    response = requests.post(f"{url}/infer/fundus?image=synthetic_fundus_001&output=json", timeout=120)
    assert response.ok, response.text
    return {point["name"]: [round(value, 1) for value in point["pixel"]] for point in response.json()["landmarks"]}


@pytest.mark.server
def test_serve_answers_from_another_folder_with_a_space_in_its_path(tmp_path: Path) -> None:
    cwd = tmp_path / "my eyes"
    shutil.copytree(ROOT / "sample_data" / "fundus", cwd / "photographs of 2026")
    arguments = ("--studies", "photographs of 2026", "--conf", "protocols=fundus", "--conf", "train_after=500")
    with serving(cwd, *arguments, PYTHONPATH=str(ROOT)) as url:
        assert readme_points(url) == {"fovea": [299.7, 196.1], "optic_disc": [136.6, 184.1]}
        assert list(requests.get(f"{url}/info/", timeout=30).json()["trainers"]) == ["fundus"]
    assert sorted(path.name for path in cwd.iterdir()) == ["log", "photographs of 2026"]


def test_serve_refuses_a_missing_folder_and_does_not_make_it(cli: Callable[..., Any], tmp_path: Path) -> None:
    answer = cli("serve", "--studies", tmp_path / "nowhere")
    assert answer.code == 2
    assert f"The studies folder {tmp_path}/nowhere does not exist" in answer.err.replace("\n", "")
    assert not (tmp_path / "nowhere").exists()


def test_serve_refuses_an_address_with_a_password_and_does_not_show_it(cli: Callable[..., Any]) -> None:
    answer = cli("serve", "--studies", "https://ada:hidden@pacs.example/dicom-web")
    assert answer.code == 2
    assert "The address of the PACS holds a name or password" in answer.err.replace("\n", " ")
    assert "hidden" not in answer.err


@pytest.mark.slow
def test_serve_refuses_a_taken_port_before_it_loads_anything(cli: Callable[..., Any], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        answer = cli("serve", "--studies", tmp_path, "--port", port)
    assert answer.code == 2
    assert f"--port {port} of --host 127.0.0.1 cannot be used" in answer.err


@pytest.mark.parametrize("text", ["train_after", "=3"])
def test_serve_refuses_an_option_without_a_value(cli: Callable[..., Any], tmp_path: Path, text: str) -> None:
    answer = cli("serve", "--studies", tmp_path, "--conf", text)
    assert answer.code == 2
    assert f"--conf {text} is not NAME=VALUE" in answer.err


def test_an_option_may_be_written_as_monai_label_has_it(cli: Callable[..., Any], tmp_path: Path) -> None:
    assert serve.conf_options(["readers", "protocols=a,b", "train_after"], ["2", "10"]) == {
        "readers": "2",
        "protocols": "a,b",
        "train_after": "10",
    }
    answer = cli("serve", "--studies", tmp_path / "nowhere", "--conf", "readers", "2")
    assert "does not exist" in answer.err  # the option is taken
    for words, refused in (
        (["--conf", "readers=2", "3"], "3 belongs to no option"),
        (["--conf", "readers", "--conf", "train_after", "3"], "--conf readers is not NAME=VALUE"),
    ):
        answer = cli("serve", "--studies", tmp_path, *words)
        assert (answer.code, refused in answer.err) == (2, True)


def test_slicer_module_is_copied_whole_and_not_over_another(cli: Callable[..., Any], tmp_path: Path) -> None:
    assert cli("slicer-module", tmp_path).code == 0
    assert files(tmp_path / "LandmarkDetection") == files(MODULE)
    again = cli("slicer-module", tmp_path)
    assert again.code == 2
    assert "exists already" in again.err


def files(folder: Path) -> set[str]:
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(folder)) for path in found}


def test_the_systemd_unit_lets_the_server_write_where_it_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = configparser.ConfigParser(delimiters="=")
    unit.optionxform = str  # type: ignore[method-assign, assignment]
    unit.read(ROOT / "deploy" / "monai-landmarks.service", encoding="utf-8")
    service = unit["Service"]
    own = Path("/var/lib", service["StateDirectory"])
    assert (service["ProtectSystem"], Path(service["WorkingDirectory"])) == ("strict", own)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    name, _, value = service["Environment"].partition("=")
    monkeypatch.setenv(name, str(tmp_path / Path(value).relative_to("/var/lib")))
    installed = tmp_path / "_shipped"
    installed.mkdir()
    monkeypatch.setattr(serve, "INSTALLED", installed)
    assert serve.state_dir(installed / "app").is_relative_to(tmp_path / own.name)
    assert Path.home() == tmp_path / own.name  # sessions and caches lie there


def test_the_container_takes_a_pacs_in_the_place_of_its_folder() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    (extras,) = re.findall(r'pip install --no-cache-dir "\.\[(.+)\]"', lines)
    (entry,) = re.findall(r"ENTRYPOINT (.+)", lines)
    _, name, *words = json.loads(entry)
    program = typer.main.get_command(app)
    assert isinstance(program, TyperGroup)
    command = program.commands[name]
    context = command.make_context(name, [*words, "--studies", "https://pacs.example/dicom-web"])
    assert (context.params["studies"], context.params["host"]) == ("https://pacs.example/dicom-web", "0.0.0.0")
    assert set(extras.split(",")) == {"server", "dicom-sr"}  # a PACS needs both


@pytest.mark.slow
def test_the_wheel_serves_outside_the_repository(tmp_path: Path) -> None:
    wheels, place, cwd = tmp_path / "wheels", tmp_path / "place", tmp_path / "elsewhere"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", str(wheels), str(ROOT)], check=True, timeout=600)
    (wheel,) = wheels.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("monai_ext/_shipped/")}
    app = {f"app/{part}/{name}" for part in ("lib", "web", "protocols", "pretrained") for name in files(APP / part)}
    module = {f"LandmarkDetection/{name}" for name in files(MODULE)}
    assert packed == {f"monai_ext/_shipped/{name}" for name in {"app/main.py", *app, *module}}

    subprocess.run([*pip, "install", "--no-deps", "--target", str(place), str(wheel)], check=True, timeout=600)
    shutil.copytree(ROOT / "sample_data" / "fundus", cwd / "studies")
    for folder in [place, *place.rglob("*")]:
        folder.chmod(0o555 if folder.is_dir() else 0o444)  # an installed package may be read-only
    try:
        environment = {"PYTHONPATH": str(place), "XDG_STATE_HOME": str(tmp_path / "state")}
        with serving(cwd, "--studies", "studies", **environment) as url:
            assert readme_points(url) == {"fovea": [299.7, 196.1], "optic_disc": [136.6, 184.1]}
        made = files(place)
        assert not {name for name in made if name.endswith(".log")}
        assert (tmp_path / "state" / "monai-landmarks" / "logs" / "app.log").is_file()
    finally:
        for folder in [place, *place.rglob("*")]:
            folder.chmod(0o755)

"""What the tests of the app share: its import path, the app, synthetic studies and a real server."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

APP_DIR = Path(__file__).resolve().parents[2] / "apps" / "landmarks"
os.environ.setdefault("OMP_NUM_THREADS", "1")

if importlib.util.find_spec("monailabel") is None:
    collect_ignore_glob = ["test_*.py"]  # the app needs the extra `server`
else:
    sys.path[:0] = [path for path in (str(APP_DIR), str(Path(__file__).parent)) if path not in sys.path]
    from app_pool import IMAGES, House
    from app_requests import client_of, image_file, publish_random
    from app_server import Server, run_server
    from app_spots import QUICK_SPOTS, SPOTS, spot_image, spot_points, write_label
    from fastapi.testclient import TestClient

    from monai_ext.cli import main


@pytest.fixture(scope="session")
def protocol_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("protocols")
    (folder / "spots.yaml").write_text(SPOTS)
    return folder


@pytest.fixture(scope="session")
def quick_protocol_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quick_protocols")
    (folder / "spots.yaml").write_text(QUICK_SPOTS)
    return folder


@pytest.fixture
def make_studies(tmp_path: Path) -> Callable[[int], Path]:
    """Makes a studies folder, whose path has a space, with images spot_00.png, spot_01.png, ..."""

    def make(count: int) -> Path:
        studies = tmp_path / "my studies"
        studies.mkdir()
        for i in range(count):
            spot_image(i).save(studies / f"spot_{i:02}.png")
        return studies

    return make


@pytest.fixture(scope="session")
def app_module() -> ModuleType:
    """The app's main.py as a module."""
    spec = importlib.util.spec_from_file_location("landmarks_app_main", APP_DIR / "main.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def make_app(
    app_module: ModuleType, quick_protocol_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., object]:
    """Makes the app on a studies folder, serving the protocol ``spots`` unless told otherwise."""
    monkeypatch.setattr(app_module.platform, "MONAI_LABEL_DATASTORE_AUTO_RELOAD", False)
    monkeypatch.setattr(app_module.platform, "MONAI_LABEL_SESSION_PATH", str(tmp_path / "sessions"))

    def make(studies: Path, **conf: str) -> object:
        base = {"protocols": "spots", "protocol_dir": str(quick_protocol_dir), "model_dir": str(tmp_path / "model")}
        return app_module.LandmarksApp(str(APP_DIR), str(studies), {**base, **conf})

    return make


@pytest.fixture
def app(make_app: Callable[..., Any], make_studies: Callable[[int], Path]) -> Any:
    return make_app(make_studies(3))


@pytest.fixture
def client(app: Any) -> TestClient:
    return client_of(app)


@pytest.fixture
def upload(app: Any, tmp_path: Path) -> Callable[..., bytes]:
    """The bytes of a label of spot_00."""

    def make(points: object = None, status: object = None) -> bytes:
        points = spot_points(0) if points is None else points
        return write_label(tmp_path / "l.mrk.json", image_file(app, "spot_00"), points, status).read_bytes()

    return make


@pytest.fixture
def start_server(tmp_path: Path) -> Callable[..., AbstractContextManager[Server]]:
    """Starts the real server on a studies folder with ``--conf`` values; it and its processes end with the block."""

    def start(studies: Path, **conf: str) -> AbstractContextManager[Server]:
        number = len(list(tmp_path.glob("server_*.log"))) + 1
        return run_server(APP_DIR, studies, conf, tmp_path / f"server_{number}.log")

    return start


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs the command line and returns what it printed."""

    def run(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["monai-landmarks", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
        return capsys.readouterr().out

    return run


@pytest.fixture
def ask_app() -> Callable[..., Any]:
    """Asks the route of an app for the next image; the answer of ``POST /activelearning/{strategy}``."""
    clients: dict[int, TestClient] = {}

    def ask(app: Any, strategy: str, client: str = "", **params: Any) -> Any:
        if id(app) not in clients:
            clients[id(app)] = client_of(app)
        body = {"client_id": client, **params} if client else params
        answer = clients[id(app)].post(f"/activelearning/{strategy}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return ask


@pytest.fixture
def move_in(make_app: Callable[..., Any], make_studies: Callable[[int], Path]) -> Iterator[Callable[..., House]]:
    """Makes the app on the same studies, with a model, and starts its worker; they end with the test."""
    houses: list[House] = []
    studies = make_studies(IMAGES)

    def make(*, seed: int | None = 0, ready: bool = True, **conf: str) -> House:
        app = make_app(studies, **{"measure": "map_radius", **conf})  # which tells random networks' answers apart
        if seed is not None:
            publish_random(app, seed=seed)
        houses.append(House(app, ready=ready))
        return houses[-1]

    yield make
    for house in houses:
        house.pool.stop()

"""A server among files that no request may touch."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from app_requests import publish_weights
from app_server import Server, end_group, launch, wait_until_up
from app_spots import SPOTS, spot_image, spot_points, write_label
from probe_request import Probe

from monai_ext.landmarks import read_protocols

APP_DIR = Path(__file__).resolve().parents[2] / "apps" / "landmarks"


class CanaryHouse:
    """A folder with canary files in which a server has its studies, models and temporary files.

    Args:
        root: an empty folder.
        conf: further ``--conf`` values.
    """

    def __init__(self, root: Path, **conf: str) -> None:
        self.root = root
        self.studies, self.temporary = root / "my studies", root / "temporary"
        self.sessions = root / "sessions"
        folders = (self.studies / "labels" / "final", self.temporary, self.sessions, root / "protocols")
        for folder in (*folders, root / "canary"):
            folder.mkdir(parents=True)
        for name in ("canary.png", "canary.mrk.json", "canary/canary.png"):
            (root / name).write_bytes(b"a canary")
        (root / "protocols" / "spots.yaml").write_text(SPOTS)
        for index in range(4):
            spot_image(index).save(self.studies / f"spot_{index:02}.png")
        (self.studies / "broken.png").write_bytes(b"no image")
        self.label = self.studies / "labels" / "final" / "spot_00.mrk.json"
        write_label(self.label, self.studies / "spot_00.png", spot_points(0))
        publish_weights(root / "my models", dict(read_protocols([root / "protocols"]))["spots"])
        self._conf = {
            "protocols": "spots",
            "protocol_dir": str(root / "protocols"),
            "model_dir": str(root / "my models"),
            **conf,
        }
        self.server: Server | None = None

    def start(self, options: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> Server:
        """Starts the server, with its temporary files in the house."""
        number = len(list(self.root.glob("*.log"))) + 1
        self.server = launch(
            APP_DIR,
            self.studies,
            self._conf,
            self.root / f"server_{number}.log",
            options,
            {"TMPDIR": str(self.temporary), "MONAI_LABEL_SESSION_PATH": str(self.sessions), **(environment or {})},
        )
        try:
            wait_until_up(self.server)
        except BaseException:
            print(f"---- server log ----\n{self.server.log()[-8000:]}")
            self.stop()
            raise
        return self.server

    def stop(self) -> None:
        if self.server is not None:
            end_group(self.server.process)

    def listing(self) -> dict[str, tuple[int, int]]:
        """Size and time of every file but logs and locks, and every folder."""
        found: dict[str, tuple[int, int]] = {}
        for folder, _, files in os.walk(self.root):
            found[folder] = (0, 0)
            for name in files:
                if not name.startswith(".") and not name.endswith(".log"):
                    stat = os.stat(os.path.join(folder, name))
                    found[os.path.join(folder, name)] = (stat.st_size, stat.st_mtime_ns)
        return found


def answer_of(
    server: Server, probe: Probe, headers: Mapping[str, str] | None = None
) -> tuple[int, bytes, dict[str, str]]:
    """Sends a probe as it stands; returns status, body and headers of the answer."""
    method, _, target = probe.request.partition(" ")
    sent = {**probe.headers, **(headers or {})}
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
    try:
        connection.putrequest(method, target, skip_host="Host" in sent)
        for name, value in sent.items():
            connection.putheader(name, value)
        if probe.chunked:
            connection.putheader("Transfer-Encoding", "chunked")
        elif probe.body:
            connection.putheader("Content-Length", str(len(probe.body)))
        chunks = (probe.body[i : i + 65536] for i in range(0, len(probe.body), 65536))
        connection.endheaders(chunks if probe.body else None, encode_chunked=probe.chunked)
        response = connection.getresponse()
        return response.status, response.read(), {name.lower(): value for name, value in response.getheaders()}
    finally:
        connection.close()


def sentence_of(body: bytes) -> str:
    """The one sentence of a refusal."""
    document = json.loads(body)
    assert list(document) == ["detail"]
    sentence = document["detail"]
    assert isinstance(sentence, str)
    assert sentence.endswith("."), sentence
    assert "\n" not in sentence
    assert "Traceback" not in sentence
    return sentence

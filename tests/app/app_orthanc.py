"""A real PACS for tests: Orthanc on a port of this machine, in a folder and with a configuration of its own."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from pydicom import Dataset, dcmread

from monai_ext.dicomweb import Connection, Credentials, Instance, fetch_report, list_instances, send_report

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
USER, PASSWORD = "ada", "Zp4-secret-of-the-pacs"
START_SECONDS = 60


def orthanc_program() -> str:
    """The program, or the test is skipped."""
    program = shutil.which("Orthanc", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None or not PLUGIN.exists():
        pytest.skip("Orthanc with its DICOMweb plugin is not installed (Debian: orthanc orthanc-dicomweb)")
    return program


class Orthanc:
    """Orthanc, which can be stopped and started on the same data and the same port."""

    def __init__(self, folder: Path) -> None:
        self._program, self._folder = orthanc_program(), folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.root = f"http://127.0.0.1:{port}"
        self.address = f"{self.root}/dicom-web"
        self.connection = Connection(self.address, Credentials(USER, PASSWORD))
        self._process: subprocess.Popen[bytes] | None = None
        configuration = {
            "Name": "Test",
            "StorageDirectory": str(folder / "data"),
            "IndexDirectory": str(folder / "data"),
            "Plugins": [str(PLUGIN)],
            "HttpPort": port,
            "DicomServerEnabled": False,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": True,
            "RegisteredUsers": {USER: PASSWORD},
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        }
        (folder / "orthanc.json").write_text(json.dumps(configuration))

    def start(self) -> None:
        with (self._folder / "orthanc.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, str(self._folder / "orthanc.json")], stdout=log, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError):
                self.request("GET", "/system")
                return
            time.sleep(0.05)
        raise RuntimeError((self._folder / "orthanc.log").read_text()[-2000:])

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=30)
            self._process = None

    def request(self, method: str, path: str) -> requests.Response:
        session = requests.Session()
        session.trust_env = False
        return session.request(method, f"{self.root}{path}", auth=(USER, PASSWORD), timeout=10)

    def store(self, path: Path) -> str:
        """Stores a DICOM file by STOW-RS; returns the UID of its SOP instance."""
        dataset = dcmread(path)
        send_report(self.connection, dataset)
        return str(dataset.SOPInstanceUID)

    def reports(self) -> list[Dataset]:
        """The structured reports in it."""
        return [fetch_report(self.connection, each) for each in self.instances("SR")]

    def instances(self, modality: str) -> list[Instance]:
        return list(list_instances(self.connection, {"Modality": modality}))

    def remove_reports(self) -> None:
        for series in self.request("GET", "/series?expand").json():
            if series["MainDicomTags"].get("Modality") == "SR":
                self.request("DELETE", f"/series/{series['ID']}")


@contextlib.contextmanager
def run_orthanc(folder: Path) -> Iterator[Orthanc]:
    """An empty PACS, which ends with the block."""
    pacs = Orthanc(folder)
    pacs.start()
    try:
        yield pacs
    finally:
        pacs.stop()


def environment() -> dict[str, str]:
    """The variables by which a server has the credentials."""
    return {"MONAI_LANDMARKS_DICOMWEB_USER": USER, "MONAI_LANDMARKS_DICOMWEB_PASSWORD": PASSWORD}

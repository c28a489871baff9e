"""A real PACS for tests: Orthanc on a port of this machine, in a folder and with a configuration of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from app_certificates import Certificates, library_folder
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
    """Orthanc, which can be stopped and started on the same data and the same port.

    Args:
        folder: of its data and its log.
        certificates: with which it speaks https, and asks for a client certificate.
    """

    def __init__(self, folder: Path, certificates: Certificates | None = None) -> None:
        self._program, self._folder, self._certificates = orthanc_program(), folder, certificates
        self._environment = dict(os.environ)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.root = f"{'http' if certificates is None else 'https'}://127.0.0.1:{port}"
        self.address = f"{self.root}/dicom-web"
        files = {} if certificates is None else certificates.right
        self.connection = Connection(self.address, Credentials(USER, PASSWORD, **files))
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
        if certificates is not None:
            configuration |= {"SslEnabled": True, "SslCertificate": str(certificates.server)}
            configuration |= {"SslVerifyPeers": True, "SslTrustedClientCertificates": str(certificates.authority)}
            self._environment["LD_LIBRARY_PATH"] = str(library_folder(folder / "lib"))
        (folder / "orthanc.json").write_text(json.dumps(configuration))

    def start(self) -> None:
        with (self._folder / "orthanc.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, str(self._folder / "orthanc.json")],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                self.request("GET", "/system")
                return
            except requests.exceptions.SSLError:
                return  # it answers, with a certificate that is not to be trusted
            except OSError:
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
        if self._certificates is not None:
            session.cert, session.verify = str(self._certificates.client), str(self._certificates.authority)
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
def run_orthanc(folder: Path, certificates: Certificates | None = None) -> Iterator[Orthanc]:
    """An empty PACS, which ends with the block."""
    pacs = Orthanc(folder, certificates)
    pacs.start()
    try:
        yield pacs
    finally:
        pacs.stop()


def environment() -> dict[str, str]:
    """The variables by which a server has the credentials."""
    return {"MONAI_LANDMARKS_DICOMWEB_USER": USER, "MONAI_LANDMARKS_DICOMWEB_PASSWORD": PASSWORD}

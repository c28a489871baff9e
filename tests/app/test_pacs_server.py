"""The server on the images of a real PACS, with MONAI Label's own client."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from app_orthanc import PASSWORD, Orthanc, environment, run_orthanc
from app_requests import publish_weights
from app_server import APP_DIR, Server, run_server
from app_spots import NAMES, SPOTS, spot_image, spot_points, write_label
from monailabel.client import MONAILabelClient

from monai_ext.images import read_frame
from monai_ext.landmarks import Protocol, read_protocol
from monai_ext.landmarks.markups import read_markups
from monai_ext.structured_reports import read_report

pytest.importorskip("highdicom", reason="the extra `dicom-sr` is not installed")
sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "structured_reports")]
from dicom_images import dicom_image, write_dicom  # noqa: E402

pytestmark = pytest.mark.server

SIZE = (88, 64)
PATIENT, PATIENT_ID = "Nightingale", "PID-7731"  # a name of one part, which libraries warn of
FRAMES = 3
POINTS = np.array([[20.25, 31.5], [70.0, 12.75]])
SECONDS = 180  # of a busy machine


class Pacs:
    """A PACS with two photographs in one series and an image of each other kind."""

    def __init__(self, orthanc: Orthanc, folder: Path) -> None:
        self.orthanc = orthanc
        self.uids: dict[str, str] = {}
        first = self._store(folder, "OP", "OP", 0)
        self._store(
            folder, "OP2", "OP", 1, StudyInstanceUID=first.StudyInstanceUID, SeriesInstanceUID=first.SeriesInstanceUID
        )
        for number, modality in enumerate(("XC", "DX", "US"), 2):
            self._store(folder, modality, modality, number)
        self._store(folder, "loop", "US", 6, frames=FRAMES)
        self.studies = {name: dataset.StudyInstanceUID for name, dataset in self._datasets.items()}

    def _store(self, folder: Path, name: str, modality: str, number: int, frames: int = 1, **elements: str) -> Any:
        image = dicom_image(modality, SIZE, (0.15, 0.2) if modality == "DX" else None)
        pixels = [np.asarray(spot_image(number + frame)) for frame in range(frames)]
        image.PixelData = b"".join(np.repeat(p[..., None], image.SamplesPerPixel, axis=2).tobytes() for p in pixels)
        if frames > 1:
            image.NumberOfFrames = frames
        image.PatientName, image.PatientID = PATIENT, PATIENT_ID
        for keyword, value in elements.items():
            setattr(image, keyword, value)
        self.uids[name] = self.orthanc.store(write_dicom(folder / f"{name}.dcm", image))
        self._datasets = {**getattr(self, "_datasets", {}), name: image}
        return image

    @property
    def images(self) -> set[str]:
        return {f"{uid}-frame1" if name == "loop" else uid for name, uid in self.uids.items()}


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pacs]:
    folder = tmp_path_factory.mktemp("orthanc")
    with run_orthanc(folder) as orthanc:
        yield Pacs(orthanc, folder)


@pytest.fixture(scope="module")
def protocol(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("spots")
    (folder / "spots.yaml").write_text(SPOTS)
    return read_protocol(folder / "spots.yaml")


@pytest.fixture
def serve(pacs: Pacs, protocol: Protocol, protocol_dir: Path, tmp_path: Path) -> Callable[..., Any]:
    """Starts the server on the PACS with a mirror of a name."""
    publish_weights(tmp_path / "model", protocol)

    @contextmanager
    def start(mirror: str, variables: dict[str, str] | None = None, *, listed: bool = True) -> Iterator[Server]:
        conf = {"protocols": "spots", "protocol_dir": str(protocol_dir), "model_dir": str(tmp_path / "model")}
        conf |= {"dicomweb_dir": str(tmp_path / mirror)}
        log = tmp_path / f"server_{len(list(tmp_path.glob('server_*.log')))}.log"
        variables = environment() if variables is None else variables
        with run_server(APP_DIR, pacs.orthanc.address, conf, log, environment=variables) as server:
            if listed:
                wait_for(lambda: state(server)["listed"])
            yield server

    return start


def wait_for(condition: Callable[[], Any]) -> Any:
    """What a condition gives once it gives something."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError("It did not happen.")


def state(server: Server) -> dict[str, Any]:
    return requests.get(f"{server.url}/info/", timeout=20).json()["pacs"]


def submit(server: Server, image: str, points: np.ndarray, folder: Path, **params: Any) -> None:
    """Downloads an image as a client does, and submits points on it."""
    path = folder / "image.dcm"
    path.write_bytes(requests.get(f"{server.url}/datastore/image", params={"image": image}, timeout=20).content)
    label = write_label(folder / "label.mrk.json", path, points)
    MONAILabelClient(server.url, str(folder)).save_label(image, str(label), "final", params)


def final_points(server: Server, image: str, folder: Path) -> np.ndarray:
    path = folder / "again.dcm"
    path.write_bytes(requests.get(f"{server.url}/datastore/image", params={"image": image}, timeout=20).content)
    label = folder / "again.mrk.json"
    label.write_bytes(
        requests.get(f"{server.url}/datastore/label", params={"label": image, "tag": "final"}, timeout=20).content
    )
    return read_markups(label, read_frame(path), NAMES).points


def test_images_of_a_pacs_are_predicted_corrected_and_reported(
    pacs: Pacs, serve: Callable[..., Any], protocol: Protocol, tmp_path: Path
) -> None:
    pacs.orthanc.remove_reports()
    image = pacs.uids["OP2"]
    with serve("first") as server:
        client = MONAILabelClient(server.url, str(tmp_path))
        assert set(client.datastore()["objects"]) == pacs.images
        for name in ("OP", "OP2", "XC", "DX", "US"):
            _, answer = client.infer("spots", pacs.uids[name], {})
            assert answer["image"] == pacs.uids[name]
            assert answer["unit"] == ("mm" if name == "DX" else "px")
        _, third = client.infer("spots", f"{pacs.uids['loop']}-frame1", {})
        assert third["model_version"] == "v1"

        submit(server, image, POINTS, tmp_path, annotator="Ada Roe")
        (report,) = wait_for(pacs.orthanc.reports)
        (read,) = read_report(report, protocol)
        assert (read.sop_instance_uid, read.frame, read.annotator, read.model_version) == (image, None, "Ada Roe", "v1")
        np.testing.assert_allclose(read.points, POINTS, atol=1e-4)
        assert (report.PatientName, report.PatientID) == (PATIENT, PATIENT_ID)
        assert report.StudyInstanceUID == pacs.studies["OP2"]
        wait_for(lambda: state(server)["waiting"] == 0)
        check_nobody_is_named(server, image, tmp_path / "first")
        check_images_are_the_pacs_own(server, image, pacs, tmp_path)

    with serve("second") as server:  # another server, which knows nothing
        entry = MONAILabelClient(server.url, str(tmp_path)).datastore()["objects"][image]
        info = entry["labels"]["final"]["info"]
        assert (info["protocol"], info["annotator"], info["model_version"]) == ("spots", "Ada Roe", "v1")
        np.testing.assert_allclose(final_points(server, image, tmp_path), POINTS, atol=1e-4)
        assert state(server) == {"address": pacs.orthanc.address, "listed": True, "waiting": 0, "problem": ""}
        submit(server, image, POINTS + 2, tmp_path, annotator="Bo Lee")
        wait_for(lambda: len(pacs.orthanc.reports()) == 2)

    with serve("first") as server:  # the first server again takes the newer report
        np.testing.assert_allclose(final_points(server, image, tmp_path), POINTS + 2, atol=1e-4)
        assert state(server)["waiting"] == 0
        assert len(pacs.orthanc.reports()) == 2


def check_nobody_is_named(server: Server, image: str, mirror: Path) -> None:
    told = server.log()
    for path in ("/info/", "/datastore/?output=all", "/datastore/images", f"/datastore/image/frame?image={image}"):
        told += requests.get(f"{server.url}{path}", timeout=20).text
    told += requests.get(f"{server.url}/datastore/image", params={"image": image}, timeout=20).content.decode("latin1")
    told += "".join(path.read_bytes().decode("latin1") for path in mirror.rglob("*") if path.is_file())
    for secret in ("Nightingale", PATIENT_ID, PASSWORD):
        assert secret not in told


@pytest.mark.slow
def test_labels_outlive_a_pacs_that_is_away_and_the_end_of_the_server(
    pacs: Pacs, serve: Callable[..., Any], protocol: Protocol, tmp_path: Path
) -> None:
    pacs.orthanc.remove_reports()
    image, far = f"{pacs.uids['loop']}-frame1", pacs.uids["XC"]
    try:
        with serve("mirror") as server:
            submit(server, pacs.uids["US"], POINTS, tmp_path, annotator="Ada Roe")
            wait_for(lambda: state(server)["waiting"] == 0)
            requests.get(f"{server.url}/datastore/image", params={"image": image}, timeout=20)  # it is fetched
            pacs.orthanc.stop()
            submit(server, image, POINTS, tmp_path, annotator="Ada Roe")
            stuck = wait_for(lambda: state(server)["problem"] and state(server))
            assert stuck["waiting"] == 1
            assert "/studies/... does not answer" in stuck["problem"]
            refused = requests.post(f"{server.url}/infer/spots", params={"image": far, "output": "json"}, timeout=60)
            assert refused.status_code == 503
            assert refused.json()["detail"].endswith("does not answer, or broke off.")
        with serve("mirror", listed=False) as server:
            assert state(server)["waiting"] == 1
            assert set(MONAILabelClient(server.url).datastore()["objects"]) == pacs.images
            pacs.orthanc.start()
            wait_for(lambda: state(server)["waiting"] == 0)
            reports = [read_report(report, protocol)[0] for report in pacs.orthanc.reports()]
            found = {(read.sop_instance_uid, read.frame) for read in reports}
            assert found == {(pacs.uids["loop"], 1), (pacs.uids["US"], None)}
            wait_for(lambda: not state(server)["problem"])
            answer = requests.post(f"{server.url}/infer/spots", params={"image": far, "output": "json"}, timeout=60)
            assert answer.status_code == 200
    finally:
        pacs.orthanc.stop()
        pacs.orthanc.start()


@pytest.mark.slow
def test_wrong_credentials_end_the_start_with_one_sentence(
    pacs: Pacs, serve: Callable[..., Any], tmp_path: Path
) -> None:
    password = "wrong-password-of-ada"
    variables = {**environment(), "MONAI_LANDMARKS_DICOMWEB_PASSWORD": password}
    with pytest.raises(RuntimeError, match="ended with code 2"), serve("mirror", variables):
        pass
    log = (tmp_path / "server_0.log").read_text()
    told = (
        f"The landmarks app cannot start: {pacs.orthanc.address}/instances refuses the credentials (401): check MONAI_"
    )
    assert told in log
    assert "Traceback" not in log
    assert password not in log


def check_images_are_the_pacs_own(server: Server, image: str, pacs: Pacs, folder: Path) -> None:
    assert requests.delete(f"{server.url}/datastore/image", params={"id": image}, timeout=20).status_code == 400
    spot_image(0).save(folder / "new.png")
    with (folder / "new.png").open("rb") as file:
        answer = requests.put(f"{server.url}/datastore/image", files={"file": file}, timeout=20)
    assert answer.status_code == 400
    assert "lie in a PACS" in answer.json()["detail"]
    elsewhere = {"study": "../../..", "series": "1", "instance": "1", "frames": 1, "frame": None}
    changed = requests.put(
        f"{server.url}/datastore/image/info",
        params={"image": image},
        data={"info": json.dumps({"pacs": elsewhere, "eye": "left"})},
        timeout=20,
    )
    assert changed.status_code == 200
    info = MONAILabelClient(server.url).datastore()["objects"][image]["image"]["info"]
    assert info["eye"] == "left"
    assert info["pacs"]["study"] == pacs.studies["OP2"]


@pytest.mark.slow
def test_training_reads_the_labelled_images_of_the_pacs(pacs: Pacs, serve: Callable[..., Any], tmp_path: Path) -> None:
    pacs.orthanc.remove_reports()
    with serve("mirror") as server:
        client = MONAILabelClient(server.url, str(tmp_path))
        for number, name in enumerate(("OP", "OP2", "XC", "US")):
            submit(server, pacs.uids[name], spot_points(number), tmp_path, annotator="Ada Roe")
        for path in (tmp_path / "mirror").glob("*.dcm"):
            path.unlink()  # the training fetches them itself
        client.train_start("spots", {"max_epochs": 1})
        stats = wait_for(lambda: (s := client.info()["train_stats"]["spots"])["status"] in ("done", "failed") and s)
        assert (stats["status"], stats["labels_used"]) == ("done", 4)

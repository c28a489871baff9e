"""A PACS that speaks https and asks for a client certificate, and all that can be wrong with certificates."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_certificates import Certificates
from app_orthanc import PASSWORD, USER, Orthanc, environment, run_orthanc
from app_server import APP_DIR, run_server
from app_spots import NAMES, SPOTS

from lib.pacs import PacsDatastore, PacsSync, open_pacs
from lib.settings import Conf
from monai_ext.dicomweb import AccessError, AwayError, Connection, Credentials, PacsError
from monai_ext.images import read_frame
from monai_ext.landmarks import InputError, Landmarks, markups_document, read_protocol

pytest.importorskip("highdicom", reason="the extra `dicom-sr` is not installed")
sys.path[:0] = [str(Path(__file__).resolve().parents[1] / room) for room in ("structured_reports", "dicomweb")]
from dicom_images import dicom_image, write_dicom  # noqa: E402
from rude_pacs import listed, rude_pacs  # noqa: E402

VARIABLE = "MONAI_LANDMARKS_DICOMWEB_"
NO_CLIENT = f"refuses TLS without a client certificate: name one in {VARIABLE}CERTIFICATE and {VARIABLE}KEY."
STRANGER = f"refuses the certificate of {VARIABLE}CERTIFICATE: name one that the PACS trusts."
UNTRUSTED = "has a certificate of an authority that is not {}: name the PEM file of its authority in {}CA."
OTHER_HOST = "has a certificate of another host: give the name that stands in it as --studies."
OLD = "has a certificate that is out of date: have it renewed, or set the clock here."


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def pacs(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with run_orthanc(tmp_path_factory.mktemp("orthanc"), certificates) as orthanc:
        yield orthanc


@pytest.fixture(scope="module")
def image(pacs: Orthanc, tmp_path_factory: pytest.TempPathFactory) -> str:
    return pacs.store(write_dicom(tmp_path_factory.mktemp("image") / "image.dcm", dicom_image("DX", (88, 64))))


def refused(address: str, **credentials: Any) -> PacsError:
    """The error of a connection, whose sentence holds no secret and nothing of a key or a library."""
    with pytest.raises(PacsError) as error:
        Connection(address, Credentials(USER, PASSWORD, **credentials)).get_json("/instances")
    sentence = str(error.value)
    assert sentence.startswith(f"{address}/instances ")
    assert sentence.count("\n") == 0
    assert not [word for word in (PASSWORD, "PRIVATE KEY", ".pem", "SSL", "Error") if word in sentence]
    return error.value


def test_a_client_with_the_right_certificate_lists_and_sends(pacs: Orthanc, image: str) -> None:
    assert [instance.uid for instance in pacs.instances("DX")] == [image]


def test_a_missing_client_certificate_is_told_each_time(pacs: Orthanc, image: str, certificates: Certificates) -> None:
    for _ in range(5):  # the alert of TLS 1.3 and the request pass each other
        error = refused(pacs.address, authority=str(certificates.authority))
        assert str(error) == f"{pacs.address}/instances {NO_CLIENT}"
        assert type(error) is AccessError


def test_a_client_certificate_of_another_authority_is_told_each_time(pacs: Orthanc, certificates: Certificates) -> None:
    for _ in range(5):
        error = refused(pacs.address, certificate=str(certificates.stranger), authority=str(certificates.authority))
        assert str(error) == f"{pacs.address}/instances {STRANGER}"
        assert type(error) is AccessError


def test_a_pacs_that_is_not_trusted_gets_no_request(pacs: Orthanc, certificates: Certificates) -> None:
    for authority, known in ((str(certificates.other), f"in {VARIABLE}CA"), ("", "known here")):
        error = refused(pacs.address, certificate=str(certificates.client), authority=authority)
        assert str(error) == f"{pacs.address}/instances {UNTRUSTED.format(known, VARIABLE)}"
        assert type(error) is AccessError
    elsewhere = pacs.address.replace("127.0.0.1", "127.0.0.2")  # the same machine, and not in the certificate
    error = refused(elsewhere, **certificates.right)
    assert str(error) == f"{elsewhere}/instances {OTHER_HOST}"
    assert type(error) is AccessError


def test_https_where_there_is_none_and_a_pacs_that_is_stopped(certificates: Certificates) -> None:
    with rude_pacs(lambda _: listed([])) as (address, _):
        safe = address.replace("http:", "https:")
        assert str(refused(safe)) == f"{safe}/instances does not speak https: correct the port, or write http."
    error = refused(safe, **certificates.right)
    assert str(error) == f"{safe}/instances does not answer, or broke off."
    assert type(error) is AwayError


def test_files_that_are_no_certificates_end_the_start(certificates: Certificates, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    text = tmp_path / "notes.pem"
    text.write_text("no certificate")
    locked = tmp_path / "locked.pem"
    key = serialization.load_pem_private_key(certificates.client.read_bytes(), None)
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    client = str(certificates.client)
    cases = [
        ({"CA": str(text)}, "CA names no PEM file of certificates: check the file."),
        ({"CERTIFICATE": str(text)}, "name no PEM files of a certificate and its own key: check both files."),
        ({"CERTIFICATE": client, "KEY": str(certificates.stranger)}, "name no PEM files of a certificate and its own"),
        ({"CERTIFICATE": client, "KEY": str(locked)}, "is encrypted: store it without a pass phrase"),
    ]
    for files, words in cases:
        variables = {f"{VARIABLE}{name}": path for name, path in files.items()}
        with pytest.raises(InputError, match=words):
            open_pacs("https://127.0.0.1:1/rs", Conf.parse({}, {}), serves=True, environment=variables)


@pytest.mark.slow
def test_labels_wait_while_the_certificate_is_out_of_date(
    pacs: Orthanc, image: str, certificates: Certificates, tmp_path: Path
) -> None:
    (tmp_path / "spots.yaml").write_text(SPOTS)
    protocol = read_protocol(tmp_path / "spots.yaml")
    (tmp_path / "mirror").mkdir()
    store = PacsDatastore(tmp_path / "mirror", pacs.connection, cache_mb=10)
    sync = PacsSync(store, "", "first", {protocol.name: protocol})
    sync.work()
    points = np.array([[20.25, 31.5], [70.0, 12.75]])
    document = markups_document(Landmarks(NAMES, points, read_frame(store.image_file(image))))
    good = certificates.server.read_bytes()
    pacs.stop()
    try:
        shutil.copy(certificates.old, certificates.server)
        pacs.start()
        store.store_label(image, "final", json.dumps(document).encode(), {"protocol": "spots", "annotator": "Ada"})
        seconds = [sync.work() for _ in range(3)]
        assert seconds == [1.0, 2.0, 4.0]
        assert sync.stats()["waiting"] == 1
        assert sync.stats()["problem"].endswith(f"/studies/... {OLD}")
    finally:
        pacs.stop()
        certificates.server.write_bytes(good)
        pacs.start()
    assert pacs.reports() == []
    sync.work()
    assert (sync.stats()["waiting"], sync.stats()["problem"]) == (0, "")
    assert len(pacs.reports()) == 1


@pytest.mark.slow
@pytest.mark.server
def test_a_server_starts_with_certificates_alone(
    pacs: Orthanc, image: str, certificates: Certificates, tmp_path: Path
) -> None:
    conf = {"protocols": "fundus", "dicomweb_dir": str(tmp_path / "mirror")}
    variables = {**environment(), f"{VARIABLE}CA": str(certificates.authority)}
    log = tmp_path / "without.log"
    with (
        pytest.raises(RuntimeError, match="ended with code 2"),
        run_server(APP_DIR, pacs.address, conf, log, environment=variables),
    ):
        pass
    assert f"The landmarks app cannot start: {pacs.address}/instances {NO_CLIENT}" in log.read_text()
    variables[f"{VARIABLE}CERTIFICATE"] = str(certificates.client)
    with run_server(APP_DIR, pacs.address, conf, tmp_path / "with.log", environment=variables) as server:
        pass
    for told in (log.read_text(), server.log()):
        assert not [word for word in (PASSWORD, "PRIVATE KEY", "Traceback") if word in told]

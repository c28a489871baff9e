"""Images of any name and format in a studies folder: served right, or named with the reason."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from app_requests import assert_refused, image_file, local_client, publish_random, put_label
from app_spots import spot_image, spot_points, write_label
from fastapi import FastAPI
from fastapi.testclient import TestClient

from lib.routes import install_routes
from lib.start_report import start_lines, start_report
from monai_ext.images import read_image

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "structured_reports")]
from dicom_images import write_dicom  # noqa: E402
from dicom_reports import report  # noqa: E402

NFC = unicodedata.normalize("NFC", "œil_é")
NFD = unicodedata.normalize("NFD", NFC)


def itk_image() -> sitk.Image:
    return sitk.GetImageFromArray(np.asarray(spot_image(0).convert("L")))


@pytest.fixture
def studies(make_studies: Callable[[int], Path]) -> Path:
    """Five files of five formats that are served, and others that are not."""
    folder = make_studies(0)
    grey = spot_image(0).convert("L")
    grey.save(folder / "plain.png")
    grey.save(folder / "phone.jfif", format="JPEG")
    sitk.WriteImage(itk_image(), str(folder / "pair.mhd"))
    sitk.WriteImage(itk_image(), str(folder / "head.nhdr"))
    sitk.WriteImage(itk_image(), str(folder / "scan.dcm"))
    (folder / "scan.dcm").rename(folder / "IM0001")
    (folder / "scan.IMA").write_bytes((folder / "IM0001").read_bytes())
    (folder / "scan.dicom").write_bytes((folder / "IM0001").read_bytes())
    write_dicom(folder / "scan.sr.dcm", report([]))
    grey.save(folder / "web.webp")
    (folder / "sub").mkdir()
    grey.save(folder / "sub" / "nested.png")
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((3, 4, 5), np.uint8)), str(folder / "volume.nii"))
    return folder


@pytest.fixture
def web(make_app: Callable[..., Any], studies: Path) -> tuple[Any, TestClient]:
    app = make_app(studies)
    server = FastAPI()
    install_routes(server, app.service, app)
    return app, local_client(server)


def test_the_start_says_what_is_served_and_what_is_not_and_why(web: tuple[Any, TestClient]) -> None:
    app, client = web
    assert app.datastore().list_images() == ["IM0001", "head", "pair", "phone", "plain", "scan", "volume"]
    report = start_report("0.1", app.models, app.datastore(), app.settings)
    sentence = "a DICOM structured report, whose points `monai-landmarks import` reads"
    assert report.not_served == (
        f"scan.sr.dcm: {sentence}",
        "sub/ with 1 image: only images in the folder itself are used: move them there",
        "web.webp: WebP is not opened by 3D Slicer as an image: save it as PNG",
        "scan.dicom: scan.IMA has the same image ID: rename one of the two",
        "volume.nii has more than one slice or frame (5 x 4 x 3): export one slice as a 2D image",
    )
    lines = start_lines(report)
    assert f"  Not served {report.not_served[0]}" in lines
    assert f"             {report.not_served[4]}" in lines
    assert client.get("/datastore/images").json()["total"] == 7


@pytest.mark.parametrize(
    ("image", "name"), [("plain", "plain.png"), ("phone", "phone.jpg"), ("pair", "pair.mha"), ("head", "head.nrrd"),
                        ("IM0001", "IM0001.dcm")]
)  # fmt: skip
def test_an_image_is_sent_whole_under_a_name_that_slicer_opens(
    web: tuple[Any, TestClient], studies: Path, tmp_path: Path, image: str, name: str
) -> None:
    app, client = web
    answer = client.get("/datastore/image", params={"image": image})
    assert name in answer.headers["Content-Disposition"]
    received = tmp_path / "received" / name
    received.parent.mkdir()
    received.write_bytes(answer.content)
    stored = Path(app.datastore().get_image_uri(image))
    np.testing.assert_array_equal(read_image(received)[0], read_image(stored)[0])
    np.testing.assert_array_equal(read_image(received)[1].placement, read_image(stored)[1].placement)
    shown = sitk.GetArrayFromImage(sitk.ReadImage(str(received))).squeeze()
    np.testing.assert_allclose(shown, read_image(stored)[0][0], atol=1)


def test_dicom_without_an_extension_is_predicted_labelled_and_uploaded(
    web: tuple[Any, TestClient], studies: Path, tmp_path: Path
) -> None:
    app, client = web
    publish_random(app)
    assert client.post("/infer/spots?image=IM0001&output=json").json()["image"] == "IM0001"
    content = write_label(tmp_path / "l.mrk.json", image_file(app, "IM0001"), spot_points(0), None).read_bytes()
    assert put_label(client, content, "IM0001").status_code == 200
    assert app.datastore().get_labeled_images() == ["IM0001"]
    upload = {"file": ("IM0002", (studies / "IM0001").read_bytes())}
    assert client.put("/datastore/image", files=upload).json() == {"image": "IM0002"}
    assert client.post("/infer/spots?output=json", files=upload).json()["image"] == "IM0002"
    assert (studies / "IM0002").is_file()
    text = {"file": ("IM0003", b"no image at all" * 30)}
    assert_refused(client.put("/datastore/image", files=text), 400, "'IM0003' is not an image")
    assert_refused(client.post("/infer/spots?output=json", files=text), 400, "IM0003 is not an image file of a known")
    for name in ("New.sr.dcm", "IM0004"):
        files = {"file": (name, (studies / "scan.sr.dcm").read_bytes())}
        told = f"'{name}' is not an image: a DICOM structured report, whose points"
        assert_refused(client.put("/datastore/image", files=files), 400, told)
        told = f"{name} is a DICOM structured report, whose points `monai-landmarks import` reads, and no image."
        assert_refused(client.post("/infer/spots?output=json", files=files), 400, told)


def test_a_header_without_its_pixels_is_refused(web: tuple[Any, TestClient], studies: Path) -> None:
    upload = {"file": ("Alone.mhd", (studies / "pair.mhd").read_bytes())}
    assert_refused(web[1].put("/datastore/image", files=upload), 400, "Alone.mhd stores its pixels in pair.raw")
    reaching = (studies / "pair.mhd").read_bytes().replace(b"pair.raw", b"/etc/passwd")
    upload = {"file": ("Reach.mha", reaching)}
    assert_refused(web[1].put("/datastore/image", files=upload), 400, "stores its pixels in another folder")


@pytest.mark.parametrize(("on_disk", "asked"), [(NFC, NFD), (NFD, NFC)])
def test_every_route_finds_an_image_in_either_unicode_form(
    make_app: Callable[..., Any], make_studies: Callable[[int], Path], tmp_path: Path, on_disk: str, asked: str
) -> None:
    folder = make_studies(1)
    (folder / "spot_00.png").rename(folder / f"{on_disk}.png")
    app = make_app(folder)
    publish_random(app)
    server = FastAPI()
    install_routes(server, app.service, app)
    client = local_client(server)
    assert client.post("/infer/spots", params={"image": asked, "output": "json"}).json()["image"] == on_disk
    assert client.get("/datastore/image", params={"image": asked}).content == (folder / f"{on_disk}.png").read_bytes()
    assert client.get("/datastore/image/frame", params={"image": asked}).status_code == 200
    content = write_label(tmp_path / "l.mrk.json", image_file(app, on_disk), spot_points(0), None).read_bytes()
    assert put_label(client, content, asked).json()["label"] == on_disk
    assert [path.name for path in (folder / "labels" / "final").iterdir()] == [f"{on_disk}.mrk.json"]
    assert client.get("/datastore/label", params={"label": asked, "tag": "final"}).content == content
    history = client.get("/datastore/label/history", params={"image": asked})
    assert history.json()["image"] == on_disk
    upload = {"file": (f"{asked}.png", (folder / f"{on_disk}.png").read_bytes())}
    assert client.put("/datastore/image", files=upload).json() == {"image": on_disk}
    assert len(list(folder.glob("*.png"))) == 1
    assert client.delete("/datastore/label", params={"id": asked, "tag": "final"}).status_code == 200
    assert client.delete("/datastore/image", params={"id": asked}).status_code == 200
    assert app.datastore().list_images() == []

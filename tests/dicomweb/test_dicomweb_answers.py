"""What a PACS answers, right, wrong, endless or hostile."""

from __future__ import annotations

import gzip
import io
import itertools
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit

from monai_ext.dicomweb import (
    AccessError,
    AnswerError,
    AwayError,
    Connection,
    Credentials,
    FailedError,
    Instance,
    check_address,
    fetch_header,
    fetch_image,
    list_instances,
    query_keys,
    send_report,
)
from monai_ext.dicomweb import connection as connection_module
from monai_ext.dicomweb import instances as instances_module
from monai_ext.images import read_pixels
from monai_ext.landmarks import InputError

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1] / "structured_reports")]
from dicom_images import dicom_image, write_dicom  # noqa: E402
from rude_pacs import JSON, Answer, Request, entry, listed, rude_pacs  # noqa: E402

OP = {"Modality": "OP"}


def pages(request: Request, items: list[Any]) -> Answer:
    start, limit = int(request.query["offset"]), int(request.query["limit"])
    return listed(items[start : start + limit])


def test_pages_are_put_together_and_keys_are_sent_as_they_are() -> None:
    items = [entry(number) for number in range(450)]
    items[3]["00280008"] = {"vr": "IS", "Value": ["17"]}
    with rude_pacs(lambda request: pages(request, items)) as (address, had):
        found = list(
            list_instances(Connection(address), {"Modality": "OP", "StudyDate": "20250101-", "StationName": "A B*"})
        )
    assert [instance.uid for instance in found] == [f"1.2.3.4.{number}" for number in range(450)]
    assert [instance.frames for instance in found[2:5]] == [1, 17, 1]
    assert [request.query["offset"] for request in had] == ["0", "200", "400", "450"]
    assert had[0].target.startswith("/rs/instances?Modality=OP&StudyDate=20250101-&StationName=A%20B*&limit=200")


@pytest.mark.parametrize("repeats", ["all", "first page"])
def test_a_pacs_that_repeats_itself_comes_to_an_end(repeats: str) -> None:
    items = [entry(number) for number in range(300)]

    def answer(request: Request) -> Answer:
        if repeats == "all":  # a PACS that knows no pages
            return listed(items)
        return listed(items[:200])

    with rude_pacs(answer) as (address, had):
        found = list(list_instances(Connection(address), OP))
    assert len(found) == len({instance.uid for instance in found}) == {"all": 300, "first page": 200}[repeats]
    assert len(had) == 2


def test_a_pacs_that_repeats_all_but_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instances_module, "MOST_PAGES", 5)
    numbers = itertools.count(1)
    with (
        rude_pacs(lambda _: listed([entry(n) for n in range(next(numbers))])) as (address, had),
        pytest.raises(AnswerError, match="does not come to the end of its list"),
    ):
        list(list_instances(Connection(address), OP))
    assert len(had) == 5


def test_a_list_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instances_module, "MOST_INSTANCES", 1000)
    numbers = itertools.count()
    with (
        rude_pacs(lambda _: listed([entry(next(numbers)) for _ in range(200)])) as (address, had),
        pytest.raises(AnswerError, match="lists more than 1000 instances: narrow them by a filter"),
    ):
        list(list_instances(Connection(address), OP))
    assert len(had) == 6


HTML = b"<!DOCTYPE html><html><body>Login</body></html>"
BAD = {
    "html": ((200, {"Content-Type": "text/html"}, HTML), "something else than JSON: is it DICOMweb"),
    "nothing": ((200, JSON, b""), "something else than JSON"),
    "cut short": ((200, JSON, b'[{"00080018": {"vr"'), "something else than JSON"),
    "deep": ((200, JSON, b"[" * 100_000 + b"]" * 100_000), "JSON"),
    "object": ((200, JSON, b'{"error": "none"}'), "no list of DICOM objects"),
    "numbers": ((200, JSON, b"[1, 2, 3]"), "no list of DICOM objects"),
    "no uids": (listed([{}]), "an instance without its UIDs"),
    "odd uids": (
        listed([{"00080018": [1], "0020000D": {"Value": "1.2"}, "0020000E": {"Value": [{}]}}]),
        "without its UIDs",
    ),
    "path": (listed([entry(1, **{"00080018": "../../etc/passwd"})]), "without its UIDs"),
    "elsewhere": ((302, {"Location": "http://127.0.0.1:9/"}, b""), r"sends requests on to another address \(302\)"),
    "unknown": ((404, {}, b""), r"answers with an error \(404\)"),
}


@pytest.mark.parametrize("case", BAD)
def test_nonsense_is_one_sentence(case: str) -> None:
    answer, words = BAD[case]
    with rude_pacs(lambda _: answer) as (address, had), pytest.raises(AnswerError, match=words) as refused:
        list(list_instances(Connection(address), OP))
    assert str(refused.value).endswith((".", "?"))
    assert "\n" not in str(refused.value)
    assert len(had) == 1


def test_huge_answers_are_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "JSON_MEGABYTES", 2)
    sent: list[int] = []

    def endless() -> Iterator[bytes]:
        while True:
            sent.append(65536)
            yield b" " * 65536

    bomb = gzip.compress(b" " * 8 * 1024 * 1024)
    packed = (200, {**JSON, "Content-Encoding": "gzip"}, bomb)
    for answer in (lambda _: endless(), lambda _: packed):
        with rude_pacs(answer) as (address, _), pytest.raises(AnswerError, match="sends more than the 2 MB"):
            list(list_instances(Connection(address), OP))
    assert sum(sent) < 32 * 1024 * 1024


def test_answers_that_drip_are_given_up() -> None:
    def dripping() -> Iterator[bytes]:
        while True:
            yield b" "
            time.sleep(0.02)

    with rude_pacs(lambda _: dripping()) as (address, _), pytest.raises(AwayError, match="answers too slowly"):
        list(list_instances(Connection(address, whole_seconds=0.3), OP))
    with (
        rude_pacs(lambda _: (time.sleep(1), listed([]))[1]) as (address, _),
        pytest.raises(AwayError, match="too slowly"),
    ):
        list(list_instances(Connection(address, read_seconds=0.2), OP))


@pytest.mark.parametrize(
    ("credentials", "header"),
    [
        (Credentials("ada", "pässwörd"), "Basic YWRhOnDDpHNzd8O2cmQ="),
        (Credentials(token="abc.def"), "Bearer abc.def"),
        (Credentials(), None),
    ],
)
def test_credentials_are_sent_and_told_to_nobody(credentials: Credentials, header: str | None) -> None:
    with rude_pacs(lambda _: (401, {}, b"")) as (address, had), pytest.raises(AccessError) as refused:
        list(list_instances(Connection(address, credentials), OP))
    assert had[0].headers.get("Authorization") == header
    for secret in ("pässwörd", "abc.def"):
        assert secret not in f"{refused.value} {credentials!r}"


def test_environment_that_contradicts_itself_is_refused(tmp_path: Path) -> None:
    name = "MONAI_LANDMARKS_DICOMWEB_"
    cases = [
        ({"TOKEN": "t", "USER": "u", "PASSWORD": "p"}, "not both"),
        ({"USER": "u"}, "belong together"),
        ({"KEY": str(tmp_path)}, "needs"),
        ({"CA": "/nowhere.pem"}, "CA names /nowhere.pem, which is no file"),
        ({"TOKEN": "a b"}, "a space"),
    ]
    for variables, words in cases:
        with pytest.raises(InputError, match=words):
            Credentials.from_environment({f"{name}{key}": value for key, value in variables.items()})
    with pytest.raises(InputError) as refused:
        check_address("http://ada:hidden@pacs/dicom-web")
    assert "hidden" not in str(refused.value)
    assert check_address("https://pacs.example:8443/dicom-web/") == "https://pacs.example:8443/dicom-web"
    for address in ("http://", "http://pacs/?a=b", "http://pacs:99999/"):
        with pytest.raises(InputError, match="address of"):
            check_address(address)


def test_filters_name_keys_of_dicom_and_no_patient() -> None:
    assert query_keys("")["Modality"] == ["OP", "OPT", "XC", "CR", "DX", "US"]
    assert query_keys('{"00080060": ["OP", "XC"], "StudyDate": "20250101-"}') == {
        "Modality": ["OP", "XC"],
        "StudyDate": ["20250101-"],
    }
    for text, words in {
        "OP": "must be JSON like",
        "[1]": "must be JSON like",
        '{"Colour": "red"}': "unknown key 'Colour'",
        '{"PatientName": "Roe*"}': "must not hold PatientName",
        '{"00100020": "7"}': "must not hold PatientID",
        '{"StudyDate": ["1", "2"]}': "a list for Modality alone",
        '{"Modality": []}': "give a text",
        '{"StudyID": {"a": 1}}': "give a text",
    }.items():
        with pytest.raises(InputError, match=words):
            query_keys(text)


def instance_of(image: Dataset) -> Instance:
    frames = int(image.get("NumberOfFrames") or 1)
    return Instance(image.StudyInstanceUID, image.SeriesInstanceUID, image.SOPInstanceUID, frames)


def multipart(*contents: bytes) -> Answer:
    parts = b"".join(b"--b0-1\r\nContent-Type: application/dicom\r\n\r\n" + content + b"\r\n" for content in contents)
    return 200, {"Content-Type": 'multipart/related; type="application/dicom"; boundary=b0-1'}, parts + b"--b0-1--\r\n"


def file_of(image: Dataset, folder: Path) -> bytes:
    return write_dicom(folder / "sent.dcm", image).read_bytes()


def test_a_fetched_image_is_the_same_without_its_patient(tmp_path: Path) -> None:
    image = dicom_image("OP", (37, 23))
    image.OperatorsName, image.AccessionNumber = "Roe^Ada", "A-1234"
    image.RequestAttributesSequence = [Dataset()]
    image.RequestAttributesSequence[0].RequestingPhysician = "Roe^Bo"
    image.add_new(0x00091010, "LO", "Roe")
    content = file_of(image, tmp_path)
    with rude_pacs(lambda _: multipart(content, b"another part")) as (address, had):
        fetch_image(Connection(address), instance_of(image), None, tmp_path / "fetched.dcm")
    fetched = dcmread(tmp_path / "fetched.dcm")
    assert fetched.PixelData == image.PixelData + b"\0"
    assert (fetched.SOPInstanceUID, fetched.Rows, fetched.Columns) == (image.SOPInstanceUID, 23, 37)
    raw = (tmp_path / "fetched.dcm").read_bytes()
    assert not [secret for secret in (b"Roe", b"Patient", b"A-1234", b"19700101") if secret in raw]
    assert had[0].headers["Accept"] == 'multipart/related; type="application/dicom"; transfer-syntax=*'
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("packed", [False, True])
def test_one_frame_of_several_becomes_the_image(packed: bool, tmp_path: Path) -> None:
    import PIL.Image

    image = dicom_image("US", (37, 23))
    rng = np.random.default_rng(1)
    frames = rng.integers(0, 255, (3, 23, 37, 3), dtype=np.uint8)
    image.NumberOfFrames = 3
    image.PixelData = frames.tobytes() + b"\0"
    path = write_dicom(tmp_path / "sent.dcm", image)
    if packed:
        pictures = []
        for frame in frames:
            stream = io.BytesIO()
            PIL.Image.fromarray(frame).save(stream, "JPEG", quality=95, subsampling=0)
            pictures.append(stream.getvalue())
        dataset = dcmread(path)
        dataset.PixelData, dataset.PhotometricInterpretation = encapsulate(pictures), "YBR_FULL_422"
        dataset["PixelData"].is_undefined_length = True
        dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
        dataset.save_as(path, write_like_original=False)
    with rude_pacs(lambda _: multipart(path.read_bytes())) as (address, _):
        fetch_image(Connection(address), instance_of(image), 2, tmp_path / "fetched.dcm")
        with pytest.raises(AnswerError, match="whose frames cannot be read"):
            fetch_image(Connection(address), instance_of(image), 4, tmp_path / "other.dcm")
    found = read_pixels(tmp_path / "fetched.dcm")
    if packed:
        decoded = np.asarray(PIL.Image.open(io.BytesIO(pictures[1])).convert("RGB")).astype(int)
        assert np.abs(found.astype(int) - decoded).mean() < 2
    else:
        np.testing.assert_array_equal(found, frames[1])
    assert not (tmp_path / "other.dcm").exists()


def test_something_else_than_the_instance_is_refused(tmp_path: Path) -> None:
    image, other = dicom_image("OP"), dicom_image("OP")
    content = file_of(image, tmp_path)
    cases: list[Answer] = [
        multipart(file_of(other, tmp_path)),
        multipart(content[:300]),
        multipart(b""),
        (200, {"Content-Type": "application/dicom"}, content),
        (200, {"Content-Type": "text/html"}, HTML),
        (200, {}, b""),
        (200, {}, multipart(content)[2][:-300]),
        (410, {}, b""),
    ]
    for answer in cases:
        with rude_pacs(lambda _, answer=answer: answer) as (address, _), pytest.raises(AnswerError):
            fetch_image(Connection(address), instance_of(image), None, tmp_path / "fetched.dcm")
        assert not (tmp_path / "fetched.dcm").exists()
    broken = (200, {"Content-Length": "9999999"}, multipart(content)[2])
    with rude_pacs(lambda _: broken) as (address, _), pytest.raises(AwayError):
        fetch_image(Connection(address, read_seconds=0.3), instance_of(image), None, tmp_path / "fetched.dcm")


def test_a_header_is_of_the_instance_that_was_asked_for() -> None:
    image = dicom_image("DX", (37, 23))
    image.PatientName = "Yamada^Tarou=山田^太郎"
    image.SpecificCharacterSet = "ISO_IR 192"
    del image.PixelData
    with rude_pacs(lambda _: listed([image.to_json_dict()])) as (address, had):
        header = fetch_header(Connection(address), instance_of(image))
        with pytest.raises(AnswerError, match="no metadata"):
            fetch_header(Connection(address), Instance("1.2", "1.3", "1.4"))
    assert (str(header.PatientName), header.Rows) == ("Yamada^Tarou=山田^太郎", 23)
    assert had[0].path == f"/rs{instance_of(image).path}/metadata"
    for nonsense in ([], [{"00280010": {"vr": "US", "Value": ["x"]}}], [{"no tag": 3}]):
        with rude_pacs(lambda _, nonsense=nonsense: listed(nonsense)) as (address, _), pytest.raises(AnswerError):
            fetch_header(Connection(address), instance_of(image))


def stow_answer(tag: str, uid: str, **elements: Any) -> bytes:
    item = {"00081155": {"vr": "UI", "Value": [uid]}}
    item |= {name: {"vr": "US", "Value": [value]} for name, value in elements.items()}
    return json.dumps({tag: {"vr": "SQ", "Value": [item]}}).encode()


def test_a_report_is_sent_once_the_pacs_says_so(tmp_path: Path) -> None:
    report = dcmread(write_dicom(tmp_path / "report.dcm", dicom_image("OP")))
    uid = report.SOPInstanceUID
    taken = [
        (200, JSON, stow_answer("00081199", uid)),
        (409, JSON, stow_answer("00081198", uid, **{"00081197": 0x0111})),
    ]
    for answer in taken:
        with rude_pacs(lambda _, answer=answer: answer) as (address, had):
            send_report(Connection(address), report)
        begin = had[0].body.index(b"\r\n\r\n") + 4
        assert dcmread(io.BytesIO(had[0].body[begin:])).SOPInstanceUID == uid
    refused = [
        (200, JSON, stow_answer("00081199", "1.2.3")),
        (409, JSON, stow_answer("00081198", uid, **{"00081197": 0x0110})),
        (200, JSON, b"[]"),
        (200, {}, HTML),
    ]
    for answer in refused:
        with rude_pacs(lambda _, answer=answer: answer) as (address, _), pytest.raises(AnswerError):
            send_report(Connection(address), report)
    with rude_pacs(lambda _: (503, {}, b"")) as (address, _), pytest.raises(AwayError):
        send_report(Connection(address), report)


@pytest.mark.parametrize(
    ("status", "kind"), [(500, FailedError), (501, AwayError), (503, AwayError), (429, AwayError), (404, AnswerError)]
)
def test_a_failure_at_one_request_is_told_from_a_pacs_that_is_away(status: int, kind: type) -> None:
    with rude_pacs(lambda _: (status, {}, b"")) as (address, _), pytest.raises(kind, match=str(status)) as caught:
        list(list_instances(Connection(address), {"Modality": "OP"}))
    assert type(caught.value) is kind

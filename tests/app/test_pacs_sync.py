"""Images of a PACS and reports in it, between the mirrors of two servers."""

from __future__ import annotations

import io
import sys
import threading
import time
import tracemalloc
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from app_mirror import STATUS, House
from app_orthanc import Orthanc, run_orthanc
from app_spots import NAMES, SPOTS
from pydicom.uid import generate_uid

from lib.pacs import PacsSync, open_pacs
from lib.pacs import datastore as cache_module
from lib.pacs.opening import mirror_folder
from lib.settings import Conf
from monai_ext.dicomweb import Connection, send_report
from monai_ext.images import StatedSize, read_frame
from monai_ext.landmarks import InputError, Landmarks, Protocol, Status, read_protocol
from monai_ext.structured_reports import Observers, structured_report
from monai_ext.studies import records

pytest.importorskip("highdicom", reason="the extra `dicom-sr` is not installed")
sys.path[:0] = [str(Path(__file__).resolve().parents[1] / room) for room in ("structured_reports", "dicomweb")]
from dicom_images import dicom_image, write_dicom  # noqa: E402
from rude_pacs import Answer, Request, entry, listed, rude_pacs  # noqa: E402

POINTS = np.array([[20.25, 31.5], [np.nan, np.nan]])


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with run_orthanc(tmp_path_factory.mktemp("orthanc")) as pacs:
        yield pacs


@pytest.fixture(scope="module")
def protocol(tmp_path_factory: pytest.TempPathFactory) -> Protocol:
    path = tmp_path_factory.mktemp("protocol") / "spots.yaml"
    path.write_text(SPOTS)
    return read_protocol(path)


@pytest.fixture
def houses(orthanc: Orthanc, protocol: Protocol, tmp_path: Path) -> tuple[House, House, str]:
    """Two servers on one PACS, and an image in it that has no report yet."""
    image = orthanc.store(write_dicom(tmp_path / "image.dcm", dicom_image("DX", (88, 64), (0.15, 0.2))))
    both = [House(tmp_path / name, orthanc.connection, protocol) for name in ("first", "second")]
    for house in both:
        assert house.round()["problem"] == ""
    return both[0], both[1], image


def test_a_missing_landmark_and_half_pixels_go_from_server_to_server(houses: tuple[House, House, str]) -> None:
    first, second, image = houses
    first.label(image, POINTS, annotator="山田", model_version=None)
    assert first.round()["waiting"] == 0
    assert not second.has_label(image)
    second.round()
    np.testing.assert_allclose(second.points(image), POINTS, atol=1e-4)
    info = second.store.get_label_info(image, "final")
    assert (info["annotator"], info["model_version"], info["protocol"]) == ("山田", None, "spots")


def test_a_report_is_sent_once_and_a_deleted_label_stays_deleted(
    houses: tuple[House, House, str], orthanc: Orthanc
) -> None:
    first, second, image = houses
    before = len(orthanc.instances("SR"))
    first.label(image, POINTS, annotator="Ada")
    for _ in range(2):
        first.round()
    assert len(orthanc.instances("SR")) == before + 1
    first.store.remove_label(image, "final")
    first.round()
    assert not first.has_label(image)
    second.round()
    assert second.has_label(image)  # which DICOMweb cannot take back


def test_the_newest_label_counts_and_none_that_waits_is_replaced(
    houses: tuple[House, House, str], orthanc: Orthanc
) -> None:
    first, second, image = houses
    first.label(image, POINTS, annotator="Ada")
    first.round()
    second.round()
    second.label(image, POINTS + 1, annotator="Bo")
    first.label(image, POINTS + 2, annotator="Ada")
    second.round()
    first.round()  # what waits is sent, and is the newest then
    np.testing.assert_allclose(first.points(image), POINTS + 2, atol=1e-4)
    second.round()
    np.testing.assert_allclose(second.points(image), POINTS + 2, atol=1e-4)
    assert [version.info["annotator"] for version in second.store.label_versions(image, "final")] == ["Bo", "Ada"]
    (version, *_) = second.store.label_versions(image, "final")
    second.store.restore_label(image, "final", version, user=None)
    assert second.round()["waiting"] == 0
    first.round()
    np.testing.assert_allclose(first.points(image), POINTS + 1, atol=1e-4)


def test_servers_in_two_time_zones_take_each_others_corrections(
    houses: tuple[House, House, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, image = houses

    def work(house: House, zone: str, points: np.ndarray | None = None) -> None:
        with monkeypatch.context() as patch:
            patch.setenv("TZ", zone)
            time.tzset()
            if points is not None:
                house.label(image, points, annotator="Ada")
            house.round()
        time.tzset()

    work(first, "XYZ-2", POINTS)  # two hours ahead of UTC; the other server is in a container in UTC
    work(second, "UTC")
    work(second, "UTC", POINTS + 1)
    work(first, "XYZ-2")
    np.testing.assert_allclose(first.points(image), POINTS + 1, atol=1e-4)
    work(second, "UTC")  # as after a restart, which knows no report by its name
    np.testing.assert_allclose(second.points(image), POINTS + 1, atol=1e-4)


def test_a_report_has_the_lengths_of_a_pixel_size_that_is_stated_later(
    houses: tuple[House, House, str], orthanc: Orthanc, tmp_path: Path
) -> None:
    first, second, _ = houses
    orthanc.remove_reports()
    image = orthanc.store(write_dicom(tmp_path / "photo.dcm", dicom_image("XC", (88, 64))))
    first.round()
    first.label(image, np.array([[10, 20], [40, 60]]), (Status.DEFINED, Status.DEFINED), annotator="Ada")

    def lengths() -> list[tuple[float, str]]:
        assert first.round()["waiting"] == 0
        items = [
            item for report in orthanc.reports() for item in report.iterall() if item.keyword == "MeasuredValueSequence"
        ]
        values = [item.value[0] for item in items]
        return sorted((float(v.NumericValue), v.MeasurementUnitsCodeSequence[0].CodeValue) for v in values)

    assert lengths() == [(50, "{pixels}")]
    first.store.state_size(image, StatedSize((0.5, 0.25), "line", 10.0))
    assert lengths() == [(pytest.approx(np.hypot(15, 10)), "mm"), (50, "{pixels}")]
    assert lengths()[1:] == [(50, "{pixels}")]  # sent once
    second.round()
    assert (
        second.store.get_label_info(image, "final")["pacs_report"]
        == (first.store.get_label_info(image, "final")["pacs_report"])
    )
    first.store.undo_size(image)
    assert [unit for _, unit in lengths()] == ["mm", "{pixels}", "{pixels}"]
    orthanc.remove_reports()


def test_a_label_put_back_within_its_second_reaches_the_other_server(
    houses: tuple[House, House, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, image = houses
    monkeypatch.setattr(records, "time", SimpleNamespace(time=lambda: 1_700_000_000.5))
    for shift in (1, 2):
        second.label(image, POINTS + shift, annotator="Bo")
        second.round()
    first.round()
    np.testing.assert_allclose(first.points(image), POINTS + 2, atol=1e-4)
    second.store.restore_label(image, "final", second.store.label_versions(image, "final")[0], user=None)
    second.round()
    first.round()
    np.testing.assert_allclose(first.points(image), POINTS + 1, atol=1e-4)


def test_a_process_that_ends_before_it_notes_a_report_sends_the_same_again(
    houses: tuple[House, House, str], orthanc: Orthanc, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _, image = houses
    before = len(orthanc.instances("SR"))
    first.label(image, POINTS, annotator="Ada")

    def end(*_: object) -> None:
        raise OSError("ended")

    with monkeypatch.context() as patch:
        patch.setattr(first.store, "note_labels", end)
        assert first.round()["waiting"] == 1
    assert first.round() == {"address": orthanc.address, "listed": True, "waiting": 0, "problem": ""}
    assert len(orthanc.instances("SR")) == before + 1


def test_a_label_of_nobody_waits_and_holds_up_no_other(
    houses: tuple[House, House, str], orthanc: Orthanc, tmp_path: Path
) -> None:
    first, second, image = houses
    other = orthanc.store(write_dicom(tmp_path / "other.dcm", dicom_image("XC", (88, 64))))
    first.round()
    for each, info in sorted({image: {}, other: {"annotator": "Ada"}}.items()):
        first.label(each, POINTS, **info)
    told = first.round()
    assert told["waiting"] == 1
    assert told["problem"] == (
        f"The final label of {image} is not sent to the PACS: it names neither a person nor a network; save it again "
        "under a name."
    )
    second.round()
    assert (second.has_label(image), second.has_label(other)) == (False, True)
    first.label(image, POINTS, model_version="v3")
    assert first.round() == {"address": orthanc.address, "listed": True, "waiting": 0, "problem": ""}


def test_reports_of_others_and_damaged_ones_are_left_alone(
    houses: tuple[House, House, str], orthanc: Orthanc, protocol: Protocol
) -> None:
    first, _, image = houses
    path = first.store.image_file(image)
    for change in ({"Manufacturer": "Others"}, {"SeriesDescription": "Landmarks: Another task"}, {"twice": True}):
        report = structured_report(path, Landmarks(NAMES, POINTS, read_frame(path), STATUS), protocol, Observers("Eve"))
        if change.pop("twice", False):
            groups = next(i for i in report.ContentSequence if i.ConceptNameCodeSequence[0].CodeValue == "126010")
            groups.ContentSequence.append(groups.ContentSequence[0])
        for keyword, value in change.items():
            setattr(report, keyword, value)
        send_report(orthanc.connection, report)
    told = first.round()
    assert not first.has_label(image)
    assert "has two entries for bright" in told["problem"]
    orthanc.remove_reports()


def test_images_that_left_the_pacs_stay_where_they_have_labels(
    houses: tuple[House, House, str], orthanc: Orthanc
) -> None:
    first, second, image = houses
    first.label(image, POINTS, annotator="Ada")
    found = next(
        i for i in orthanc.request("GET", "/instances?expand").json() if i["MainDicomTags"]["SOPInstanceUID"] == image
    )
    orthanc.request("DELETE", f"/instances/{found['ID']}")
    told = first.round()
    assert image in first.store.objects
    assert told["waiting"] == 1
    assert "answers with an error (404)" in told["problem"]
    second.round()
    assert image not in second.store.objects


def test_what_is_away_is_tried_again_after_seconds_that_double(protocol: Protocol, tmp_path: Path) -> None:
    answers: list[Answer] = [(503, {}, b"")] * 3
    with rude_pacs(lambda _: answers.pop() if answers else listed([])) as (address, _):
        house = House(tmp_path / "mirror", Connection(address), protocol)
        changes: list[int] = []
        sync = PacsSync(house.store, "", "first", {"spots": protocol}, lambda: changes.append(1))
        assert [sync.work() for _ in range(5)] == [1.0, 2.0, 4.0, 600.0, 600.0]
        assert sync.stats() == {"address": address, "listed": True, "waiting": 0, "problem": ""}
        assert changes


class Album:
    """A PACS of many equal images, which counts how often each is fetched."""

    def __init__(self, count: int) -> None:
        self.image = dicom_image("DX", (700, 600))
        self.items = [entry(number) for number in range(count)]
        self.fetched: list[str] = []

    def answer(self, request: Request) -> Answer:
        if request.path.endswith("/instances"):
            start = int(request.query["offset"]) if request.query.get("Modality") == "DX" else len(self.items)
            return listed(self.items[start : start + int(request.query["limit"])])
        uid = request.path.rpartition("/")[2]
        self.fetched.append(uid)
        self.image.SOPInstanceUID = uid
        stream = io.BytesIO()
        path = Path(f"/dev/shm/{uuid.uuid4().hex}")
        try:
            stream.write(b"--b\r\n\r\n" + write_dicom(path, self.image).read_bytes() + b"\r\n--b--\r\n")
        finally:
            path.unlink()
        return 200, {}, stream.getvalue()


def test_fetched_images_go_beyond_a_limit_but_not_the_labelled_ones(
    protocol: Protocol, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "KEEP_SECONDS", 0.0)
    album = Album(5)
    with rude_pacs(album.answer) as (address, _):
        house = House(tmp_path / "mirror", Connection(address), protocol, cache_mb=1, query='{"Modality": "DX"}')
        house.round()
        images = [f"1.2.3.4.{number}" for number in range(5)]
        assert list(house.store.objects) == images
        assert not any(house.store.has_file(image) for image in images)
        threads = [threading.Thread(target=house.store.image_file, args=(images[0],)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert album.fetched == [images[0]]
        house.label(images[0], POINTS)  # each image has 0.42 MB: the third one passes the limit
        state, content = house.store.image_state(images[1]), house.store.image_file(images[1]).read_bytes()
        house.store.image_file(images[2])
        assert [house.store.has_file(image) for image in images] == [True, False, True, False, False]
        house.store.image_file(images[3])
        assert [house.store.has_file(image) for image in images] == [True, False, False, True, False]
        again = house.store.image_file(images[1])
        assert (house.store.image_state(images[1]), again.read_bytes()) == (state, content)


def test_files_in_use_stay_beyond_the_limit(
    protocol: Protocol, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    album = Album(4)
    with rude_pacs(album.answer) as (address, _):
        house = House(tmp_path / "mirror", Connection(address), protocol, cache_mb=1, query='{"Modality": "DX"}')
        house.round()
        for image in house.store.objects:
            house.store.image_file(image)
        assert all(house.store.has_file(image) for image in house.store.objects)
    assert "Labelled images and those in use take 1 MB of" in caplog.text


def test_options_that_do_not_go_with_a_pacs_are_refused(tmp_path: Path) -> None:
    conf = Conf(dicomweb_dir=str(tmp_path / "mirror"))
    with pytest.raises(InputError, match="--conf readers 2 needs a studies folder"):
        open_pacs("http://127.0.0.1:1/rs", conf.model_copy(update={"readers": 2}), serves=False, environment={})
    with pytest.raises(InputError, match="holds a name or password"):
        open_pacs("http://ada:pw@127.0.0.1:1/rs", conf, serves=False, environment={})
    assert not (tmp_path / "mirror").exists()
    with pytest.raises(InputError, match="--conf dicomweb_filter: The filter must not hold PatientID: addresses"):
        Conf.parse({"dicomweb_filter": '{"PatientID": "7"}'}, {})
    store = open_pacs("http://127.0.0.1:1/rs/", conf, serves=True, environment={})  # away: it starts all the same
    assert (store.objects, store.connection.address) == ({}, "http://127.0.0.1:1/rs")


@pytest.mark.slow
def test_each_address_has_a_mirror_of_its_own() -> None:
    one, other = (mirror_folder(f"https://pacs.example:8443/{path}", None) for path in ("a", "b"))
    assert one != other
    assert one.parent == other.parent
    assert one.name.startswith("pacs.example_8443-")


@pytest.mark.slow
def test_two_thousand_instances_are_listed_in_bounded_memory(protocol: Protocol, tmp_path: Path) -> None:
    (tmp_path / "orthanc").mkdir()
    with run_orthanc(tmp_path / "orthanc") as pacs:
        image = dicom_image("OP", (8, 6))
        for _ in range(20):
            parts = b""
            for _ in range(100):
                image.SOPInstanceUID = generate_uid()
                parts += b"--b\r\nContent-Type: application/dicom\r\n\r\n"
                parts += write_dicom(tmp_path / "one.dcm", image).read_bytes() + b"\r\n"
            kind = 'multipart/related; type="application/dicom"; boundary=b'
            assert pacs.connection.post("/studies", parts + b"--b--\r\n", kind)[0] == 200
        house = House(tmp_path / "mirror", pacs.connection, protocol, query='{"Modality": "OP"}')
        tracemalloc.start()
        try:
            assert house.round()["problem"] == ""
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert len(house.store.objects) == 2000
        assert peak < 32 * 1024 * 1024

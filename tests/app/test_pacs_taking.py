"""Reports of a PACS that come while a person labels the same image, and a PACS that is away for long."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from app_spots import NAMES, SPOTS, spot_image, spot_points
from pydicom import Dataset

from lib.pacs import PacsDatastore, PacsSync
from lib.pacs import reports as reports_module
from lib.pacs.place import Place
from lib.pacs.reports import MAKER, Reports
from monai_ext.dicomweb import Connection, Instance
from monai_ext.images import read_frame
from monai_ext.landmarks import Landmarks, Protocol, Status, markups_document, read_protocol

pytest.importorskip("highdicom", reason="the extra `dicom-sr` is not installed")

IMAGE = "1.2.3"
SECONDS = 60


@pytest.fixture
def protocol(tmp_path: Path) -> Protocol:
    (tmp_path / "spots.yaml").write_text(SPOTS)
    return read_protocol(tmp_path / "spots.yaml")


class Desk:
    """A mirror with one image, whose file comes when it is let go, and what makes labels of reports."""

    def __init__(self, folder: Path, protocol: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
        (folder / "mirror").mkdir()
        self.store = PacsDatastore(folder / "mirror", Connection("http://127.0.0.1:1/rs"), cache_mb=10, repair=False)
        self.store.take_list({IMAGE: Place(Instance("1", "2", IMAGE, 1, ""))})
        self._file = folder / "image.png"
        spot_image(0).save(self._file)
        self.asked, self.go = threading.Event(), threading.Event()
        monkeypatch.setattr(self.store, "image_file", self._fetch)
        found = SimpleNamespace(
            points=spot_points(0) + 5,
            status=[Status.DEFINED] * 2,
            model_version="",
            annotator="Remote",
            sop_instance_uid=IMAGE,
            frame=None,
        )
        monkeypatch.setattr(reports_module, "read_report", lambda *_: [found])
        self.reports = Reports(self.store, {protocol.name: protocol}, {})
        self._report = Dataset()
        self._report.SOPInstanceUID, self._report.Manufacturer = "9.9", MAKER
        self._report.SeriesDescription = reports_module.series_description(protocol)
        self._report.ContentDate, self._report.ContentTime = "20260101", "120000"

    def _fetch(self, _: str) -> Path:
        self.asked.set()
        assert self.go.wait(SECONDS)
        return self._file

    def label(self, tag: str, shift: float) -> None:
        document = markups_document(Landmarks(NAMES, spot_points(0) + shift, read_frame(self._file)))
        self.store.store_label(IMAGE, tag, json.dumps(document).encode(), {"annotator": "Ada", "protocol": "spots"})

    def take(self) -> threading.Thread:
        """Takes the report in a thread, which waits for the file of the image."""
        thread = threading.Thread(target=self.reports._take, args=(self._report,))
        thread.start()
        assert self.asked.wait(SECONDS)
        return thread


@pytest.fixture
def desk(tmp_path: Path, protocol: Protocol, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, protocol, monkeypatch)


def test_a_label_saved_while_a_report_is_taken_stays_and_waits(desk: Desk) -> None:
    taking = desk.take()
    desk.label("final", 1.0)
    desk.go.set()
    taking.join()
    assert desk.store.get_label_info(IMAGE, "final")["annotator"] == "Ada"
    assert desk.reports.waiting() == [IMAGE]
    assert desk.store.label_versions(IMAGE, "final") == []


def test_a_report_ends_no_draft(desk: Desk) -> None:
    desk.go.set()
    desk.label("draft", 1.0)
    desk.take().join()
    info = desk.store.get_label_info(IMAGE, "final")
    assert (info["annotator"], info["protocol"], info["pacs_report"]) == ("Remote", "spots", "9.9")
    assert desk.store.get_label_info(IMAGE, "draft")["annotator"] == "Ada"
    assert desk.reports.waiting() == []


def test_an_older_report_is_not_taken(desk: Desk) -> None:
    desk.go.set()
    assert desk.store.take_label(IMAGE, "spots", b"{}", {"annotator": "Bo"}, "9.10", "20260102120000")
    desk.reports._take(desk._report)
    assert not desk.store.take_label(IMAGE, "pair", b"{}", {}, "9.11", "20260103120000")
    assert not desk.store.take_label("gone", "spots", b"{}", {}, "9.11", "20260103120000")
    assert desk.store.get_label_info(IMAGE, "final")["annotator"] == "Bo"
    assert not desk.asked.is_set()


def test_a_pacs_that_is_away_for_days_is_tried_every_five_minutes(desk: Desk, protocol: Protocol) -> None:
    sync = PacsSync(desk.store, "", "first", {protocol.name: protocol})
    sync._failures = 5000
    assert sync.work() == 300.0


def test_a_report_of_an_image_that_is_listed_later_is_taken_then(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.go.set()
    series = desk._report.SeriesDescription
    monkeypatch.setattr(reports_module, "list_instances", lambda *_: [Instance("1", "8", "9.9", 1, series)])
    fetched: list[str] = []
    monkeypatch.setattr(reports_module, "fetch_report", lambda _, each: fetched.append(each.uid) or desk._report)
    place = desk.store.place(IMAGE)
    desk.store.take_list({})
    for _ in range(3):
        desk.reports.take()
    assert (desk.store.objects, fetched) == ({}, ["9.9"])  # asked for once
    desk.store.take_list({IMAGE: place})
    for _ in range(2):
        desk.reports.take()
    assert desk.store.get_label_info(IMAGE, "final")["annotator"] == "Remote"
    assert fetched == ["9.9", "9.9"]

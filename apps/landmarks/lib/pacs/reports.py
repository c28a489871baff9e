"""Labels as structured reports in a PACS: final ones are sent, those of other servers are found and taken."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydicom import Dataset
from pydicom.uid import ComprehensiveSRStorage

from monai_ext.dicomweb import (
    AwayError,
    FailedError,
    fetch_header,
    fetch_report,
    image_name,
    list_instances,
    send_report,
)
from monai_ext.images import read_frame
from monai_ext.landmarks import FINAL, InputError, Landmarks, Protocol, json_text, markups_document, parse_markups
from monai_ext.structured_reports import (
    MAKER,
    SERIES,
    Observers,
    ReportedLandmarks,
    read_report,
    series_description,
    structured_report,
)
from monai_ext.studies import digest

from ..served_labels import read_label
from .datastore import PacsDatastore
from .place import REPORT, is_waiting, newest_report, takes_report

logger = logging.getLogger(__name__)

#: Structured reports, of the class that this program writes; its series description tells them from others of that.
_KEYS = {"Modality": "SR", "SOPClassUID": ComprehensiveSRStorage}
#: Labels in a row at which the PACS fails, after which the others wait: it may be at fault as a whole.
_MOST_FAILURES = 5


class Reports:
    """Reports on the images of a datastore; used in one thread.

    Attributes:
        problem: why a label was not sent or a report not taken at the last time; empty where all were.

    Args:
        datastore: the images and labels.
        protocols: the served ones.
        studies: keys of the studies in which reports are looked for.
    """

    def __init__(self, datastore: PacsDatastore, protocols: Mapping[str, Protocol], studies: Mapping[str, str]) -> None:
        self._keys = {**studies, **_KEYS}
        self.problem = ""
        self._datastore, self._protocols = datastore, protocols
        self._connection = datastore.connection
        self._taken: set[str] = set()
        self._told: set[str] = set()
        self._failed: set[str] = set()
        self._unlisted: dict[str, set[str]] = {}

    def waiting(self) -> list[str]:
        """The images whose final label is not in the PACS."""
        return [image for image, entry in self._datastore.objects.items() if is_waiting(entry)]

    def send(self) -> None:
        """Sends a report of each final label that waits; one that cannot be sent holds up no other.

        Those at which the PACS failed come last the next time; where it fails at several in a row, the rest waits.

        Raises:
            AwayError: the PACS does not answer; the labels wait on.
        """
        self.problem = ""
        in_a_row, failed = 0, self._failed
        self._failed = set()
        for image in sorted(self.waiting(), key=failed.__contains__):
            try:
                self._send(image)
                in_a_row = 0
            except (InputError, OSError) as error:
                self._tell(f"The final label of {image} is not sent to the PACS: {error}", error)
                if isinstance(error, FailedError):
                    self._failed.add(image)
                    in_a_row += 1
            if in_a_row == _MOST_FAILURES:
                return

    def take(self) -> None:
        """Makes labels of the reports that the PACS has and this server does not know.

        Raises:
            AwayError: the PACS does not answer.
            AnswerError: it lists no reports.
        """
        for instance in list_instances(self._connection, self._keys):
            if instance.uid in self._taken or not instance.description.startswith(SERIES[: len(instance.description)]):
                continue
            if not self._is_listed(self._unlisted.get(instance.uid)):
                continue
            try:
                unlisted = self._take(fetch_report(self._connection, instance))
                if unlisted:
                    self._unlisted[instance.uid] = unlisted
                else:
                    self._taken.add(instance.uid)
            except (InputError, OSError) as error:
                self._tell(f"The report {instance.uid} of the PACS is not taken: {error}", error)

    def _is_listed(self, images: set[str] | None) -> bool:
        """Tells whether the PACS lists one of some images now; also where it is not known which ones they are."""
        return images is None or any(image in self._datastore.objects for image in images)

    def _tell(self, sentence: str, error: Exception) -> None:
        """Notes what went wrong with one label, once in the log; what concerns all of them is raised again."""
        if isinstance(error, AwayError) and not isinstance(error, FailedError):
            raise error
        self.problem = sentence
        if sentence not in self._told:
            self._told.add(sentence)
            logger.warning("%s", sentence)

    def _send(self, image: str) -> None:
        entry = self._datastore.objects[image]
        label, place = entry.labels["final"], self._datastore.place(image)
        path = Path(self._datastore.get_label_uri(image, "final"))
        content = path.read_bytes()
        if digest(content) != label.sha256:
            return  # changed a moment ago, and sent next time
        image_file = self._datastore.image_file(image)
        frame = read_frame(image_file)
        protocol, landmarks = read_label(
            parse_markups(content, path.name), frame, self._protocols, entry.protocol("final")
        )
        observers = Observers(str(label.info.get("annotator") or ""), str(label.info.get("model_version") or ""))
        if not any(observers):
            raise InputError("it names neither a person nor a network; save it again under a name.")
        header = fetch_header(self._connection, place.instance)
        # the same label again is a new report: one put back is to count over the one it replaces
        identity = f"{image} {label.sha256} {label.info.get('ts')} {newest_report(entry)[0]}"
        report = structured_report(header, landmarks, protocol, observers, place.frame or 1, identity)
        send_report(self._connection, report)
        uid = str(report.SOPInstanceUID)
        self._taken.add(uid)
        if read_frame(image_file).spacing == frame.spacing:  # else it is sent again, with lengths by the new pixel size
            self._datastore.note_labels("final", {image: (label.sha256, {REPORT: uid})})
        self._datastore.note_images({image: {REPORT: {"uid": uid, "time": _time(report)}}})

    def _take(self, report: Dataset) -> set[str]:
        """Takes a report; returns the names of those of its images that are not listed, of which it is taken later."""
        unlisted: set[str] = set()
        if str(report.get("Manufacturer", "")) != MAKER:
            return unlisted
        uid, time = str(report.SOPInstanceUID), _time(report)
        for protocol, found in self._read(report):
            names = (image_name(found.sop_instance_uid, found.frame), found.sop_instance_uid)
            image = next((name for name in names if name in self._datastore.objects), None)
            if image is None:
                unlisted.update(names)
                continue
            if not takes_report(self._datastore.objects[image], protocol.name, time):
                continue  # before its image is fetched
            frame = read_frame(self._datastore.image_file(image))
            landmarks = Landmarks(protocol.landmark_names, found.points, frame, found.status)
            content = json_text(uid, markups_document(landmarks)).encode()
            read_label(parse_markups(content, uid), frame, {protocol.name: protocol}, tag=FINAL)
            info = {"model_version": found.model_version or None}
            if found.annotator:
                info["annotator"] = found.annotator
            self._datastore.take_label(image, protocol.name, content, info, uid, time)
        return unlisted

    def _read(self, report: Dataset) -> Iterator[tuple[Protocol, ReportedLandmarks]]:
        """The landmarks of a report with their protocol."""
        description = str(report.get("SeriesDescription", ""))
        for protocol in self._protocols.values():
            if series_description(protocol) != description:
                continue
            try:
                read = read_report(report, protocol)
            except InputError:
                raise
            except Exception:  # content of a stranger: pydicom raises errors of many kinds
                raise InputError("it is damaged; remove it from the PACS.") from None
            yield from ((protocol, found) for found in read)


def _time(report: Dataset) -> str:
    """When a report was made: with the offset from UTC, which reports of earlier versions do not name."""
    stated = str(report.get("ObservationDateTime") or "")
    return stated or f"{report.get('ContentDate', '')}{report.get('ContentTime', '')}"

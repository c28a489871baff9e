"""Instances fetched by WADO-RS, without what names a patient where they are kept, and reports sent by STOW-RS."""

from __future__ import annotations

import io
import mmap
import os
import re
import tempfile
import uuid
from pathlib import Path
from typing import IO, Any

import pydicom
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate, generate_pixel_data_frame

from monai_ext.landmarks import InputError

from .connection import MEGABYTE, AnswerError, Connection
from .instances import Instance, items, value

#: Largest instance that is fetched; an OCT volume of 128 slices has some 100 MB.
IMAGE_MEGABYTES = 1024
REPORT_MEGABYTES = 8
INSTANCE_TYPE = 'multipart/related; type="application/dicom"; transfer-syntax=*'
#: Taken for the time of every fetched file: what is fetched again is the same file.
FILE_TIME = 1_000_000_000
#: Groups of the attributes of a patient, and of a visit: its number, the ward and residence of the patient.
_PATIENT_GROUPS = (0x0010, 0x0038)
_PATIENT_NUMBERS = ("ClinicalTrialSubjectID", "ClinicalTrialSubjectReadingID")
_BOUNDARY = re.compile(rb"--[^\r\n]{1,200}\r\n")
_LONGEST_PART_HEADER = 4096


def fetch_image(connection: Connection, instance: Instance, frame: int | None, path: Path) -> None:
    """Writes an image of a PACS to a DICOM file without what names its patient; the file is complete or not there.

    Args:
        connection: to the PACS.
        instance: the image.
        frame: the one of several, from 1, that becomes the image.
        path: the file.

    Raises:
        PacsError: no answer, or one that is not this instance.
        OSError: the disk is full.
    """
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=path.parent) as folder:
        dataset = _fetch(connection, instance, Path(folder) / "answer", IMAGE_MEGABYTES)
        try:
            if frame is not None or int(dataset.get("NumberOfFrames") or 1) > 1:  # which the list did not say
                keep_frame(dataset, frame or 1)
        except Exception:  # elements of a stranger: pydicom converts on access, and raises errors of many kinds
            raise AnswerError(f"{connection.address} sends an instance whose frames cannot be read.") from None
        try:
            forget_patient(dataset)
        except Exception:
            raise AnswerError(f"{connection.address} sends an instance with elements that cannot be read.") from None
        made = Path(folder) / "image.dcm"
        _save(connection, dataset, made)
        os.utime(made, (FILE_TIME, FILE_TIME))
        os.replace(made, path)


def fetch_report(connection: Connection, instance: Instance) -> Dataset:
    """A structured report.

    Raises:
        PacsError: no answer, or one that is not this instance.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = _fetch(connection, instance, Path(folder) / "answer", REPORT_MEGABYTES)
    try:
        report.decode()  # pydicom converts on access: what is damaged shows here
    except Exception:
        raise AnswerError(f"{connection.address} sends a report with elements that cannot be read.") from None
    return report


def fetch_header(connection: Connection, instance: Instance) -> Dataset:
    """The header of an image with its patient and study, as the PACS has them now.

    Raises:
        PacsError: no answer, or one that is not this instance.
    """
    found = connection.get_json(f"{instance.path}/metadata")
    try:
        header = Dataset.from_json(found[0], bulk_data_uri_handler=lambda *_: None)
        fits = str(header.get("SOPInstanceUID", "")) == instance.uid
    except Exception:  # JSON of a stranger: pydicom raises errors of many kinds
        fits = False
    if not fits:
        raise AnswerError(f"{connection.address} sends no metadata of an instance that it lists.")
    return header


def forget_patient(dataset: Dataset) -> None:
    """Takes away what names a patient, at any depth.

    That are the attributes of the patient and of the visit, the number of the subject of a trial, all names of people
    and private elements; accession numbers become empty.
    """
    dataset.remove_private_tags()

    def clear(parent: Dataset, element: Any) -> None:
        if element.VR == "PN" or element.tag.group in _PATIENT_GROUPS or element.keyword in _PATIENT_NUMBERS:
            del parent[element.tag]
        elif element.keyword == "AccessionNumber":
            element.value = ""

    dataset.walk(clear)


def keep_frame(dataset: Dataset, frame: int) -> None:
    """Makes an instance of several frames one of a single frame.

    Args:
        dataset: the instance; it is changed.
        frame: which, from 1.

    Raises:
        ValueError: there is no such frame, or fewer pixels than the header states.
    """
    count = int(dataset.NumberOfFrames)
    if not 1 <= frame <= count:
        raise ValueError(f"frame {frame} of {count}")
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        frames = generate_pixel_data_frame(dataset.PixelData, count)
        dataset.PixelData = encapsulate([next(data for n, data in enumerate(frames, 1) if n == frame)])
    else:
        bits = dataset.Rows * dataset.Columns * dataset.SamplesPerPixel * dataset.BitsAllocated
        if bits % 8 or len(dataset.PixelData) < count * bits // 8:
            raise ValueError("pixels are missing")
        size = bits // 8
        dataset.PixelData = dataset.PixelData[(frame - 1) * size : frame * size] + b"\0" * (size % 2)
    dataset.NumberOfFrames = 1
    groups = dataset.get("PerFrameFunctionalGroupsSequence")
    if groups:
        dataset.PerFrameFunctionalGroupsSequence = [groups[frame - 1]]
    for name in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        if name in dataset:
            delattr(dataset, name)


def _fetch(connection: Connection, instance: Instance, answer: Path, megabytes: int) -> Dataset:
    with answer.open("w+b") as stream:
        connection.get_file(instance.path, INSTANCE_TYPE, stream, megabytes)
        part = _first_part(stream)
        if part is None:
            raise AnswerError(f"{connection.address} sends no DICOM file for an instance that it lists.")
        only = answer.with_suffix(".dcm")
        _copy(stream, part, only)
    try:
        dataset = dcmread(only)
        uid = str(dataset.SOPInstanceUID)
    except Exception:  # pydicom has no one error for damaged files
        uid = ""
    if uid != instance.uid:
        raise AnswerError(f"{connection.address} sends something else than an instance that it lists.")
    return dataset


def _first_part(stream: IO[bytes]) -> tuple[int, int] | None:
    """Where the content of the first part of a multipart answer begins and ends; None where there is none."""
    stream.flush()
    if stream.tell() == 0:
        return None
    with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        opening = _BOUNDARY.search(content[:_LONGEST_PART_HEADER])
        if opening is None:
            return None
        begin = content.find(b"\r\n\r\n", opening.end() - 2, opening.end() + _LONGEST_PART_HEADER)
        end = content.find(b"\r\n" + opening.group().rstrip(), max(begin, 0) + 4)
        return None if begin < 0 or end < 0 else (begin + 4, end)


def _copy(stream: IO[bytes], part: tuple[int, int], target: Path) -> None:
    stream.seek(part[0])
    left = part[1] - part[0]
    with target.open("wb") as copy:
        while left and (chunk := stream.read(min(left, MEGABYTE))):
            copy.write(chunk)
            left -= len(chunk)


def _save(connection: Connection, dataset: Dataset, path: Path) -> None:
    try:
        pydicom.dcmwrite(path, dataset, write_like_original=False)
    except OSError:
        raise
    except Exception:  # elements of a stranger: pydicom raises errors of many kinds
        raise AnswerError(f"{connection.address} sends an instance that cannot be written to a file.") from None


#: Of a SOP instance that the PACS has already (PS3.3, C.14; PS3.7, C.5.7).
DUPLICATE = 0x0111
_REFERENCED, _FAILED, _UID, _REASON = "00081199", "00081198", "00081155", "00081197"


def send_report(connection: Connection, report: Dataset) -> None:
    """Sends a report; returns once the PACS says that it has it.

    Raises:
        InputError: the report holds an element that cannot be written.
        AnswerError: the PACS says that it does not.
        PacsError: it says nothing.
    """
    stream = io.BytesIO()
    try:
        report.save_as(stream, write_like_original=False)
    except (ValueError, TypeError, AttributeError, NotImplementedError) as error:  # whose words may show the patient
        raise InputError(
            f"{connection.address} states something of the patient or study that no report can hold "
            f"({type(error).__name__}); correct it there."
        ) from None
    boundary = uuid.uuid4().hex
    head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    body = head + stream.getvalue() + f"\r\n--{boundary}--\r\n".encode()
    content_type = f'multipart/related; type="application/dicom"; boundary={boundary}'
    status, answer = connection.post("/studies", body, content_type)
    uid = str(report.SOPInstanceUID)
    if any(value(item, _UID) == uid for item in items(answer, _REFERENCED)):
        return
    reasons = [value(item, _REASON) for item in items(answer, _FAILED) if value(item, _UID) == uid]
    if DUPLICATE in reasons:
        return
    reason = f"reason {reasons[0]}" if reasons else f"status {status}"
    raise AnswerError(f"{connection.address} did not take a report ({reason}).")

"""Reports sent to a PACS by STOW-RS."""

from __future__ import annotations

import io
import uuid

from pydicom import Dataset

from monai_ext.landmarks import InputError

from .connection import AnswerError, Connection
from .dicom_json import items, value

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

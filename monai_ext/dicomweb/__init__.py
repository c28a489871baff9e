"""Images and structured reports of a PACS by DICOMweb: listed by QIDO-RS, fetched by WADO-RS, sent by STOW-RS.

Every answer is bounded in size and time, and no more is believed of it than what is checked.
"""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .connection import (
        MEGABYTE,
        AccessError,
        AnswerError,
        AwayError,
        Connection,
        FailedError,
        PacsError,
    )
    from .credentials import Credentials, check_address, is_address
    from .instances import Frames, Instance, image_name, list_instances, query_keys, study_keys
    from .transfer import fetch_header, fetch_image, fetch_report, send_report

__all__ = [
    "MEGABYTE",
    "AccessError",
    "AnswerError",
    "AwayError",
    "Connection",
    "Credentials",
    "FailedError",
    "Frames",
    "Instance",
    "PacsError",
    "check_address",
    "fetch_header",
    "fetch_image",
    "fetch_report",
    "image_name",
    "is_address",
    "list_instances",
    "query_keys",
    "send_report",
    "study_keys",
]

lazy_face(__name__)

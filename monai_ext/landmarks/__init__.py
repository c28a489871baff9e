"""The domain, without torch: protocols, landmarks with their frame, geometry, markups and tables."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .answer import prediction_document
    from .errors import InputError
    from .files import write_atomically, write_json_atomically
    from .geometry import Frame, Unit
    from .markups import Markups, markups_document, parse_markups, read_markups, write_markups
    from .measurements import measure
    from .points import Landmarks, Status
    from .protocol import Protocol
    from .protocol_file import INSTALLED, app_dir, find_protocol, read_protocol, read_protocols
    from .tables import ImagePoints, PointsTable, TablePoint, read_points_table, write_points_table

__all__ = [
    "INSTALLED",
    "Frame",
    "ImagePoints",
    "InputError",
    "Landmarks",
    "Markups",
    "PointsTable",
    "Protocol",
    "Status",
    "TablePoint",
    "Unit",
    "app_dir",
    "find_protocol",
    "markups_document",
    "measure",
    "parse_markups",
    "prediction_document",
    "read_markups",
    "read_points_table",
    "read_protocol",
    "read_protocols",
    "write_atomically",
    "write_json_atomically",
    "write_markups",
    "write_points_table",
]

lazy_face(__name__)

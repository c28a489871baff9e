"""Tables of points and folders of images become studies folders: found, planned, checked, and only then written."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .checked import CheckedImport, check_import
    from .folder import FoundImage, ImageFolder
    from .placing import ExifReading, Placed, place
    from .plan import PlannedImage, plan_images
    from .reading import TableReading, read_names, renamed
    from .reports import read_reports, report_files
    from .writing import StudiesChange

__all__ = [
    "CheckedImport",
    "ExifReading",
    "FoundImage",
    "ImageFolder",
    "Placed",
    "PlannedImage",
    "StudiesChange",
    "TableReading",
    "check_import",
    "place",
    "plan_images",
    "read_names",
    "read_reports",
    "renamed",
    "report_files",
]

lazy_face(__name__)

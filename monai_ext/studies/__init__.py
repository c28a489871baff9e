"""Changes of a studies folder without a server, which the server's store takes in as its own."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .readings import NewReading, ReadImage, new_reading, read_readings
    from .remapping import Remapping, find_remappings, remap
    from .replaced_labels import LabelReplacement, replace_labels

__all__ = [
    "LabelReplacement",
    "NewReading",
    "ReadImage",
    "Remapping",
    "find_remappings",
    "new_reading",
    "read_readings",
    "remap",
    "replace_labels",
]

lazy_face(__name__)

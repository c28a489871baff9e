"""Image files: read without torch, placed as 3D Slicer places them, with their formats, names and pixel sizes."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .completeness import data_files, file_states, joined, pixel_file
    from .exif import read_exif_orientation, stored_to_upright, upright_size, upright_to_stored
    from .formats import FORMATS, IMAGE_EXTENSIONS, READABLE_KINDS, REPORT, image_kind, kind_of_bytes, slicer_extension
    from .names import (
        LABEL_EXTENSION,
        LONGEST_ID,
        check_id_length,
        check_image_id,
        find_file,
        image_id,
        image_id_of,
        is_printable,
        label_file_name,
        name_key,
        same_name,
    )
    from .pixel_size import SAME_SIZE, check_pixel_size, size_from_line
    from .pixel_spacing import with_size, with_stated_size
    from .reading import LUMA_THOUSANDTHS, Channels, read_frame, read_image, read_pixels
    from .stated_sizes import (
        CALIBRATION_FILE,
        KEPT_STATEMENTS,
        How,
        NothingStatedError,
        StatedSize,
        read_stated_sizes,
        stated_size,
        with_stated_sizes,
        with_statement_undone,
        without_statements,
    )

__all__ = [
    "CALIBRATION_FILE",
    "FORMATS",
    "IMAGE_EXTENSIONS",
    "KEPT_STATEMENTS",
    "LABEL_EXTENSION",
    "LONGEST_ID",
    "LUMA_THOUSANDTHS",
    "READABLE_KINDS",
    "REPORT",
    "SAME_SIZE",
    "Channels",
    "How",
    "NothingStatedError",
    "StatedSize",
    "check_id_length",
    "check_image_id",
    "check_pixel_size",
    "data_files",
    "file_states",
    "find_file",
    "image_id",
    "image_id_of",
    "image_kind",
    "is_printable",
    "joined",
    "kind_of_bytes",
    "label_file_name",
    "name_key",
    "pixel_file",
    "read_exif_orientation",
    "read_frame",
    "read_image",
    "read_pixels",
    "read_stated_sizes",
    "same_name",
    "size_from_line",
    "slicer_extension",
    "stated_size",
    "stored_to_upright",
    "upright_size",
    "upright_to_stored",
    "with_size",
    "with_stated_size",
    "with_stated_sizes",
    "with_statement_undone",
    "without_statements",
]

lazy_face(__name__)

"""Models for other programs: ONNX files, MONAI bundles and folders for Hugging Face."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .bundle import bundle_metadata, export_bundle
    from .hugging_face import export_hugging_face, front_matter, hub_licence
    from .onnx_file import Compared, compare_onnx, export_onnx, inputs_of
    from .reading_network import Preparation, PreparedReader, StoredReader

__all__ = [
    "Compared",
    "Preparation",
    "PreparedReader",
    "StoredReader",
    "bundle_metadata",
    "compare_onnx",
    "export_bundle",
    "export_hugging_face",
    "export_onnx",
    "front_matter",
    "hub_licence",
    "inputs_of",
]

lazy_face(__name__)

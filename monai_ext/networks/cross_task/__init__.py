"""Cross-task distillation: a frozen source classifier, the detector that learns from it, and files of sources."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .distiller import DistilledOutput, Distiller
    from .named_sources import named_source
    from .source import SourceClassifier, SourceOutput
    from .source_file import SourceCard, SourceReport, read_source, write_source

__all__ = [
    "DistilledOutput",
    "Distiller",
    "SourceCard",
    "SourceClassifier",
    "SourceOutput",
    "SourceReport",
    "named_source",
    "read_source",
    "write_source",
]

lazy_face(__name__)

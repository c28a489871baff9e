"""Cross-task distillation: a frozen source classifier, the detector that learns from it, and files of sources."""

from .deconv_net import DeconvNet
from .distiller import DistilledOutput, Distiller
from .resnet import ARCHITECTURES, ResNetEncoder
from .source import SourceClassifier, SourceOutput
from .source_file import SourceCard, SourceReport, read_source, write_source

__all__ = [
    "ARCHITECTURES",
    "DeconvNet",
    "DistilledOutput",
    "Distiller",
    "ResNetEncoder",
    "SourceCard",
    "SourceClassifier",
    "SourceOutput",
    "SourceReport",
    "read_source",
    "write_source",
]

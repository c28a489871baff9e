"""From an image to landmarks."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .first_labels.first_labels import MOST, FirstLabels, LabelledView
    from .first_labels.labelled_files import FileMatcher
    from .image_score import Reduction, image_score
    from .predictor import Answer, Predictor
    from .read_output import SOURCES, ImageBatch, Predictions, Source, load_batch, read_output
    from .runtime import RUNTIMES, Runtime, graph_path, has_graph, make_graph, onnx_network, runtime_device
    from .uncertainty import map_radius, observed, probabilities, uncertainty_of

__all__ = [
    "MOST",
    "RUNTIMES",
    "SOURCES",
    "Answer",
    "FileMatcher",
    "FirstLabels",
    "ImageBatch",
    "LabelledView",
    "Predictions",
    "Predictor",
    "Reduction",
    "Runtime",
    "Source",
    "graph_path",
    "has_graph",
    "image_score",
    "load_batch",
    "make_graph",
    "map_radius",
    "observed",
    "onnx_network",
    "probabilities",
    "read_output",
    "runtime_device",
    "uncertainty_of",
]

lazy_face(__name__)

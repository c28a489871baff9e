"""A model as an ONNX file from image to points, compared with the model itself before it is written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from monai_ext import __version__
from monai_ext.images import read_image
from monai_ext.inferers import Predictor, load_batch
from monai_ext.landmarks import InputError, ModelError, write_atomically
from monai_ext.networks import onnx_graph, require_onnx

from .reading_network import OUTPUTS, PreparedReader, StoredReader

if TYPE_CHECKING:
    import onnx

#: Largest distance in pixels of the stored image between the points of the file and of the model.
TOLERANCE = 0.01
#: Largest difference between confidences and presences.
CONFIDENCE_TOLERANCE = 1e-3
#: Height and width of the image that a graph for images of any size is made with.
EXAMPLE_HW = (97, 131)


class Compared(NamedTuple):
    """Agreement of an exported model with the original.

    Attributes:
        images: how many were compared.
        distance: largest distance between points, pixels of the stored images.
    """

    images: int
    distance: float


def export_onnx(predictor: Predictor, path: Path, images: Sequence[Path]) -> Compared:
    """Writes a model as an ONNX file that finds the points itself, once onnxruntime has answered images with it alike.

    The file takes ``image``, (C, H, W) float32 of stored values. A model that fits the lit circle of a photograph into
    its network takes what was prepared instead: ``image`` (1, C, h, w), ``to_image`` (1, 3, 3) and ``size`` (1, 2), as
    :class:`~monai_ext.model_export.reading_network.PreparedReader`. It gives ``points``, ``confidence``, ``presence``
    and ``status``; its metadata say what they are.

    Args:
        predictor: the model, on the CPU.
        path: of the file.
        images: to compare with; at least one.

    Raises:
        InputError: a package is missing, there is no image or one cannot be read, or ONNX cannot express the network.
        ModelError: onnxruntime answers an image otherwise; nothing is written then.
    """
    require_onnx()
    if not images:
        raise InputError(
            "The exported model is compared with the original on images, but none was given: name at least one."
        )
    for image in images:  # one that cannot be read is told before the graph is made, which takes up to minutes
        load_batch([image], predictor.protocol, predictor.device)
    model = _graph(predictor)
    for name, value in metadata(predictor).items():
        model.metadata_props.add(key=name, value=value)
    data = model.SerializeToString()
    compared = compare_onnx(predictor, data, images)
    write_atomically(path, data)
    return compared


def metadata(predictor: Predictor) -> dict[str, str]:
    """Metadata of the file; lists and objects are JSON."""
    protocol, network, prepared = predictor.protocol, predictor.protocol.network, _is_prepared(predictor)
    threshold = None if predictor.threshold is None else predictor.threshold.tolist()
    return {
        "program": f"monai-landmarks {__version__}",
        "protocol": protocol.name,
        "title": protocol.title,
        "version": predictor.version,
        "weights_sha256": predictor.card.sha256,
        "landmarks": json.dumps(protocol.landmark_names),
        "channels": protocol.channels,
        "input": "prepared" if prepared else "stored",
        "input_size": json.dumps(network.input_size.wh),
        "normalization": network.normalization,
        "network": network.name,
        "decoder": network.decoder,
        "presence_threshold": json.dumps(threshold),
        "inputs": json.dumps(_INPUTS["prepared" if prepared else "stored"]),
        "outputs": json.dumps(_OUTPUTS),
        "protocol_json": protocol.model_dump_json(),
    }


#: What the inputs are, by what the file takes, and the outputs.
_INPUTS: Mapping[str, Mapping[str, str]] = {
    "stored": {
        "image": "(C, H, W) float32: values as stored (8 bits: 0 to 255), in stored pixel order, channels red, green, "
        "blue or grey"
    },
    "prepared": {
        "image": "(1, C, h, w) float32: the network input. The lit circle of a photograph, which is scaled into it, is "
        "found outside of the graph, by monai_ext.transforms.inference_transforms of the protocol",
        "to_image": "(1, 3, 3) float64: from pixels (x, y) of the network input to those of the stored image, the "
        "inverse of the matrix that those transforms give",
        "size": "(1, 2) float64: width and height of the stored image",
    },
}
_OUTPUTS: Mapping[str, str] = {
    "points": "(K, 2) float64: (column, row) in pixels of the stored image, (0, 0) the centre of the top-left one",
    "confidence": "(K,) float32 in [0, 1]: of the place where defined, of the absence where missing",
    "presence": "(K,) float32: probability that the landmark is in the image; 1 if the network does not predict it",
    "status": "(K,) int64: 1 defined, 0 missing",
}


def _is_prepared(predictor: Predictor) -> bool:
    return predictor.protocol.network.field_of_view


def _graph(predictor: Predictor) -> onnx.ModelProto:
    protocol = predictor.protocol
    if not _is_prepared(predictor):
        example = torch.rand(protocol.num_channels, *EXAMPLE_HW) * 255
        return onnx_graph(StoredReader(predictor).eval(), {"image": example}, OUTPUTS, {"image": {1: "H", 2: "W"}})
    width, height = protocol.network.input_size.wh
    inputs = {
        "image": torch.randn(1, protocol.num_channels, height, width),
        "to_image": torch.eye(3, dtype=torch.float64)[None],
        "size": torch.tensor([[width, height]], dtype=torch.float64),
    }
    return onnx_graph(PreparedReader(predictor).eval(), inputs, OUTPUTS)


def inputs_of(predictor: Predictor, path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """The inputs of an exported model for an image file."""
    if not _is_prepared(predictor):
        return {"image": read_image(path, predictor.protocol.channels)[0]}
    batch = load_batch([path], predictor.protocol, torch.device("cpu"))
    return {
        "image": batch.image.numpy(),
        "to_image": torch.linalg.inv(batch.matrix).numpy(),
        "size": batch.size.double().numpy(),
    }


def compare_onnx(predictor: Predictor, data: bytes, images: Sequence[Path]) -> Compared:
    """Answers images with the content of an ONNX file, by onnxruntime, and with the model itself.

    Raises:
        ModelError: the answers differ.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    reader, names, largest = PreparedReader(predictor).eval(), predictor.protocol.landmark_names, 0.0
    for path in images:
        batch = load_batch([path], predictor.protocol, predictor.device)
        with torch.inference_mode():
            wanted = [part.numpy() for part in reader.read(batch.image, batch.matrix, batch.size)]
        found = session.run(list(OUTPUTS), inputs_of(predictor, path))
        distances = np.hypot(*(found[0] - wanted[0]).T)
        k, other = int(np.argmax(distances)), np.flatnonzero(found[3] != wanted[3])
        unsure = max(float(np.abs(a - b).max()) for a, b in zip(found[1:3], wanted[1:3], strict=True))
        if not distances[k] <= TOLERANCE:
            said = f"{names[k]} {distances[k]:.3g} px away from"
        elif len(other) or not unsure <= CONFIDENCE_TOLERANCE:
            said = f"another confidence or status of {', '.join(names[i] for i in other) or 'a landmark'} than"
        else:
            largest = max(largest, float(distances[k]))
            continue
        raise ModelError(
            f"The ONNX file of {predictor.protocol.name} {predictor.version} answers {path.name} with {said} the "
            f"model's own answer, and {TOLERANCE:g} px are allowed: it was not written."
        )
    return Compared(len(images), largest)

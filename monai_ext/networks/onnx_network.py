"""A network that onnxruntime runs, with the answers of the torch network that it was made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.utils import _pytree as pytree

from monai_ext.landmarks import ModelError

from .onnx_graph import onnx_graph, require_onnx
from .output import NetworkOutput, StagedOutput

if TYPE_CHECKING:
    import onnx

#: Largest difference between heatmaps of both, as a share of the range of the heatmaps.
TOLERANCE = 1e-3
#: The image that the graph takes.
IMAGE = "image"


def network_graph(network: nn.Module, image: torch.Tensor) -> onnx.ModelProto:
    """The ONNX model of a network: from an image of that shape to what :func:`answering` keeps of its output.

    Raises:
        InputError: a package is missing, or the network does something that ONNX cannot express.
    """
    tensors = _Tensors(network).eval()
    with torch.inference_mode():
        count = len(tensors(image))
    return onnx_graph(tensors, {IMAGE: image}, [f"output_{i}" for i in range(count)])


def answering(output: NetworkOutput) -> StagedOutput:
    """The first stage of an output and the last, which answers: what a prediction is read from."""
    return StagedOutput(tuple(output.stages[i] for i in sorted({0, len(output.stages) - 1})), output.presence)


class OnnxNetwork:
    """Answers as a torch network does, by onnxruntime on the CPU.

    Args:
        model: a serialized :func:`network_graph` of the network.
        network: in evaluation mode; it defines the meaning of the graph's outputs, and is compared with it once.
        image: (1, C, H, W) to compare with, of the shape that all images have.
        threads: that a pass uses; 0 leaves it to onnxruntime.

    Raises:
        InputError: onnxruntime is missing.
        ModelError: the graph answers otherwise than the network.
    """

    def __init__(self, model: bytes, network: nn.Module, image: torch.Tensor, threads: int = 0) -> None:
        require_onnx()
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        with torch.inference_mode():
            expected = answering(network(image))
        leaves, self._spec = pytree.tree_flatten(expected)
        self._leaves: list[Any] = [None if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves]
        self._places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, torch.Tensor)]
        self._check(expected, self(image))

    def __call__(self, image: torch.Tensor) -> StagedOutput:
        """The first and the last stage of (1, C, H, W) images, and their presence."""
        found = self._session.run(None, {IMAGE: image.numpy()})
        leaves = list(self._leaves)
        for place, array in zip(self._places, found, strict=True):
            leaves[place] = torch.from_numpy(array)
        return pytree.tree_unflatten(leaves, self._spec)

    def _check(self, expected: StagedOutput, found: StagedOutput) -> None:
        for wanted, stage in zip(expected.stages, found.stages, strict=True):
            span = float(wanted.heatmaps.max() - wanted.heatmaps.min())
            off = float((wanted.heatmaps - stage.heatmaps).abs().max())
            if not off <= TOLERANCE * max(span, 1e-6):
                raise ModelError(
                    f"onnxruntime answers {off:g} beside torch in heatmaps ({stage.name}) that span {span:g}:"
                    " use the runtime torch, and report this."
                )


class _Tensors(nn.Module):
    """The tensors in what a network answers, without their names and constant numbers."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        leaves = pytree.tree_leaves(answering(self.network(image)))
        return tuple(leaf for leaf in leaves if isinstance(leaf, torch.Tensor))

"""ONNX graphs of torch modules, and a network that onnxruntime runs with the answers of the torch network."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.utils import _pytree as pytree

from monai_ext.landmarks import InputError, ModelError

from .output import NetworkOutput, StagedOutput

if TYPE_CHECKING:
    import onnx

#: The version of ONNX's operators: the first with all that the networks use.
OPSET = 20
#: The packages that ONNX needs, which the extra ``onnx`` installs.
PACKAGES = ("onnx", "onnxruntime", "onnxscript")


def require_onnx() -> None:
    """Tests that the packages for ONNX are there.

    Raises:
        InputError: one is not; says how to install them.
    """
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise InputError(
            f'ONNX needs {", ".join(missing)}, not installed here: run `pip install "monai-landmarks[onnx]"`.'
        )


def onnx_graph(
    module: nn.Module,
    inputs: Mapping[str, torch.Tensor],
    outputs: Sequence[str],
    free: Mapping[str, Mapping[int, str]] = MappingProxyType({}),
) -> onnx.ModelProto:
    """The ONNX model that computes what a module does with inputs of these shapes, on the CPU.

    Args:
        module: in evaluation mode; its ``forward`` takes the inputs in their order and returns a tuple of tensors.
        inputs: examples by name.
        outputs: names of what it returns.
        free: names of the dimensions of any size, by input and number.

    Raises:
        InputError: a package is missing, or the module does something that ONNX cannot express.
    """
    require_onnx()
    for name in ("onnxscript", "onnx_ir", "torch.onnx"):
        logging.getLogger(name).setLevel(logging.ERROR)  # what it optimises, at length
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                module,
                tuple(inputs.values()),
                input_names=list(inputs),
                output_names=list(outputs),
                dynamo=True,
                opset_version=OPSET,
                dynamic_shapes=[_dimensions(free.get(name, {})) for name in inputs] if free else None,
                custom_translation_table=_translations(),
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        reason = str(error.__cause__ or error).strip().splitlines()[0]
        raise InputError(f"The network {type(module).__name__} cannot be written as ONNX: {reason}") from error
    assert program is not None
    model = program.model_proto
    for node in model.graph.node:  # the Python lines that a node came from
        del node.metadata_props[:]
        node.doc_string = ""
    return model


def _dimensions(names: Mapping[int, str]) -> dict[int, Any]:
    return {number: torch.export.Dim(name, min=2, max=2**16) for number, name in names.items()}


def _translations() -> dict[Any, Any]:
    """Replacements of torch operators without a counterpart in ONNX."""
    return {
        torch.ops.aten._linalg_solve_ex.default: _solve_ex,
        torch.ops.aten.linalg_inv_ex.default: _inv_ex,
    }


def _solve_ex(A: Any, B: Any, left: bool = True, check_errors: bool = False) -> tuple[Any, ...]:  # noqa: N803
    """The solution X (..., n) of A X = B for A (..., n, n) and B (..., n); the factors are not computed."""
    from onnxscript import opset20 as op

    last = op.Constant(value_ints=[-1])
    solution = op.Squeeze(_eliminated(A, op.Unsqueeze(B, last)), last)
    return solution, A, op.Constant(value_ints=[0]), op.Constant(value_ints=[0])


def _inv_ex(A: Any, check_errors: bool = False) -> tuple[Any, ...]:  # noqa: N803
    """The inverse of A (..., n, n)."""
    from onnxscript import opset20 as op

    identity = op.CastLike(op.EyeLike(op.Constant(value=_tensor(torch.eye(A.shape[-1])))), A)
    return _eliminated(A, op.Expand(identity, op.Shape(A))), op.Constant(value_ints=[0])


def _eliminated(A: Any, B: Any) -> Any:  # noqa: N803
    """X (..., n, m) of A X = B by elimination without exchanging rows.

    That is exact enough for what is solved here: normal equations, which are positive definite, and affine maps that
    do not turn an image by a right angle.
    """
    from onnxscript import opset20 as op

    size = int(A.shape[-1])
    both = op.Concat(A, B, axis=-1)
    for k in range(size):
        here = op.Constant(value_ints=[k])
        column = op.Gather(both, here, axis=-1)
        pivot = op.Gather(column, here, axis=-2)
        row = op.Div(op.Gather(both, here, axis=-2), pivot)
        own = torch.zeros(size, 1, dtype=torch.float64)
        own[k] = 1.0
        unit = op.CastLike(op.Constant(value=_tensor(own)), A)
        both = op.Add(op.Sub(both, op.Mul(column, row)), op.Mul(unit, row))
    end = op.Constant(value_ints=[2**31])
    return op.Slice(both, op.Constant(value_ints=[size]), end, op.Constant(value_ints=[-1]))


def _tensor(values: torch.Tensor) -> Any:
    from onnx import numpy_helper

    return numpy_helper.from_array(values.numpy())


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

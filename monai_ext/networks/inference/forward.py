"""Ways to run a network's forward pass."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import torch

from .call_trace import tensors_in

logger = logging.getLogger(__name__)

Forward = Callable[..., Any]

#: Passes before a CUDA graph is recorded, in which libraries choose their kernels.
WARM_UP = 3


class InferenceForward:
    """A forward pass without gradients, in reduced precision if wanted.

    Args:
        forward: the forward pass.
        device_type: where it runs, cpu or cuda.
        dtype: precision of autocast; None leaves precision to the caller.
    """

    def __init__(self, forward: Forward, device_type: str, dtype: torch.dtype | None) -> None:
        self.forward = forward
        self.device_type = device_type
        self.dtype = dtype

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        # Cached casts would be of no use, as weights are cast once for all, and must not get into a CUDA graph.
        precision = (
            nullcontext()
            if self.dtype is None
            else torch.autocast(self.device_type, dtype=self.dtype, cache_enabled=False)
        )
        with torch.no_grad(), precision:
            return self.forward(*arguments, **options)


class StaticForward:
    """A forward pass that is fast for inputs of one shape, and another one for all other calls.

    Args:
        fast: the pass for inputs like the example.
        general: the pass for all others.
        example: tensors that ``fast`` was made with.
    """

    def __init__(self, fast: Forward, general: Forward, example: Sequence[torch.Tensor]) -> None:
        self.fast = fast
        self.general = general
        self.signature = _signature(example)
        self._told: set[object] = set()

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        signature = None if options else _signature(arguments)
        if signature == self.signature:
            return self.fast(*arguments)
        if signature not in self._told:
            self._told.add(signature)
            logger.info("An input of another form than the example's runs without the graph: %s.", signature)
        return self.general(*arguments, **options)


class CudaGraphForward:
    """A forward pass recorded as one CUDA graph, so that no time goes to launching kernels one by one.

    The work must not depend on values that the host reads. Calls of several threads wait for each other.

    Args:
        forward: the forward pass.
        example: tensors on the GPU; later ones have their shapes.
    """

    def __init__(self, forward: Forward, example: Sequence[torch.Tensor]) -> None:
        self._lock = threading.Lock()
        self._inputs = [tensor.detach().clone() for tensor in example]
        device = self._inputs[0].device
        with torch.cuda.device(device), torch.no_grad():
            stream = torch.cuda.Stream()
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                for _ in range(WARM_UP):
                    forward(*self._inputs)
            torch.cuda.current_stream().wait_stream(stream)
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):
                self._output = forward(*self._inputs)

    def __call__(self, *arguments: torch.Tensor) -> Any:
        with self._lock, torch.no_grad():
            for inside, given in zip(self._inputs, arguments, strict=True):
                inside.copy_(given)
            self._graph.replay()
            # The next replay writes over the graph's own output.
            return _cloned(self._output)


def _signature(arguments: Sequence[Any]) -> tuple[Any, ...] | None:
    """Shape, precision and device of each argument; None where one is no tensor."""
    if sum(1 for _ in tensors_in(tuple(arguments))) != len(arguments):
        return None
    return tuple((tuple(x.shape), x.dtype, x.device) for x in arguments if isinstance(x, torch.Tensor))


def _cloned(value: Any) -> Any:
    """A nest of tensors with all of them copied."""
    if isinstance(value, torch.Tensor):
        return value.clone()
    if isinstance(value, dict):
        return {name: _cloned(item) for name, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_cloned(item) for item in value))
    if isinstance(value, (tuple, list)):
        return type(value)(_cloned(item) for item in value)
    return value

"""A copy of a trained network that gives the same answers in less time."""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from monai_ext.landmarks import InputError

from .agreement import disagreement
from .fold_batch_norm import Folding, fold_batch_norms
from .forward import CudaGraphForward, Forward, InferenceForward, StaticForward
from .reduced_weights import cast_weights

logger = logging.getLogger(__name__)

Auto = Literal["auto"]

#: Largest difference from the plain network as a share of the heatmaps' range, in float32 and in less.
FULL_TOLERANCE, REDUCED_TOLERANCE = 1e-3, 0.05

#: "auto" keeps what takes at most this share of the time without it.
WORTHWHILE = 0.9

#: Passes that are timed, of which the fastest counts.
TIMED_PASSES = 3


@dataclass(frozen=True)
class InferenceReport:
    """What :func:`optimize_for_inference` did.

    Attributes:
        folding: batch normalisations folded into convolutions, and left.
        precision: of the forward pass: float32, bfloat16 or float16.
        graph: how the forward pass runs: eager, compiled or CUDA graph.
        plain_ms: time of the plain network on the example, milliseconds.
        optimized_ms: time of the optimised one.
        notes: what was tried and not kept, and why.
    """

    folding: Folding
    precision: str
    graph: str
    plain_ms: float
    optimized_ms: float
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        folded = f"{self.folding.folded} of {sum(self.folding)} batch normalisations folded"
        times = f"{self.plain_ms:.1f} ms -> {self.optimized_ms:.1f} ms"
        return "; ".join([f"{folded}, {self.precision}, {self.graph}: {times}", *self.notes])


def optimize_for_inference(
    network: nn.Module,
    example: torch.Tensor | Sequence[torch.Tensor],
    *,
    autocast: torch.dtype | Auto | None = None,
    compile: bool | Auto = False,
    tolerance: float | None = None,
) -> nn.Module:
    """A copy of a network for inference, of the same class, that answers the example as the network itself does.

    Batch normalisations become part of the convolutions before them, weights and activations lie in channels-last
    order, and if wanted the precision is reduced and the forward pass recorded. After each of these the copy's answer
    is compared with that of the network as it was: the heatmaps, relative to their range, and the places of their
    peaks. The network itself does not change, and the copy runs without gradients.

    Args:
        network: any network whose forward takes and returns tensors, in tuples, lists or dictionaries if need be; it
            may be in training mode.
        example: an image (B, C, H, W), or all tensors that forward takes, on the network's device. A typical image
            makes the comparison strict; a ZIAN that has not been trained needs ``roi_centers`` too, as its peaks are
            chance.
        autocast: precision to reduce to, ``"auto"`` for bfloat16 (float16 on older GPUs) if that is faster and agrees,
            or None for no reduction.
        compile: True for torch.compile, ``"auto"`` for a CUDA graph of the whole pass if that is faster and agrees (on
            a CPU nothing). Both serve inputs of the example's shape; others take the ordinary path, which is logged.
        tolerance: largest difference as a share of the range. By default 0.001, and 0.05 in reduced precision, to
            which TensorFloat-32 of a GPU counts.

    Returns:
        The copy, in evaluation mode, with an :class:`InferenceReport` as ``inference_report``.

    Raises:
        InputError: the example does not fit, or what was asked for gives another answer than the network.

    Example:
        >>> fast = optimize_for_inference(network, torch.zeros(1, 3, 512, 512), autocast="auto")  # doctest: +SKIP
        >>> print(fast.inference_report)  # doctest: +SKIP
    """
    arguments = (example,) if isinstance(example, torch.Tensor) else tuple(example)
    _check_example(network, arguments)
    return _Optimization(network, arguments, tolerance).run(autocast, compile)


class _Optimization:
    """One network on its way, with the answer that it has to give."""

    def __init__(self, network: nn.Module, arguments: tuple[torch.Tensor, ...], tolerance: float | None) -> None:
        self.arguments = arguments
        self.tolerance = tolerance
        self.device = arguments[0].device
        self.network = copy.deepcopy(network).eval()
        self.answer = InferenceForward(self.network, self.device.type, None)(*arguments)
        self.plain_ms = self.milliseconds(self.network)[0]
        self.notes: list[str] = []

    def run(self, autocast: torch.dtype | Auto | None, graph: bool | Auto) -> nn.Module:
        self.network.to(memory_format=torch.channels_last)
        folding = fold_batch_norms(self.network, self.arguments)
        reason = self.refusal(InferenceForward(self.network, self.device.type, None), None)
        if reason:
            raise InputError(f"The network cannot be optimised: with its batch normalisations folded, {reason}.")
        dtype = self.reduce(autocast)
        general = InferenceForward(self.network.forward, self.device.type, dtype)
        fast, graph_name = self.record(general, graph, dtype)
        forward = general if fast is None else StaticForward(fast, general, self.arguments)
        optimized_ms = self.milliseconds(forward)[0]
        self.network.forward = forward
        precision = str(dtype or self.arguments[0].dtype).removeprefix("torch.")
        report = InferenceReport(folding, precision, graph_name, self.plain_ms, optimized_ms, tuple(self.notes))
        self.network.inference_report = report
        logger.info("%s: %s", type(self.network).__name__, report)
        return self.network

    def reduce(self, autocast: torch.dtype | Auto | None) -> torch.dtype | None:
        """Reduces the precision of the network, and gives it; None where it stays."""
        dtype = _precision_of(self.device) if autocast == "auto" else autocast
        if dtype is None:
            return None
        reduced = copy.deepcopy(self.network)
        cast_weights(reduced, self.arguments, dtype)
        forward = InferenceForward(reduced, self.device.type, dtype)
        plain = InferenceForward(self.network, self.device.type, None)
        if self.keeps(forward, plain, str(dtype).removeprefix("torch."), dtype, autocast == "auto"):
            self.network = reduced
            return dtype
        return None

    def record(self, general: Forward, graph: bool | Auto, dtype: torch.dtype | None) -> tuple[Forward | None, str]:
        """A faster way to run the network on inputs like the example, and its name."""
        if graph is True:
            inner = torch.compile(self.network.forward, dynamic=False)
            fast: Forward = InferenceForward(inner, self.device.type, dtype)
            self.keeps(fast, general, "torch.compile", dtype, False)
            return fast, "compiled"
        if graph == "auto" and self.device.type == "cuda":
            try:
                fast = CudaGraphForward(general, self.arguments)
            except RuntimeError as error:
                self.note(f"no CUDA graph could be recorded ({error})")
                return None, "eager"
            if self.keeps(fast, general, "a CUDA graph", dtype, True):
                return fast, "CUDA graph"
        return None, "eager"

    def keeps(self, fast: Forward, slow: Forward, name: str, dtype: torch.dtype | None, optional: bool) -> bool:
        """Whether to keep a faster forward pass.

        Raises:
            InputError: it was asked for and gives another answer.
        """
        reason = self.refusal(fast, dtype)
        if reason and not optional:
            raise InputError(f"The network cannot be optimised by {name}: {reason}; leave {name} out.")
        if reason:
            self.note(f"{name} left out, as {reason}")
            return False
        if optional:
            fast_ms, slow_ms = self.milliseconds(fast, slow)
            if fast_ms > WORTHWHILE * slow_ms:
                self.note(f"{name} left out, as it takes {fast_ms:.1f} ms and not {slow_ms:.1f} ms")
                return False
        return True

    def refusal(self, forward: Forward, dtype: torch.dtype | None) -> str | None:
        """How the answer differs from the plain network's, or None."""
        tensor_float = self.device.type == "cuda" and torch.backends.cudnn.allow_tf32
        default = REDUCED_TOLERANCE if dtype is not None or tensor_float else FULL_TOLERANCE
        return disagreement(self.answer, forward(*self.arguments), self.tolerance or default)

    def milliseconds(self, *passes: Callable[..., Any]) -> list[float]:
        """The shortest time of each forward pass, which take turns, so that a busy moment hits all alike."""
        times: list[list[float]] = [[] for _ in passes]
        for _ in range(TIMED_PASSES):
            for forward, values in zip(passes, times, strict=True):
                start = time.perf_counter()
                with torch.no_grad():
                    forward(*self.arguments)
                if self.device.type == "cuda":
                    torch.cuda.synchronize(self.device)
                values.append(1000 * (time.perf_counter() - start))
        return [min(values) for values in times]

    def note(self, text: str) -> None:
        logger.warning("%s: %s.", type(self.network).__name__, text)
        self.notes.append(text)


def _precision_of(device: torch.device) -> torch.dtype:
    """The reduced precision that a device may gain from."""
    if device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.float16
    return torch.bfloat16


def _check_example(network: nn.Module, arguments: tuple[Any, ...]) -> None:
    if not arguments or not all(isinstance(x, torch.Tensor) for x in arguments):
        kinds = ", ".join(type(x).__name__ for x in arguments) or "nothing"
        raise InputError(f"The example of optimize_for_inference is one or more tensors, not {kinds}.")
    first = next(network.parameters(), None)
    if first is not None and first.device != arguments[0].device:
        raise InputError(
            f"The network is on {first.device} and the example on {arguments[0].device}: move one to the other's."
        )

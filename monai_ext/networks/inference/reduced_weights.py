"""Weights cast once for all to the precision that autocast would cast them to at every pass."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from .call_trace import CallTrace
from .fold_batch_norm import CONVOLUTIONS, TRANSPOSED

_LAYERS = (*CONVOLUTIONS, *TRANSPOSED, nn.Linear)


def cast_weights(network: nn.Module, arguments: Sequence[torch.Tensor], dtype: torch.dtype) -> int:
    """Casts, in place, the weights that autocast casts anyway: the same results without the casts.

    These are the weights of convolutions and linear layers that are called under autocast and whose weights nothing
    else takes. Others keep their precision, such as a head that computes in float32.

    Args:
        network: a network in evaluation mode, which changes.
        arguments: tensors that it can be called with.
        dtype: precision of autocast.

    Returns:
        How many layers were cast.
    """
    layers = [module for module in network.modules() if type(module) in _LAYERS]
    uses, autocast = CallTrace(layers), CallTrace(layers)
    uses.run(network, arguments)
    with torch.autocast(arguments[0].device.type, dtype=dtype, cache_enabled=False):
        autocast.run(network, arguments)
    chosen = [layer for layer in layers if layer in autocast.reduced and uses.calls[layer] == uses.weight_uses(layer)]
    for layer in chosen:
        for name, parameter in list(layer.named_parameters(recurse=False)):
            setattr(layer, name, nn.Parameter(parameter.detach().to(dtype), parameter.requires_grad))
    return len(chosen)

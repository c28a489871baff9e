"""Batch normalisation folded into the convolution before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from .call_trace import CallTrace

#: Exactly these: a subclass, such as a parametrised layer, may do more than its base.
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class Folding(NamedTuple):
    """What became of the batch normalisations of a network.

    Attributes:
        folded: number that are now part of a convolution.
        left: number that stayed as they were.
    """

    folded: int
    left: int


def fold_batch_norms(network: nn.Module, arguments: Sequence[torch.Tensor]) -> Folding:
    """Folds, in place, every batch normalisation that can be folded into the convolution before it.

    In evaluation a batch normalisation scales and shifts channels by fixed numbers, which the weights and biases of a
    convolution can do as well. Which convolution that is, an example pass tells: one whose output goes to this
    normalisation at every call, and nowhere else. The normalisation becomes an identity.

    Args:
        network: a network in evaluation mode, which changes.
        arguments: tensors that it can be called with.
    """
    norms = [module for module in network.modules() if type(module) in NORMS]
    convolutions = [module for module in network.modules() if type(module) in CONVOLUTIONS + TRANSPOSED]
    plain = [module for module in norms + convolutions if not _has_hooks(module)]
    trace = CallTrace(plain)
    trace.run(network, arguments)
    folded = 0
    for convolution in convolutions:
        norm = _only_follower(trace, convolution)
        if norm is not None and _foldable(convolution, norm):
            _fold(convolution, norm)
            _replace(network, norm, nn.Identity())
            folded += 1
    return Folding(folded, len(norms) - folded)


def _only_follower(trace: CallTrace, convolution: nn.Module) -> nn.Module | None:
    """The one layer that takes all that a convolution puts out, and nothing else; None where there is no such one."""
    followers = trace.followers[convolution]
    if len(followers) != 1:
        return None
    follower, times = followers.most_common(1)[0]
    counts = {trace.calls[convolution], trace.uses[convolution], trace.weight_uses(convolution), trace.calls[follower]}
    return follower if counts == {times} else None


def _foldable(convolution: nn.Module, norm: nn.Module) -> bool:
    if type(norm) not in NORMS or norm.training or norm.running_mean is None or norm.running_var is None:
        return False
    # The channels of a grouped transposed convolution do not lie along one axis of its weights.
    return type(convolution) not in TRANSPOSED or convolution.groups == 1


def _fold(convolution: nn.Module, norm: nn.Module) -> None:
    dtype = convolution.weight.dtype
    # In double precision: the weights are rounded once.
    numbers = [convolution.weight, convolution.bias, norm.running_mean, norm.running_var, norm.weight, norm.bias]
    weight, bias, mean, variance, scale, shift = (None if x is None else x.detach().double() for x in numbers)
    weight, bias = fuse_conv_bn_weights(
        weight, bias, mean, variance, norm.eps, scale, shift, transpose=type(convolution) in TRANSPOSED
    )
    learns = convolution.weight.requires_grad
    layout = torch.channels_last if _is_channels_last(convolution.weight) else torch.contiguous_format
    convolution.weight = nn.Parameter(weight.detach().to(dtype).contiguous(memory_format=layout), learns)
    convolution.bias = nn.Parameter(bias.detach().to(dtype), learns)


def _is_channels_last(weight: torch.Tensor) -> bool:
    return weight.ndim == 4 and weight.is_contiguous(memory_format=torch.channels_last)


def _replace(network: nn.Module, old: nn.Module, new: nn.Module) -> None:
    """Puts a module in the place, or places, of another."""
    for parent in network.modules():
        for name, child in parent._modules.items():
            if child is old:
                parent._modules[name] = new


def _has_hooks(module: nn.Module) -> bool:
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return any(getattr(module, name) for name in hooks)

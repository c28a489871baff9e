"""Group normalisation in place of batch normalisation."""

from __future__ import annotations

from torch import nn

#: Groups of channels that are normalised together; every width of the networks here is a multiple.
GROUPS = 8


def with_group_norm(network: nn.Module) -> nn.Module:
    """Puts a group normalisation in the place of every 2D batch normalisation; the network itself, changed.

    Each image is then normalised by its own values, in training as in use. Batch normalisation keeps one mean and
    deviation for all, which suits neither the image nor its regions where one backbone looks at both, and drifts where
    a camera's colours are others than those of training.

    Raises:
        ValueError: a width is no multiple of 8.

    Source: Wu and He, Group Normalization, ECCV 2018.
    """
    for name, child in network.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(network, name, nn.GroupNorm(GROUPS, child.num_features, eps=child.eps))
        else:
            with_group_norm(child)
    return network

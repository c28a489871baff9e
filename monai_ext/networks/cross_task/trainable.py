"""Which part of an encoder learns: all of it, its last block, or nothing."""

from __future__ import annotations

from typing import Literal

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from monai_ext.landmarks import InputError

#: FT, FTP and FE of Fu et al., MLMI 2020.
Trainable = Literal["all", "last_block", "none"]

TRAINABLE: tuple[Trainable, ...] = ("all", "last_block", "none")


def set_trainable(encoder: nn.Module, trainable: Trainable, last_block: str = "layer4") -> None:
    """Turns the gradients of an encoder's parameters on and off.

    Args:
        encoder: the encoder.
        trainable: what learns.
        last_block: name of the encoder's own part that ``last_block`` means.

    Raises:
        InputError: an unknown choice, or no such part.
    """
    if trainable not in TRAINABLE:
        raise InputError(f"What an encoder trains is one of {', '.join(TRAINABLE)}, not {trainable!r}.")
    encoder.requires_grad_(trainable == "all")
    if trainable == "last_block":
        parts = dict(encoder.named_children())
        if last_block not in parts:
            raise InputError(f"The encoder has no part {last_block!r}: its last block is one of {', '.join(parts)}.")
        parts[last_block].requires_grad_(True)


def hold_frozen(encoder: nn.Module, trainable: Trainable, last_block: str = "layer4", freeze_bn: bool = False) -> None:
    """Puts what does not learn into evaluation mode, so that its batch statistics stay; the rest keeps its mode.

    Args:
        encoder: the encoder, in training mode.
        trainable: what learns.
        last_block: see :func:`set_trainable`.
        freeze_bn: keep the statistics of all batch normalisations of the encoder; their scales and offsets learn on.
    """
    if trainable == "none":
        encoder.eval()
    elif trainable == "last_block":
        for name, part in encoder.named_children():
            if name != last_block:
                part.eval()
    if freeze_bn:
        for module in encoder.modules():
            if isinstance(module, _BatchNorm):
                module.eval()

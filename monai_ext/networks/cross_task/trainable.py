"""Which part of an encoder learns: all of it, its last block, or nothing."""

from __future__ import annotations

from typing import Literal

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from monai_ext.landmarks import InputError
from monai_ext.networks.encoders import last_block

#: FT, FTP and FE of Fu et al., MLMI 2020.
Trainable = Literal["all", "last_block", "none"]

TRAINABLE: tuple[Trainable, ...] = ("all", "last_block", "none")


def set_trainable(encoder: nn.Module, trainable: Trainable) -> None:
    """Turns the gradients of an encoder's parameters on and off.

    Args:
        encoder: the encoder.
        trainable: what learns; for ``last_block`` see :func:`~monai_ext.networks.encoders.last_block`.

    Raises:
        InputError: an unknown choice.
    """
    if trainable not in TRAINABLE:
        raise InputError(f"What an encoder trains is one of {', '.join(TRAINABLE)}, not {trainable!r}.")
    encoder.requires_grad_(trainable == "all")
    if trainable == "last_block":
        encoder.get_submodule(last_block(encoder)).requires_grad_(True)


def hold_frozen(encoder: nn.Module, trainable: Trainable, freeze_bn: bool = False) -> None:
    """Puts what does not learn into evaluation mode, so that its batch statistics stay; the rest keeps its mode.

    Args:
        encoder: the encoder, in training mode.
        trainable: what learns.
        freeze_bn: keep the statistics of all batch normalisations of the encoder; their scales and offsets learn on.
    """
    if trainable != "all":
        encoder.eval()
    if trainable == "last_block":
        encoder.get_submodule(last_block(encoder)).train()
    if freeze_bn:
        for module in encoder.modules():
            if isinstance(module, _BatchNorm):
                module.eval()

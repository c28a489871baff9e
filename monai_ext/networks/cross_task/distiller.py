"""A network in training beside the frozen classifier that its encoder is kept close to."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from monai_ext.landmarks import InputError
from monai_ext.networks.encoders import last_block
from monai_ext.networks.network import LandmarkNetwork
from monai_ext.networks.output import NetworkOutput, Stage

from .source import SourceClassifier

#: What of an encoder learns: all of it, its last block, or nothing; FT, FTP and FE of Fu et al., MLMI 2020.
Trainable = Literal["all", "last_block", "none"]

TRAINABLE: tuple[Trainable, ...] = ("all", "last_block", "none")


class DistilledOutput(NamedTuple):
    """Outputs of the target and the source for B images; all but ``output`` is None without a source.

    Attributes:
        output: what the network returned.
        f_s: (B, C, h, w) deepest features of the source, without a gradient.
        f_t: (B, C, h, w) deepest features of the network's encoder.
        g_s: (B, N) logits of the source, or None if it has no classifier.
        g_t: (B, N) logits of the network's copy of that classifier, or None.
    """

    output: NetworkOutput
    f_s: torch.Tensor | None = None
    f_t: torch.Tensor | None = None
    g_s: torch.Tensor | None = None
    g_t: torch.Tensor | None = None

    @property
    def stages(self) -> Sequence[Stage]:
        """The network's stages; the last is the answer."""
        return self.output.stages

    @property
    def presence(self) -> torch.Tensor | None:
        """(B, K) logits of the network, or None."""
        return self.output.presence


class Distiller(LandmarkNetwork):
    """Runs any network with an encoder and, on the very tensor that the encoder was given, a frozen source.

    The first call of the encoder in a pass counts: for a network that looks at regions too, that of the whole image.
    Set the mode with this module's ``train`` and ``eval``, not with the network's own, so that frozen parts stay in
    evaluation mode.

    Args:
        network: the network to be trained; one with an encoder.
        source: the classifier that it is kept close to; None for the baselines FE, FTP and FT, which do not need one.
        trainable: what of the encoder learns: ``all`` (FT), ``last_block`` (FTP) or ``none`` (FE); likewise of each
            further encoder of the network, as of a second look.
        freeze_bn: keep the statistics of their batch normalisations; their scales and offsets learn on.
        train_classifier: let the copy of the source's classifier learn; for a loss that uses it.

    Attributes:
        network: the network; publish its ``state_dict``, not this module's.
        source: the source or None.
        classifier: the copy of the source's classifier, or None; where it does not learn it stays in evaluation mode.

    Raises:
        InputError: the network has no encoder, or an unknown choice.

    Source: Fu et al., Cross-Task Representation Learning for Anatomical Landmark Detection, MLMI 2020, section 2.2.
    """

    source: SourceClassifier | None
    classifier: nn.Module | None

    def __init__(
        self,
        network: LandmarkNetwork,
        source: SourceClassifier | None = None,
        *,
        trainable: Trainable = "all",
        freeze_bn: bool = False,
        train_classifier: bool = False,
    ) -> None:
        super().__init__()
        for encoder in network.find_encoders():
            set_trainable(encoder, trainable)
        if train_classifier and (source is None or source.head is None):
            raise InputError("A classifier can be trained only where the source has one: give another source.")
        self.network = network
        self.source = source
        self.classifier = None
        if source is not None and source.head is not None:
            self.classifier = copy.deepcopy(source.head).requires_grad_(train_classifier)
        self.trainable: Trainable = trainable
        self.freeze_bn = freeze_bn
        self.train_classifier = train_classifier
        self.train(network.training)

    @property
    def encoder(self) -> nn.Module:
        """The network's encoder that is compared with the source: the first of those that it may have."""
        return self.network.find_encoder()

    def encoder_parameters(self) -> list[nn.Parameter]:
        """Those of the encoder's parameters that learn."""
        return [parameter for parameter in self.encoder.parameters() if parameter.requires_grad]

    def train(self, mode: bool = True) -> Distiller:
        """Sets the mode of all parts but those that are frozen, which stay in evaluation mode."""
        super().train(mode)
        if mode:
            for encoder in self.network.find_encoders():
                hold_frozen(encoder, self.trainable, self.freeze_bn)
            if self.classifier is not None and not self.train_classifier:
                self.classifier.eval()
        return self

    def training_arguments(
        self, image: torch.Tensor, points: torch.Tensor, status: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Arguments of the network's forward in training beside the image."""
        return self.network.training_arguments(image, points, status)

    def forward(self, image: torch.Tensor, **arguments: Any) -> DistilledOutput:
        """The network's output for (B, C, H, W) images, with the features and logits to compare.

        Args:
            image: (B, C, H, W).
            arguments: further arguments of the network.

        Raises:
            InputError: the encoder's features have another shape than the source's, or images that one of both refuses.
        """
        if self.source is None:
            return DistilledOutput(self.network(image, **arguments))
        seen: list[tuple[torch.Tensor, Any]] = []

        def look(module: nn.Module, given: tuple[torch.Tensor, ...], answer: Any) -> None:
            if not seen:
                seen.append((given[0], answer))

        # Only for this pass: a lasting hook would tie copies of the network to this module.
        hook = self.encoder.register_forward_hook(look)
        try:
            output = self.network(image, **arguments)
        finally:
            hook.remove()
        if not seen:
            raise InputError(
                f"The network {type(self.network).__name__} does not use its part {self.network.encoder_path!r}: "
                "its encoder_path has to name its encoder."
            )
        given, answer = seen[0]
        return self._compared(output, given, answer if isinstance(answer, torch.Tensor) else answer[-1])

    def _compared(self, output: NetworkOutput, given: torch.Tensor, f_t: torch.Tensor) -> DistilledOutput:
        assert self.source is not None
        wanted = self.source(given)
        if f_t.shape != wanted.features.shape:
            raise InputError(
                f"The encoder {self.network.encoder_path!r} answers with features {tuple(f_t.shape)} and the source "
                f"{self.source.architecture} with {tuple(wanted.features.shape)}: take one of the same architecture."
            )
        g_t = None if self.classifier is None else self.classifier(f_t)
        return DistilledOutput(output, wanted.features, f_t, wanted.logits, g_t)


def set_trainable(encoder: nn.Module, trainable: Trainable) -> None:
    """Turns the gradients of an encoder's parameters on and off.

    Args:
        encoder: the encoder.
        trainable: what learns; for ``last_block`` see :func:`~monai_ext.networks.encoders.last_block`.

    Raises:
        InputError: an unknown choice.
    """
    if trainable not in TRAINABLE:
        raise InputError(f"The trainable part of an encoder must be one of {', '.join(TRAINABLE)}, not {trainable!r}.")
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

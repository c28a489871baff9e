"""The loss of cross-task distillation: that of the heatmaps and the distances from a source classifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch

from monai_ext.landmarks import CROSS_TASK_TEMPERATURE, CROSS_TASK_WEIGHT, InputError
from monai_ext.networks import DistilledOutput

from .landmark_loss import GradientRatio, LandmarkLoss, TrainingLoss

#: What of the features is compared: the whole map as one vector, its mean over the pixels, or each pixel's vector.
Level = Literal["map", "pooled", "pixel"]

LEVELS: tuple[Level, ...] = ("map", "pooled", "pixel")

#: A vector shorter than this has no direction.
SHORTEST = 1e-6

#: The rows of the paper's table 1: fine tuning, either regulariser, both.
Mode = Literal["FT", "CD", "ED", "Com"]

_TERMS: dict[Mode, tuple[float, float]] = {"FT": (0.0, 0.0), "CD": (1.0, 0.0), "ED": (0.0, 1.0), "Com": (1.0, 1.0)}


def mode_weights(mode: Mode, weight: float = CROSS_TASK_WEIGHT) -> tuple[float, float]:
    """``(lambda_cd, lambda_ed)`` of a row of the paper's table.

    Raises:
        InputError: an unknown mode.

    Examples:
        >>> mode_weights("ED")
        (0.0, 0.002)
    """
    if mode not in _TERMS:
        raise InputError(f"The mode of cross-task distillation must be one of {', '.join(_TERMS)}, not {mode!r}.")
    classifier, encoder = _TERMS[mode]
    return classifier * weight, encoder * weight


def classifier_distance(g_s: torch.Tensor, g_t: torch.Tensor, temperature: float = 2.0) -> torch.Tensor:
    """L_CD: mean over the batch of ``||softmax(g_s / mu) - softmax(g_t / mu)||^2``, in [0, 2].

    Equation 3 of Fu et al., MLMI 2020. Computed in float32; exactly 0 for equal logits.

    Args:
        g_s: (B, N) logits of the source.
        g_t: (B, N) logits of the target.
        temperature: mu.
    """
    with torch.autocast(g_t.device.type, enabled=False):
        source, target = ((g.float() / temperature).softmax(1) for g in (g_s, g_t))
        return (source - target).square().sum(1).mean()


def encoder_distance(f_s: torch.Tensor, f_t: torch.Tensor, level: Level = "map") -> torch.Tensor:
    """L_ED: 1 - mean of the cosine between the features, over the batch and, for ``pixel``, the pixels; in [0, 2].

    Equation 4 of Fu et al., MLMI 2020, with the mean over the batch in place of a sum, whose minimum would be 1 - B.
    It is computed in float32 as half the squared distance of the unit vectors, which is the same number and exactly 0
    for equal features. A vector of zeros has no direction: it is 0 from another one and 1/2 from any unit vector.

    Args:
        f_s: (B, C, h, w) features of the source.
        f_t: (B, C, h, w) features of the target.
        level: what is compared.

    Raises:
        InputError: an unknown level, or features of different shapes.
    """
    if level not in LEVELS:
        raise InputError(f"The level of a feature comparison must be one of {', '.join(LEVELS)}, not {level!r}.")
    if f_s.shape != f_t.shape:
        raise InputError(
            f"Features to compare must have the same shape, not {tuple(f_s.shape)} and {tuple(f_t.shape)}."
        )
    with torch.autocast(f_t.device.type, enabled=False):
        source, target = (_unit(_vectors(f.float(), level)) for f in (f_s, f_t))
        return 0.5 * (source - target).square().sum(1).mean()


def _vectors(features: torch.Tensor, level: Level) -> torch.Tensor:
    """(B, D) or (B, D, P) vectors along the second axis."""
    if level == "map":
        return features.flatten(1)
    return features.mean((2, 3)) if level == "pooled" else features.flatten(2)


def _unit(vectors: torch.Tensor) -> torch.Tensor:
    """Vectors of length 1; those without a direction become zeros, with a gradient of zeros."""
    squares = vectors.square().sum(1, keepdim=True)
    directed = squares > SHORTEST**2
    length = torch.where(directed, squares, 1.0).sqrt()
    return torch.where(directed, vectors / length, 0.0)


class CrossTaskTerms(NamedTuple):
    """The parts of the loss, scalars without their weights; a part of weight 0 is 0.

    Attributes:
        regression: L_R, the loss of the heatmaps (and of presence).
        classifier: L_CD.
        encoder: L_ED.
    """

    regression: torch.Tensor
    classifier: torch.Tensor
    encoder: torch.Tensor


class CrossTaskLoss(TrainingLoss):
    """``L = L_R + lambda_cd * L_CD + lambda_ed * L_ED`` of a Distiller's output.

    A regulariser of weight 0 is not computed. With source and target alike and both in evaluation mode, both
    regularisers are exactly 0.

    Args:
        task: L_R, of the network's own output.
        lambda_cd: weight of the classifier's distance.
        lambda_ed: weight of the encoder's distance.
        temperature: mu of the class probabilities.
        level: the features compared; see :func:`encoder_distance`.

    Raises:
        InputError: a negative weight, a temperature that is not positive, or an unknown level.

    Source: Fu et al., Cross-Task Representation Learning for Anatomical Landmark Detection, MLMI 2020, section 2.2.
    """

    def __init__(
        self,
        task: LandmarkLoss,
        lambda_cd: float = 0.0,
        lambda_ed: float = CROSS_TASK_WEIGHT,
        temperature: float = CROSS_TASK_TEMPERATURE,
        level: Level = "map",
    ) -> None:
        super().__init__()
        if min(lambda_cd, lambda_ed) < 0 or temperature <= 0:
            raise InputError(
                "The weights of a cross-task loss must be 0 or more and its temperature positive, "
                f"not {lambda_cd}, {lambda_ed} and {temperature}."
            )
        if level not in LEVELS:
            raise InputError(f"The level of a feature comparison must be one of {', '.join(LEVELS)}, not {level!r}.")
        self.task = task
        self.lambda_cd, self.lambda_ed = lambda_cd, lambda_ed
        self.temperature = temperature
        self.level: Level = level
        self._measured: tuple[Sequence[torch.Tensor], float] | None = None

    def forward(self, output: DistilledOutput, points: torch.Tensor, status: torch.Tensor) -> torch.Tensor:
        """The loss, a float32 scalar.

        Args:
            output: what the Distiller returned.
            points: (B, K, 2) points (x, y) in pixels of the network input; ignored where not defined.
            status: (B, K) codes of Status.

        Raises:
            InputError: a regulariser has a weight but the output has nothing to compute it from.
        """
        terms = self.terms(output, points, status)
        if self._measured is not None:
            self.gradients = self._ratio(terms, *self._measured)
            self._measured = None
        return terms.regression + self.lambda_cd * terms.classifier + self.lambda_ed * terms.encoder

    def terms(self, output: DistilledOutput, points: torch.Tensor, status: torch.Tensor) -> CrossTaskTerms:
        """The parts of the loss; arguments and errors as of :meth:`forward`."""
        regression = self.task(output.output, points, status)
        nothing = regression.new_zeros(())
        classifier = encoder = nothing
        if self.lambda_cd:
            if output.g_s is None or output.g_t is None:
                raise InputError(
                    "The loss compares class probabilities but there is no source with a classifier: "
                    "give one, or set lambda_cd to 0."
                )
            classifier = classifier_distance(output.g_s, output.g_t, self.temperature)
        if self.lambda_ed:
            if output.f_s is None or output.f_t is None:
                raise InputError("The loss compares features but there is no source: give one, or set lambda_ed to 0.")
            encoder = encoder_distance(output.f_s, output.f_t, self.level)
        return CrossTaskTerms(regression, classifier, encoder)

    def measure_next(self, parameters: Sequence[torch.Tensor], scale: float = 1.0) -> None:
        """Asks the next call for :attr:`gradients`, at the cost of three more backward passes of that call alone.

        Args:
            parameters: the encoder's, e.g. ``distiller.encoder_parameters()``.
            scale: what the losses are multiplied by on the way back, as in mixed precision; norms are true ones.

        Raises:
            InputError: there are no parameters.
        """
        if not parameters:
            raise InputError("A gradient ratio needs an encoder that learns: its trainable part is empty.")
        self._measured = (parameters, scale)

    def _ratio(self, terms: CrossTaskTerms, parameters: Sequence[torch.Tensor], scale: float) -> GradientRatio:
        weights = (1.0, self.lambda_cd, self.lambda_ed)
        regression, classifier, encoder = (
            _gradient(weight * term, parameters, scale) for weight, term in zip(weights, terms, strict=True)
        )
        ratio = (classifier + encoder).norm() / regression.norm()
        return GradientRatio(regression.norm(), classifier.norm(), encoder.norm(), ratio)


def _gradient(term: torch.Tensor, parameters: Sequence[torch.Tensor], scale: float) -> torch.Tensor:
    """(P,) gradient of a scalar with respect to all parameters; zeros where it does not depend on them."""
    if not term.requires_grad:
        return torch.zeros(sum(p.numel() for p in parameters), device=term.device)
    gradients = torch.autograd.grad(term * scale, parameters, retain_graph=True, materialize_grads=True)
    return torch.cat([gradient.flatten().float() for gradient in gradients]) / scale

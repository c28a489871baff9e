"""The loss that a protocol's network is trained with."""

from __future__ import annotations

from monai_ext.landmarks import CrossTask, Protocol
from monai_ext.transforms import Sigma

from .cross_task_loss import CrossTaskLoss
from .heatmap_loss import build_heatmap_loss
from .landmark_loss import LandmarkLoss, TrainingLoss


def build_loss(name: str, sigma: Sigma, presence: bool) -> LandmarkLoss:
    """Builds the loss of heatmaps of a name, with presence weighed to its scale, or without it.

    Raises:
        InputError: see :func:`~monai_ext.losses.heatmap_loss.build_heatmap_loss`.
    """
    heatmap = build_heatmap_loss(name, sigma)
    return LandmarkLoss(heatmap, heatmap.presence_weight if presence else None)


def build_training_loss(protocol: Protocol) -> TrainingLoss:
    """Builds the loss of a protocol's recipe, that of cross-task distillation where it has a source.

    Raises:
        InputError: see :func:`build_loss`, or a sum of a loss that has none.
    """
    config, recipe = protocol.network, protocol.recipe
    loss = build_loss(recipe.loss, config.sigma, config.presence)
    loss.weights = config.stage_weights
    return loss if recipe.cross_task is None else build_cross_task_loss(recipe.cross_task, loss)


def build_cross_task_loss(config: CrossTask, task: LandmarkLoss) -> CrossTaskLoss:
    """Builds the loss of a recipe's cross-task block.

    Args:
        config: the block.
        task: the loss of the heatmaps; with ``reduction`` sum its mean squared error becomes the paper's sum, and the
            presence's weight fits it.

    Raises:
        InputError: a sum of another loss than the squared error.
    """
    if config.reduction == "sum":
        heatmap = task.heatmap.summed()
        weight = None if task.presence_weight is None else heatmap.presence_weight
        task = LandmarkLoss(heatmap, weight, task.weights)
    return CrossTaskLoss(task, config.lambda_cd, config.lambda_ed, config.temperature, config.level)

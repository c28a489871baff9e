"""What the numbers of an ablation's tables mean, as the document says it above them."""

from __future__ import annotations

from monai_ext.networks import machine

from .ablation import Ablation
from .ablation_scores import Measures


def caption(ablation: Ablation, measures: Measures, command: str, recipe: str, finished: int) -> str:
    """Paragraphs of Markdown.

    Args:
        ablation: the rows and their recipe.
        measures: what was measured.
        command: that asked for it.
        recipe: name of the recipe.
        finished: how many cells are.
    """
    lines = [
        f"{finished} of {len(ablation.cells)} cells are finished. Numbers are mean ± sample standard deviation over "
        f"seeds, on the {len(ablation.reported)} images of the split `{ablation.settings.split}`; best in bold.",
        _training(ablation, recipe),
        _lengths(measures),
        _costs(ablation),
        f"Command: `{command}`",
    ]
    return "\n\n".join(lines)


def _training(ablation: Ablation, recipe: str) -> str:
    own, network = ablation.protocol.recipe, ablation.protocol.network
    steps = {ablation.length(size).steps for size in ablation.sizes}
    same = "the same number of optimiser steps" if len(steps) == 1 else "the number of optimiser steps that is stated"
    crop = own.augmentation.crop
    seen = f"{network.input_size.width} x {network.input_size.height}"
    crops = "" if crop is None else f", trained on crops of {crop.width} x {crop.height}"
    return (
        f"Every run has the recipe `{recipe}` ({own.optimizer}, schedule {own.schedule}, learning rate "
        f"{own.learning_rate:g}, batch {own.batch_size}, loss {own.loss}) and {same}. Its weights are those after the "
        "last step, chosen by no error on the reported images. The training images of a size are the same for all "
        "rows, drawn anew for each seed; those of a smaller size are among those of a larger one. Network input "
        f"{seen}{crops}."
    )


def _lengths(measures: Measures) -> str:
    unit = "pixels of the original images" if measures.unit == "px" else "mm"
    normalized = ""
    if measures.between:
        normalized = f" NME: ME in percent of the distance between {' and '.join(measures.between)} of the same image."
    return (
        f"Lengths are in {unit}. L2: mean over all landmarks of the distance to the truth, read off the heatmaps with "
        f"`{measures.decoder}`, and beside it with `{measures.other_decoder}`. Coarse L2: of the coarse stage of the "
        "same networks. SDR: share of landmarks at most that far off. ME: mean over images of an image's mean error. "
        "FR: share of images whose mean error is above the threshold. AUC: area under the cumulative error curve of "
        f"the images from 0 to the limit, over the limit.{normalized}"
    )


def _costs(ablation: Ablation) -> str:
    here = machine(ablation.device)
    return (
        "img/s: one image at a time, from tensor to points, median. Training MiB: what a training step of batch "
        f"{ablation.protocol.recipe.batch_size} adds to the memory in use. Both on {here['device']}, "
        f"{here['threads']} threads, beside whatever else ran. Training s: whole time of a run with its validations. "
        "Gradient ratio: size of the regularisers' gradient over that of the heatmap loss, at the encoder, mean over "
        "the run's validations."
    )

"""Explanation of a page, in plain words."""

from __future__ import annotations

from collections.abc import Collection

from .content import Note, Section
from .sources import Kind

_OF_EVALUATIONS = (
    "Radial error: the distance between a predicted point and the true one. In px it is in pixels of the original "
    "image file; in mm only where every image states its real pixel size.",
    "Mean radial error: the mean of that distance over all landmarks of all images. The 95 % interval says how "
    "far the mean could lie elsewhere with other images of the same kind: images were drawn again and again at "
    "random from these ones, and 95 of 100 such means lie in it. It says nothing about images of another kind, "
    "camera or hospital.",
    "Median: half of the errors are smaller. Where it is far below the mean, a few large errors make up the mean: "
    "look at the worst images.",
    "Success detection rate: the share of landmarks at most that far from the truth.",
    "Failure: an image whose mean error lies above the stated limit.",
    "Cumulative error: the higher a line runs on the left, the better. AUC is the area below it up to the limit, "
    "1 at best.",
    "How this model fails: groups of landmarks with something in common, such as low contrast or a position near the "
    "edge, are compared with the rest. A group with larger errors shows where to expect errors; it does not prove a "
    "cause.",
    "Missed: a landmark that is there was predicted as missing. False alarm: one that is missing was predicted as "
    "there. Neither has a distance, so that they are counted apart: a model that leaves out what is hard has a "
    "small mean error and many misses.",
)
_OF_KINDS = {
    Kind.UNCERTAINTY: (
        "Reliability: where a model promises that 90 % of the true points lie within its circles, do 90 %? On the "
        "diagonal the promise is kept; below it the circles are too small."
    ),
    Kind.TRAINING: (
        "Training: the error on the validation images while a network learned. Where the weights with the least error "
        "were kept, as is usual, this least error is a little too good to be true for new images; where the last were "
        "kept, the last error is an honest one."
    ),
    Kind.SIMULATION: (
        "Simulated active learning: how the error falls with the number of labelled images, for each way to "
        "choose what is labelled next. The band is one standard deviation over repetitions."
    ),
    Kind.ABLATION: (
        "Ablation: the same training with parts of the method left out; mean ± sample standard deviation over "
        "repetitions."
    ),
}
_OF_AGREEMENT = (
    "Agreement: how far people moved the points that a model had proposed before they submitted them. People tend "
    "to leave a point that is nearly right, so that this is no error against an independent truth."
)


def reading_section(kinds: Collection[Kind], *, agreement: bool) -> Section:
    """The words that the page needs.

    Args:
        kinds: of the files of the page.
        agreement: whether it reports on submitted labels.
    """
    texts = list(_OF_EVALUATIONS) if Kind.EVALUATION in kinds else []
    texts += [text for kind, text in _OF_KINDS.items() if kind in kinds]
    texts += [_OF_AGREEMENT] if agreement else []
    texts.append(
        "These numbers describe research software on the images that they were measured on. It is not a medical device."
    )
    return Section("How to read this", [Note(text) for text in texts])

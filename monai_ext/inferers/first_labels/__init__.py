"""Landmarks of a few labelled images found in others by pretrained features, while there is no network yet."""

from typing import TYPE_CHECKING

from monai_ext.faces import lazy_face

if TYPE_CHECKING:
    from .features import FeatureEncoder, Seen
    from .first_labels import MOST, FirstLabels, LabelledView, LeftOut, Proposal
    from .labelled_files import FileMatcher

__all__ = [
    "MOST",
    "FeatureEncoder",
    "FileMatcher",
    "FirstLabels",
    "LabelledView",
    "LeftOut",
    "Proposal",
    "Seen",
]

lazy_face(__name__)

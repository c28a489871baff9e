"""Changes of a studies folder without a server, which the server's store takes in as its own."""

from .remapping import Remapping, find_remappings, remap
from .replaced_labels import LabelReplacement, replace_labels

__all__ = ["LabelReplacement", "Remapping", "find_remappings", "remap", "replace_labels"]

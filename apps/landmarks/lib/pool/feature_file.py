"""The features of images on disk, beside the index, which they would make slow to write."""

from __future__ import annotations

import io
import logging
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from monai_ext.landmarks.files import write_atomically
from monai_ext.landmarks.geometry import FloatArray

from .score_table import ImageScore

logger = logging.getLogger(__name__)

#: Below the studies folder; a name with a dot in front is no image and no label.
FOLDER = ".pool"


class FeatureFile:
    """``.pool/<protocol>.npz`` of a studies folder; what is lost is found out anew.

    Args:
        studies: the folder.
        protocol: the name of the protocol.
    """

    def __init__(self, studies: Path, protocol: str) -> None:
        self.path = studies / FOLDER / f"{protocol}.npz"

    def write(self, weights: str, images: Mapping[str, ImageScore]) -> None:
        """Replaces the file by the features of images that one model gave.

        Raises:
            OSError: it cannot be written; the old one stays.
        """
        known = {image: score for image, score in images.items() if score.features is not None}
        content = io.BytesIO()
        np.savez(
            content,
            weights=np.array(weights),
            images=np.array(list(known), dtype=np.str_),
            files=np.array([score.file for score in known.values()], dtype=np.str_),
            features=np.array([score.features for score in known.values()], dtype=np.float32),
        )
        write_atomically(self.path, content.getvalue())

    def read(self, weights: str) -> dict[tuple[str, str], FloatArray]:
        """The features (F,) that a model gave, by image and state of its file; none where the file is lost."""
        try:
            with np.load(self.path, allow_pickle=False) as content:
                if str(content["weights"]) != weights:
                    return {}
                images, files, features = (content[name] for name in ("images", "files", "features"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            logger.warning("%s cannot be read (%s): the features of its images are found out anew.", self.path, error)
            return {}
        return {(str(image), str(file)): row for image, file, row in zip(images, files, features, strict=True)}

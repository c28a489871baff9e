"""Distance of an image from the training images of a model, in the features of the network's encoder.

The features of an image are means and standard deviations over the encoder's maps. Those of the training images are
described by a Gaussian of a few axes and an equal rest, as of probabilistic principal components (Tipping and Bishop,
1999), and the distance of an image is Mahalanobis' (Lee et al., NeurIPS 2018). From which distance on an image counts
as unlike them is known from images that the model has not learned from.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monai_ext.landmarks import FloatArray, InputError, write_atomically

from .conformal import conformal_rank

#: Share of images like those of the training that may be taken for unlike ones.
FALSE_ALARMS = 0.03
#: The threshold over their distance: images of other cameras lie a little farther, foreign ones farther still.
MARGIN = 1.15
#: Axes of the spread, at most; and training images for each of them, at least.
AXES, IMAGES_PER_AXIS = 32, 4
#: Bytes of the axes on disk, at most.
AXES_BYTES = 131_072
#: Least standard deviation of a feature, as a share of the largest one.
LEAST_SCALE = 1e-3
#: Least variance of the rest, of standardised features: what rounding makes of features that do not vary.
LEAST_VARIANCE = 1e-4
#: The fewest distances of images that were held out which a threshold is taken from.
FEWEST = 5

MESSAGE = "This image is unlike those that the model was trained on; check every point."
_FORMAT = 1


class Unfamiliar(NamedTuple):
    """An image that is unlike those of a model's training.

    Attributes:
        distance: of its features from theirs.
        threshold: what that is above.
    """

    distance: float
    threshold: float

    def to_dict(self) -> dict[str, float | str]:
        """As plain JSON, with a sentence for the person who reads the answer."""
        return {"distance": self.distance, "threshold": self.threshold, "message": MESSAGE}


@dataclass(frozen=True)
class Familiarity:
    """Distribution of the features of a model version's training images.

    Attributes:
        protocol: name of the protocol.
        version: of the model.
        sha256: of its weights.
        images: that the spread was fitted to, copies included.
        held_out: distances that the threshold was taken from.
        threshold: the largest distance that is no reason for a warning.
        mean: (F,) of the features.
        scale: (F,) their standard deviations.
        axes: (D, F) orthonormal directions in standardised features.
        variances: (D,) along them.
        rest: variance along every other direction.
    """

    protocol: str
    version: str
    sha256: str
    images: int
    held_out: int
    threshold: float
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    axes: NDArray[np.float32]
    variances: FloatArray
    rest: float

    def distances(self, features: ArrayLike) -> FloatArray:
        """(N,) Mahalanobis distances of (N, F) features.

        Raises:
            InputError: they are not F numbers each.
        """
        given = np.asarray(features, dtype=np.float64)
        if given.ndim != 2 or given.shape[1] != len(self.mean):
            raise InputError(
                f"The familiarity of {self.protocol} {self.version} is of {len(self.mean)} features, not of "
                f"{given.shape}: fit it again with `monai-landmarks familiarity`."
            )
        return _distances((given - self.mean) / self.scale, self.axes, self.variances, self.rest)

    def judge(self, features: ArrayLike) -> Unfamiliar | None:
        """Returns what is wrong with one image of (1, F) features; None if it is like those of the training."""
        distance = float(self.distances(features)[0])
        return Unfamiliar(distance, self.threshold) if not distance <= self.threshold else None


def _distances(z: FloatArray, axes: NDArray[np.float32], variances: FloatArray, rest: float) -> FloatArray:
    along = z @ axes.T.astype(np.float64)
    beside = np.maximum((z**2).sum(1) - (along**2).sum(1), 0)
    return np.asarray(np.sqrt((along**2 / variances).sum(1) + beside / rest))


def fit_familiarity(
    trained: ArrayLike, held_out: ArrayLike, *, protocol: str, version: str = "", sha256: str = ""
) -> Familiarity:
    """Fits the spread of features and the threshold.

    Args:
        trained: (N, F) features of images that the model was trained on, copies as training changes them included.
        held_out: (M, F) features of images that it has not learned from, with such copies.
        protocol: name of the protocol.
        version: of the model; none yet where it is published later.
        sha256: of its weights, likewise.

    Raises:
        InputError: fewer than two images, fewer than :data:`FEWEST` that were held out, or features that are not
            finite or differ in number.
    """
    known, others = (np.asarray(part, dtype=np.float64) for part in (trained, held_out))
    if known.ndim != 2 or others.ndim != 2 or known.shape[1] != others.shape[1]:
        raise InputError(f"Features must be (N, F) and (M, F), not {known.shape} and {others.shape}.")
    if len(known) < 2 or len(others) < FEWEST:
        raise InputError(
            f"The familiarity needs at least 2 training images and {FEWEST} held-out ones, not {len(known)} and "
            f"{len(others)}: give more."
        )
    if not (np.isfinite(known).all() and np.isfinite(others).all()):
        raise InputError("The features of an image are not finite: the weights are damaged; train the model again.")
    deviations = known.std(0)
    least = LEAST_SCALE * deviations.max() if deviations.max() > 0 else 1.0
    mean, scale = known.mean(0).astype(np.float32), np.maximum(deviations, least).astype(np.float32)
    z = (known - mean) / scale
    axes, variances, rest = _spread(z)
    found = Familiarity(protocol, version, sha256, len(known), len(others), 0.0, mean, scale, axes, variances, rest)
    return replace(found, threshold=_threshold(found.distances(others)))


def _spread(z: FloatArray) -> tuple[NDArray[np.float32], FloatArray, float]:
    """The axes of (N, F) standardised features, the variances along them and of the rest, the axes as they are kept."""
    count, width = z.shape
    number = min(AXES, count // IMAGES_PER_AXIS, width // 2, AXES_BYTES // (4 * width))
    _, lengths, directions = np.linalg.svd(z, full_matrices=False)
    spread = lengths**2 / count
    rest = max(float(spread[number:].sum()) / max(width - number, 1), LEAST_VARIANCE)
    return directions[:number].astype(np.float32), np.maximum(spread[:number], rest), rest


def _threshold(distances: FloatArray) -> float:
    """Above the distance that a further image exceeds with the probability of a false alarm; of few, the largest."""
    ordered = np.sort(distances)
    rank = conformal_rank(len(ordered), 1 - FALSE_ALARMS) or len(ordered)
    return MARGIN * float(ordered[rank - 1])


def familiarity_path(folder: Path, version: str) -> Path:
    """Path of what a version knows, in a model folder."""
    return Path(folder) / f"{version}.familiar.npz"


def write_familiarity(folder: Path, familiarity: Familiarity) -> Path:
    """Writes it beside the weights, whole or not at all; its path.

    Raises:
        OSError: the folder cannot be written.
    """
    path = familiarity_path(folder, familiarity.version)
    buffer = io.BytesIO()
    values = {field.name: np.asarray(getattr(familiarity, field.name)) for field in fields(familiarity)}
    np.savez(buffer, format=np.asarray(_FORMAT), **values)
    write_atomically(path, buffer.getvalue())
    return path


def read_familiarity(folder: Path, version: str, sha256: str) -> Familiarity | None:
    """Reads the familiarity of a version; None if the model folder has none.

    Args:
        folder: of the model.
        version: of the model.
        sha256: of its weights, as its card says.

    Raises:
        InputError: the file is damaged, or of other weights.
    """
    path = familiarity_path(folder, version)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            found = _parsed({name: stored[name] for name in stored.files})
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path}, which tells the model's training images from others, is damaged ({error}); remove it, and fit "
            "it again with `monai-landmarks familiarity`."
        ) from None
    if (found.version, found.sha256) != (version, sha256):
        raise InputError(
            f"{path} is of other weights (version {found.version}, SHA-256 {found.sha256[:12]}...); remove it, and fit "
            "it again with `monai-landmarks familiarity`."
        )
    return found


def _parsed(stored: dict[str, NDArray[Any]]) -> Familiarity:
    """The object that was stored.

    Raises:
        ValueError, KeyError, TypeError: it is not whole.
    """
    if int(stored.pop("format")) != _FORMAT:
        raise ValueError(f"it is not of format {_FORMAT}")
    values: dict[str, Any] = {name: value.item() if value.ndim == 0 else value for name, value in stored.items()}
    found = Familiarity(**values)
    width = len(found.mean)
    shapes: Sequence[tuple[int, ...]] = (found.scale.shape, found.variances.shape, found.axes.shape)
    if tuple(shapes) != ((width,), (len(found.axes),), (len(found.axes), width)):
        raise ValueError(f"arrays of the shapes {', '.join(map(str, shapes))} for {width} features")
    numbers = (found.mean, found.scale, found.axes, found.variances, [found.rest, found.threshold])
    if (
        not all(np.isfinite(part).all() for part in numbers)
        or min(found.scale.min(), found.rest, *found.variances) <= 0
    ):
        raise ValueError("numbers that are not finite or not positive")
    return found

"""Two opinions on the landmarks of many images, compared landmark by landmark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monai_ext.evaluation.evaluate import common_unit, distances
from monai_ext.landmarks import FloatArray, InputError, Landmarks, Status, Unit
from monai_ext.studies import ReadImage, reader_key

#: What the label that both readers make together is called.
CONSENSUS = "consensus"
#: An image, what one says of it, and what the other says.
Opinions = tuple[str, Landmarks, Landmarks]


@dataclass(frozen=True)
class LandmarkRow:
    """The agreement on one landmark, or on all.

    Attributes:
        landmark: its name; "all" for all together.
        points: how many distances were measured: where both placed it.
        mean: distance, in the unit of the comparison; NaN where none was measured, as the two below.
        median: distance.
        p95: the 95th percentile of the distances, interpolated linearly.
        stated: in how many images both say whether it is there: it is placed or missing.
        agreed: in how many of them they say the same.
    """

    landmark: str
    points: int
    mean: float
    median: float
    p95: float
    stated: int
    agreed: int


@dataclass(frozen=True)
class Comparison:
    """N images of which two opinions on K landmarks are compared.

    Attributes:
        first: who.
        second: with whom.
        unit: of the distances.
        names: the landmarks.
        images: the image IDs.
        distances: (N, K); NaN where one of the two has no point.
        status: (N, K, 2) codes of :class:`~monai_ext.landmarks.Status`; None if the distances alone are known.
    """

    first: str
    second: str
    unit: Unit
    names: tuple[str, ...]
    images: tuple[str, ...]
    distances: FloatArray
    status: NDArray[np.int8] | None = None

    @property
    def title(self) -> str:
        return f"{self.first} – {self.second}"

    def rows(self) -> list[LandmarkRow]:
        """One for each landmark, and one for all."""
        rows = [self._row(name, self.distances[:, k], k) for k, name in enumerate(self.names)]
        return [*rows, self._row("all", self.distances.ravel(), None)]

    def _row(self, name: str, distances: FloatArray, k: int | None) -> LandmarkRow:
        known = distances[~np.isnan(distances)]
        nothing = not len(known)
        stated = agreed = 0
        if self.status is not None:
            codes = self.status.reshape(-1, 2) if k is None else self.status[:, k]
            said = (codes != Status.UNDEFINED).all(axis=-1)
            stated, agreed = int(said.sum()), int((said & (codes[..., 0] == codes[..., 1])).sum())
        return LandmarkRow(
            landmark=name,
            points=len(known),
            mean=np.nan if nothing else float(known.mean()),
            median=np.nan if nothing else float(np.median(known)),
            p95=np.nan if nothing else float(np.percentile(known, 95)),
            stated=stated,
            agreed=agreed,
        )


def compare(first: str, second: str, opinions: Iterable[Opinions], unit: Unit | None = None) -> Comparison:
    """Compares the landmarks of two.

    Args:
        first: who.
        second: with whom.
        opinions: at least one; all have the same landmarks in the same order, both of one image its frame.
        unit: mm or px; None takes mm where all images are calibrated.

    Raises:
        InputError: mm is requested, and an image has no pixel size.
    """
    rows = list(opinions)
    unit = unit or common_unit(a.frame for _, a, _ in rows)
    for image, a, _ in rows:
        if unit == "mm" and a.frame.spacing is None:
            raise InputError(f"The image {image!r} has no pixel size, so its distances are not known in mm: use px.")
    apart = np.stack([distances(a, b, unit) for _, a, b in rows])
    status = np.stack([np.stack([a.status, b.status], axis=-1) for _, a, b in rows])
    return Comparison(first, second, unit, rows[0][1].names, tuple(image for image, _, _ in rows), apart, status)


def compare_readers(images: Sequence[ReadImage], unit: Unit | None = None) -> list[Comparison]:
    """The readers of the images compared with each other: one comparison for each two names.

    Names are told apart as :func:`~monai_ext.studies.reader_key` does; the first spelling is shown.

    Raises:
        InputError: as :func:`compare`; an image has two labels of one reader.
    """
    unit, shown = unit or unit_of(images), _spellings(images)
    pairs: dict[tuple[str, ...], list[Opinions]] = {}
    for read in images:
        by_key = {reader_key(name): landmarks for name, landmarks in read.readers.items()}
        if len(by_key) < len(read.readers):
            raise InputError(f"{read.image} has two labels of one reader: {' and '.join(map(repr, read.readers))}.")
        first, second = sorted(by_key)
        pairs.setdefault((first, second), []).append((read.image, by_key[first], by_key[second]))
    found = [
        compare(shown[first], shown[second], opinions, unit) for (first, second), opinions in sorted(pairs.items())
    ]
    if len(found) > 1:
        everybody = [opinions for pair in pairs.values() for opinions in pair]
        found.insert(0, compare("one reader", "the other", everybody, unit))
    return found


def compare_predictions(
    images: Sequence[ReadImage], network: str, found: Mapping[str, Landmarks], unit: Unit | None = None
) -> list[Comparison]:
    """A network compared with what the readers say together, and with each of them.

    Args:
        images: read by two.
        network: what it is called.
        found: its landmarks by image ID.
        unit: as in :func:`compare`.

    Raises:
        InputError: as :func:`compare`.
    """
    unit, shown = unit or unit_of(images), _spellings(images)
    together = [(read.image, found[read.image], read.consensus.landmarks) for read in images]
    opinions: dict[str, list[Opinions]] = {CONSENSUS: together}
    for read in images:
        for name, landmarks in sorted(read.readers.items()):
            spelling = shown[reader_key(name)]
            opinions.setdefault(spelling, []).append((read.image, found[read.image], landmarks))
    return [compare(network, name, rows, unit) for name, rows in opinions.items()]


def compare_noted(
    images: Sequence[ReadImage], names: tuple[str, ...], unit: Unit | None = None
) -> tuple[list[Comparison], int]:
    """The proposals of networks compared with the readers, by what the server noted when labels were submitted.

    Args:
        images: read by two.
        names: the landmarks.
        unit: as in :func:`compare`.

    Returns:
        The comparisons, and how many labels are left out whose distances were noted in another unit.
    """
    unit, shown = unit or unit_of(images), _spellings(images)
    noted: dict[tuple[str, str], list[tuple[str, FloatArray]]] = {}
    others = 0
    for read in images:
        for reader, first in read.proposed.items():
            version, moved = first["model_version"], first["displacement"]
            if not isinstance(version, str) or not isinstance(moved, Mapping):
                continue
            if first["unit"] != unit:
                others += 1
                continue
            row = [moved.get(name) for name in names]
            known = np.array([np.nan if value is None else value for value in row], dtype=np.float64)
            name = shown.get(reader_key(reader), reader) or CONSENSUS
            noted.setdefault((version, name), []).append((read.image, known))
    found = [
        Comparison(version, reader, unit, names, tuple(image for image, _ in rows), np.stack([d for _, d in rows]))
        for (version, reader), rows in sorted(noted.items(), key=lambda item: (item[0][0], item[0][1] != CONSENSUS))
    ]
    return found, others


def _spellings(images: Sequence[ReadImage]) -> dict[str, str]:
    """The first spelling of each reader's name, by its key."""
    found: dict[str, str] = {}
    for read in images:
        for name in read.readers:
            found.setdefault(reader_key(name), name)
    return found


def unit_of(images: Sequence[ReadImage]) -> Unit:
    """Millimetres where all images are calibrated, else pixels."""
    return common_unit(next(iter(read.readers.values())).frame for read in images)

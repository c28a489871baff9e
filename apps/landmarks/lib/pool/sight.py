"""What the background worker sees in an image, and how other parts of the app get to see it too."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol

from monai_ext.active import Predictions
from monai_ext.images import read_frame
from monai_ext.landmarks import Landmarks


class Sight(NamedTuple):
    """What the current model of a protocol found in one image of the studies.

    Attributes:
        protocol: the name of the protocol.
        image: the ID of the image.
        path: its file.
        model_version: of the model.
        names: of the K landmarks.
        predictions: of this one image, B = 1.
        score: how unsure the model is of the image.
    """

    protocol: str
    image: str
    path: Path
    model_version: str
    names: tuple[str, ...]
    predictions: Predictions
    score: float

    def landmarks(self) -> Landmarks:
        """The found points in the frame of the image, as a prediction answers them.

        Raises:
            InputError: the image cannot be read any more.
        """
        found = self.predictions
        points, status, confidence = (part[0].cpu().numpy() for part in (found.points, found.status, found.confidence))
        return Landmarks(self.names, points, read_frame(self.path), status, confidence)


class Looker(Protocol):
    """Something that wants to see what the background worker sees; ``pool.add_looker(looker)`` adds it.

    The worker looks, one after the other, at the images that have no score of the current model or whose file
    changed, and at those that a looker wants. Each is shown to all lookers. Images with a final label are looked at
    too, after those that wait for one. Where nothing has asked for a protocol yet, :meth:`ImagePool.ask` does.

    Example:
        >>> class Flags:
        ...     def __init__(self) -> None:
        ...         self.seen: dict[tuple[str, str], str] = {}
        ...     def wants(self, protocol: str, image: str, model_version: str) -> bool:
        ...         return self.seen.get((protocol, image)) != model_version
        ...     def look(self, sight: Sight) -> None:
        ...         self.seen[sight.protocol, sight.image] = sight.model_version
        >>> pool.add_looker(Flags())  # doctest: +SKIP
        >>> pool.ask("fundus")        # doctest: +SKIP
    """

    def wants(self, protocol: str, image: str, model_version: str) -> bool:
        """Whether it has to see an image although its score is up to date.

        Asked of every image whenever the worker looks for work, in the worker's thread: answered from memory. What
        changes the answer, e.g. a saved label, calls :meth:`ImagePool.wake`.
        """

    def look(self, sight: Sight) -> None:
        """Takes what the model found in an image, in the worker's thread; what it raises is logged."""

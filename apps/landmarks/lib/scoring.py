"""``POST /scoring/{method}``: scores of images, agreement with people, and the review of labels."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from monailabel.interfaces.tasks.scoring import ScoringMethod

from .datastore import LandmarkDatastore
from .errors import NotFoundError, ParameterError
from .pool import ImagePool
from .quality import AgreementSummary, LabelReviewer


class UncertaintyScoring(ScoringMethod):
    """Asks for the scores of all images, and answers at once."""

    def __init__(self, pool: ImagePool) -> None:
        super().__init__("How unsure the network is of each image; the scoring goes on in the background")
        self._pool = pool

    def __call__(self, request: dict[str, Any], datastore: LandmarkDatastore) -> dict[str, Any]:
        """Returns how far the scoring is, by protocol.

        Raises:
            NotFoundError: the protocol is not served.
            ParameterError: the protocol is no text.
        """
        chosen = chosen_protocols(request, self._pool.protocols)
        self._pool.score_now(chosen)
        stats = self._pool.stats()
        return {name: stats[name] for name in chosen}


class AgreementScoring(ScoringMethod):
    """Returns how far people moved the points that the models proposed."""

    def __init__(self, agreement: AgreementSummary, served: Sequence[str]) -> None:
        super().__init__("How far people moved the points that each version of the network proposed")
        self._agreement, self._served = agreement, tuple(served)

    def __call__(self, request: dict[str, Any], datastore: LandmarkDatastore) -> dict[str, Any]:
        """The document of each protocol, or of the one that ``protocol`` names; no reader learns of another's points.

        Raises:
            NotFoundError: the protocol is not served.
            ParameterError: the protocol is no text.
        """
        document = self._agreement.shared_document if datastore.readers > 1 else self._agreement.document
        return {name: document(name) for name in chosen_protocols(request, self._served)}


class ReviewScoring(ScoringMethod):
    """Reviews all final labels again, in the background."""

    def __init__(self, reviewer: LabelReviewer, served: Sequence[str]) -> None:
        super().__init__("Which final labels are worth a second look; the review goes on in the background")
        self._reviewer, self._served = reviewer, tuple(served)

    def __call__(self, request: dict[str, Any], datastore: LandmarkDatastore) -> dict[str, Any]:
        """Returns how many labels there are, and were flagged before, by protocol.

        Raises:
            NotFoundError: the protocol is not served.
            ParameterError: the protocol is no text.
        """
        chosen = chosen_protocols(request, self._served)
        for name in chosen:
            self._reviewer.review_all(name)
        stats = self._reviewer.stats()
        return {name: stats[name] for name in chosen}


def chosen_protocols(request: Mapping[str, Any], served: Sequence[str]) -> tuple[str, ...]:
    """Returns the protocol that a request names, or all.

    Raises:
        NotFoundError: it is not served.
        ParameterError: it is no text.
    """
    name = request.get("protocol")
    return tuple(served) if name is None else (checked_protocol(name, served),)


def checked_protocol(name: object, served: Collection[str]) -> str:
    """Returns a protocol's name, when it is one of the served ones.

    Raises:
        NotFoundError: it is not served.
        ParameterError: it is no text.
    """
    if not isinstance(name, str):
        raise ParameterError(f"The protocol must be the name of a served protocol, not {name!r:.80}.")
    if name not in served:
        raise NotFoundError(f"There is no protocol {name[:80]!r}; there are {', '.join(served)}.")
    return name

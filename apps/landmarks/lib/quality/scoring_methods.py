"""``POST /scoring/agreement`` and ``POST /scoring/review``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monailabel.interfaces.tasks.scoring import ScoringMethod

from ..datastore import LandmarkDatastore
from ..errors import NotFoundError, ParameterError
from .agreement_summary import AgreementSummary
from .label_reviewer import LabelReviewer


class AgreementScoring(ScoringMethod):
    """Tells how far people moved the points that the models proposed.

    Args:
        agreement: what the labels tell.
        served: the protocols.
    """

    def __init__(self, agreement: AgreementSummary, served: Sequence[str]) -> None:
        super().__init__("How far people moved the points that each version of the network proposed")
        self._agreement, self._served = agreement, tuple(served)

    def __call__(self, request: dict[str, Any], datastore: LandmarkDatastore) -> dict[str, Any]:
        """The document of each protocol, or of the one that ``protocol`` names.

        Raises:
            NotFoundError: the protocol is not served.
            ParameterError: the protocol is no text.
        """
        return {name: self._agreement.document(name) for name in chosen_protocols(request, self._served)}


class ReviewScoring(ScoringMethod):
    """Reviews all final labels again, in the background.

    Args:
        reviewer: does it.
        served: the protocols.
    """

    def __init__(self, reviewer: LabelReviewer, served: Sequence[str]) -> None:
        super().__init__("Which final labels are worth a second look; the review goes on in the background")
        self._reviewer, self._served = reviewer, tuple(served)

    def __call__(self, request: dict[str, Any], datastore: LandmarkDatastore) -> dict[str, Any]:
        """How many labels there are, and were flagged before, by protocol.

        Raises:
            NotFoundError: the protocol is not served.
            ParameterError: the protocol is no text.
        """
        chosen = chosen_protocols(request, self._served)
        for name in chosen:
            self._reviewer.review_all(name)
        stats = self._reviewer.stats()
        return {name: stats[name] for name in chosen}


def chosen_protocols(request: dict[str, Any], served: Sequence[str]) -> tuple[str, ...]:
    """The protocol that a request names, or all.

    Raises:
        NotFoundError: it is not served.
        ParameterError: it is no text.
    """
    name = request.get("protocol")
    if name is None:
        return tuple(served)
    if not isinstance(name, str):
        raise ParameterError(f"The protocol is the name of a served one, not {name!r:.80}.")
    if name not in served:
        raise NotFoundError(f"There is no protocol {name[:80]!r}; there are {', '.join(served)}.")
    return (name,)

"""``POST /scoring/uncertainty``: scores the images now."""

from __future__ import annotations

from typing import Any

from monailabel.interfaces.tasks.scoring import ScoringMethod

from ..datastore import LandmarkDatastore
from ..errors import NotFoundError, ParameterError
from .image_pool import ImagePool


class UncertaintyScoring(ScoringMethod):
    """Asks the background worker for the scores of all images, and answers at once.

    Args:
        pool: the worker.
    """

    def __init__(self, pool: ImagePool) -> None:
        super().__init__("How unsure the network is of each image; the scoring goes on in the background")
        self._pool = pool

    def __call__(self, request: dict[str, Any], datastore: LandmarkDatastore) -> dict[str, Any]:
        """How far the scoring is, by protocol.

        Raises:
            NotFoundError: the protocol is not served.
            ParameterError: the protocol is no text.
        """
        served = self._pool.protocols
        name = request.get("protocol")
        if name is not None and not isinstance(name, str):
            raise ParameterError(f"The protocol is the name of a served one, not {name!r:.80}.")
        if name is not None and name not in served:
            raise NotFoundError(f"There is no protocol {name[:80]!r}; there are {', '.join(served)}.")
        chosen = served if name is None else (name,)
        self._pool.score_now(chosen)
        stats = self._pool.stats()
        return {protocol: stats[protocol] for protocol in chosen}

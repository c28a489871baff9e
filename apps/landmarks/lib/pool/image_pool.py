"""What models say of all images of the studies, kept up to date in the background."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ..conf import ActiveSettings
from ..datastore import LandmarkDatastore
from ..inference import InferenceSlots
from ..inference.desk import use_share_of_cores
from ..served_model import ServedModel
from .protocol_pool import ProtocolPool
from .score_table import ScoreTable
from .sight import Looker
from .worker import PoolWorker


class ImagePool:
    """Scores the images of each protocol that somebody asked for; safe to use from many threads.

    By ``auto`` a protocol is scored from the first strategy that needs its scores, and from the start of a server
    whose studies have been scored for it before; by ``always`` from the start; by ``off`` only by :meth:`score_now`.

    Args:
        datastore: the studies.
        models: the served models by protocol.
        slots: the places of the predictions that people wait for, which go first.
        settings: the measure, and when images are scored.
    """

    def __init__(
        self,
        datastore: LandmarkDatastore,
        models: Mapping[str, ServedModel],
        slots: InferenceSlots,
        settings: ActiveSettings,
    ) -> None:
        self._pools = {name: ProtocolPool(model, settings.measure, datastore) for name, model in models.items()}
        self._when = settings.pool_scores
        self._lock = threading.Lock()
        self._urgent = list(self._pools)
        self._lookers: list[Looker] = []
        self._worker = PoolWorker(
            self._active, self._lookers, slots, lambda: use_share_of_cores(slots.slots), self._finished
        )

    @property
    def protocols(self) -> tuple[str, ...]:
        """The names of the served protocols."""
        return tuple(self._pools)

    def start(self) -> None:
        """Starts the background thread, which ends with the process; nothing is scored before."""
        for pool in self._pools.values():
            pool.active |= self._when == "always" or (self._when == "auto" and pool.has_notes())
        self._worker.start()
        atexit.register(self.stop)

    def stop(self) -> None:
        """Ends the background thread after the image that it looks at; all scores are saved."""
        self._worker.stop()
        atexit.unregister(self.stop)

    def add_looker(self, looker: Looker) -> None:
        """Lets something see what the worker sees; before :meth:`start`."""
        self._lookers.append(looker)

    def wake(self) -> None:
        """Lets the worker look for images of the active protocols that have to be looked at."""
        self._worker.wake()

    def ask(self, protocol: str) -> None:
        """Notes that a protocol's scores are needed: they are kept up to date from now on, unless that is off."""
        if self._when != "off":
            self.score_now([protocol])

    def score_now(self, protocols: Sequence[str]) -> None:
        """Lets the worker look at all images that have no up-to-date score, those of these protocols first."""
        with self._lock:
            urgent = [*protocols, *(name for name in self._urgent if name not in protocols)]
            known = urgent == self._urgent and all(self._pools[name].active for name in protocols)
            self._urgent = urgent
            for name in protocols:
                self._pools[name].active = True
        if not known or any(self._pools[name].state == "idle" for name in protocols):
            self._worker.wake()

    def rest(self) -> None:
        """Lets the worker stop scoring after the image that it looks at, until scores are asked for again."""
        for pool in self._pools.values():
            pool.active = False
        self._worker.wake()

    def is_off(self) -> bool:
        """Whether images are scored on request only."""
        return self._when == "off"

    def table(self, protocol: str, images: Collection[str]) -> ScoreTable | None:
        """The scores that are known of most of some images; None where there are none yet."""
        return self._pools[protocol].table(images)

    def stats(self) -> dict[str, dict[str, Any]]:
        """How far the scoring of each protocol is."""
        if any(pool.active and pool.has_new_model() for pool in self._pools.values()):
            self._worker.wake()
        return {name: pool.stats() for name, pool in self._pools.items()}

    def _active(self) -> list[ProtocolPool]:
        with self._lock:
            return [self._pools[name] for name in self._urgent if self._pools[name].active]

    def _finished(self, pool: ProtocolPool) -> None:
        if self.is_off():
            pool.active = False

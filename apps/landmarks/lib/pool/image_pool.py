"""Scores of all images of the studies, kept up to date in the background."""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from monai_ext.engines import is_out_of_memory
from monai_ext.landmarks import InputError

from ..background import Background
from ..datastore import LandmarkDatastore
from ..inference import InferenceSlots
from ..inference.desk import use_share_of_cores
from ..served_model import NoModelError, ServedModel
from ..settings import Conf
from .eye import Looker
from .protocol_pool import ProtocolPool
from .score_table import ScoreTable

logger = logging.getLogger(__name__)

#: Scores that are written to the index at once, and seconds after which fewer are: a write takes as long as a save.
BATCH, SAVE_SECONDS = 50, 15.0
#: Seconds between two looks for a model or an image that nothing told of.
LOOK_SECONDS = 30.0
#: Seconds until memory may be free again.
MEMORY_SECONDS = 30.0
#: Seconds between two looks whether the pool is to stop while predictions run.
_STOP_SECONDS = 0.5


class ImagePool:
    """Scores the images of each protocol that were requested; safe to use from many threads.

    By ``auto`` a protocol is scored from the first strategy that needs its scores, and from the start of a server
    whose studies have been scored for it before; by ``always`` from the start; by ``off`` only by :meth:`score_now`.
    One image is looked at after the other, while no prediction is waiting.

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
        settings: Conf,
    ) -> None:
        self._pools = {name: ProtocolPool(model, settings.measure, datastore) for name, model in models.items()}
        self._when, self._slots = settings.pool_scores, slots
        self._lock = threading.Lock()
        self._urgent = list(self._pools)
        self._lookers: list[Looker] = []
        self._background = Background("pool", self._work, lambda: use_share_of_cores(slots.slots))
        self._seen_calls: int | None = None
        self._asked = False
        self._saved, self._not_before = time.monotonic(), 0.0

    @property
    def protocols(self) -> tuple[str, ...]:
        """Names of the served protocols."""
        return tuple(self._pools)

    def start(self) -> None:
        """Starts the background thread, which ends with the process; nothing is scored before."""
        for pool in self._pools.values():
            pool.active |= self._when == "always" or (self._when == "auto" and pool.has_notes())
        self._background.start()
        atexit.register(self.stop)

    def stop(self) -> None:
        """Ends the background thread after the image that it looks at; all scores are saved."""
        self._background.stop()
        atexit.unregister(self.stop)

    def add_looker(self, looker: Looker) -> None:
        """Lets something see what the background thread sees; before :meth:`start`."""
        self._lookers.append(looker)

    def wake(self) -> None:
        """Has the background thread look for images of the active protocols that have to be looked at."""
        self._background.wake()

    def ask(self, protocol: str) -> None:
        """Notes that a protocol's scores are needed: they are kept up to date from now on, unless that is off."""
        if self._when != "off":
            self.score_now([protocol])

    def score_now(self, protocols: Sequence[str]) -> None:
        """Has all images looked at that have no up-to-date score, those of these protocols first.

        What is looked at now is finished before; images that changed meanwhile are looked at after it.
        """
        with self._lock:
            urgent = [*protocols, *(name for name in self._urgent if name not in protocols)]
            known = urgent == self._urgent and all(self._pools[name].active for name in protocols)
            self._urgent = urgent
            for name in protocols:
                self._pools[name].active = True
            self._asked = True
        if not known or any(self._pools[name].state == "idle" for name in protocols):
            self.wake()

    def rest(self) -> None:
        """Stops the scoring after the image that is looked at, until scores are requested again."""
        for pool in self._pools.values():
            pool.active = False
        self.wake()

    def is_off(self) -> bool:
        """Returns whether images are scored on request only."""
        return self._when == "off"

    def table(self, protocol: str, images: Collection[str], features: bool = False) -> ScoreTable | None:
        """Scores of most of some images, or scores with features, as far as they are known; None if there are none."""
        return self._pools[protocol].table(images, features)

    def unreadable(self, protocol: str) -> frozenset[str]:
        """The images that were left out, as they cannot be read."""
        return self._pools[protocol].unreadable()

    def stats(self) -> dict[str, dict[str, Any]]:
        """Returns how far the scoring of each protocol is."""
        if any(pool.active and pool.has_new_model() for pool in self._pools.values()):
            self.wake()
        return {name: pool.stats() for name, pool in self._pools.items()}

    # The background thread

    def _work(self) -> float | None:
        left = self._not_before - time.monotonic()
        if left > 0:
            return left
        for pool in self._pools.values():
            pool.state = "idle"
        calls = self._background.calls
        with self._lock:
            pools = [self._pools[name] for name in self._urgent if self._pools[name].active]
            asked, self._asked = self._asked, False
        if calls == self._seen_calls and not asked and not any(pool.has_news() for pool in pools):
            return LOOK_SECONDS if pools else None
        self._seen_calls = None
        for pool in pools:
            try:
                done = self._work_off(pool, calls)
            except Exception:  # of this program; the next change is a new chance
                logger.exception("The images of the protocol %s could not be scored.", pool.name)
                pool.problem = "The images could not be scored; the log of the server says why."
                done = True
            if not done:
                return 0.0
            with self._lock:
                if self.is_off() and not self._asked and calls == self._background.calls:
                    pool.active = False
            pool.state = "idle"
        self._seen_calls = calls
        return 0.0

    def _work_off(self, pool: ProtocolPool, calls: int) -> bool:
        """Does the work of one protocol; False where something changed, so that it is planned again."""
        pool.problem = ""
        try:
            for image in pool.plan(self._lookers):
                if not self._may_go_on(pool) or calls != self._background.calls or pool.has_new_model():
                    return False
                if not self._look(pool, image):
                    return False
        except NoModelError:
            pass  # told by the state of the protocol
        except InputError as error:
            pool.problem = str(error)
        finally:
            self._save(pool)
        return True

    def _look(self, pool: ProtocolPool, image: str) -> bool:
        """Looks at an image; False where there was not enough memory."""
        try:
            pool.look(image, self._lookers)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            logger.warning("There is not enough memory to score images of %s now.", pool.name)
            pool.state, pool.problem = "waiting", "There is not enough memory to score images now; it is tried again."
            self._not_before = time.monotonic() + MEMORY_SECONDS
            return False
        if pool.unsaved() >= BATCH or time.monotonic() - self._saved > SAVE_SECONDS:
            self._save(pool)
        return True

    def _may_go_on(self, pool: ProtocolPool) -> bool:
        """Waits until no prediction runs or waits that a person waits for; False where the thread is to stop."""
        while not self._background.stopping:
            if self._slots.wait_until_idle(0):
                pool.state = "running"
                return True
            pool.state = "waiting"
            self._slots.wait_until_idle(_STOP_SECONDS)
        return False

    def _save(self, pool: ProtocolPool) -> None:
        try:
            pool.save()
        except (InputError, OSError) as error:
            logger.warning("The scores of %s could not be saved, and are kept in memory: %s", pool.name, error)
        self._saved = time.monotonic()

"""The thread that looks at images while nobody waits for a prediction."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from monai_ext.engines.stop import is_out_of_memory
from monai_ext.landmarks import InputError

from ..inference import InferenceSlots
from ..served_model import NoModelError
from .protocol_pool import ProtocolPool
from .sight import Looker

logger = logging.getLogger(__name__)

#: Scores that are written to the index at once, and seconds after which fewer are: a write takes as long as a save.
BATCH, SAVE_SECONDS = 50, 15.0
#: Seconds between two looks for a model or an image that nothing told of.
LOOK_SECONDS = 30.0
#: Seconds until memory may be free again.
MEMORY_SECONDS = 30.0
#: Seconds between two looks whether the worker is to stop while predictions run.
_STOP_SECONDS = 0.5


class PoolWorker:
    """Works off what is to be looked at, one image at a time, and sleeps while there is nothing.

    Args:
        order: gives the protocols whose images are scored, the most urgent first.
        lookers: see what it sees.
        slots: the places of the predictions that people wait for, which go first.
        prepare: called in the thread before its first work.
        finished: called with a protocol whose work is done.
    """

    def __init__(
        self,
        order: Callable[[], Sequence[ProtocolPool]],
        lookers: Sequence[Looker],
        slots: InferenceSlots,
        prepare: Callable[[], None] = lambda: None,
        finished: Callable[[ProtocolPool], None] = lambda pool: None,
    ) -> None:
        self._order, self._lookers, self._slots = order, lookers, slots
        self._prepare, self._finished = prepare, finished
        self._changed = threading.Condition()
        self._calls, self._stopping = 0, False
        self._saved = time.monotonic()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts the thread; once."""
        self._thread = threading.Thread(target=self._serve, name="pool", daemon=True)
        self._thread.start()

    def is_running(self) -> bool:
        """Whether the thread is there."""
        return self._thread is not None and self._thread.is_alive()

    def wake(self) -> None:
        """Lets it look for work, also in the middle of other work."""
        with self._changed:
            self._calls += 1
            self._changed.notify_all()

    def stop(self, seconds: float = 10.0) -> None:
        """Ends the thread after the image that it looks at; what it found out is saved."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(seconds)

    def _serve(self) -> None:
        self._prepare()
        while not self._stopping:
            calls = self._calls
            pools = self._order()
            for pool in pools:
                try:
                    done = self._work_off(pool, calls)
                except Exception:  # of this program; the next change is a new chance
                    logger.exception("The images of the protocol %s could not be scored.", pool.name)
                    pool.problem = "The images could not be scored; the log of the server says why."
                    done = True
                pool.state = "idle"
                if not done:
                    break
                self._finished(pool)
            else:
                self._sleep(calls, self._order())

    def _work_off(self, pool: ProtocolPool, calls: int) -> bool:
        """Does the work of one protocol; False where something changed, so that it is planned anew."""
        pool.problem = ""
        try:
            for image in pool.plan(self._lookers):
                if not self._may_go_on(pool) or calls != self._calls or pool.has_new_model():
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
            self._pause(MEMORY_SECONDS)
            return False
        if pool.unsaved() >= BATCH or time.monotonic() - self._saved > SAVE_SECONDS:
            self._save(pool)
        return True

    def _may_go_on(self, pool: ProtocolPool) -> bool:
        """Waits until no prediction runs or waits that a person waits for; False where the worker is to stop."""
        while not self._stopping:
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

    def _sleep(self, calls: int, pools: Sequence[ProtocolPool]) -> None:
        """Returns when it was woken, or a model or the images changed."""
        while not any(pool.has_news() for pool in pools):
            with self._changed:
                seconds = LOOK_SECONDS if pools else None
                if self._changed.wait_for(lambda: self._stopping or calls != self._calls, seconds):
                    return

    def _pause(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopping, seconds)

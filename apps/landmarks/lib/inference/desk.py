"""Where predictions are asked for: kept answers, work that is under way, and the places in which it runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field

import torch

from monai_ext.landmarks import InputError

from ..settings import Conf
from .answer import Answer
from .answer_cache import AnswerCache
from .shared_work import SharedWork
from .slots import Check, InferenceSlots


@dataclass(frozen=True)
class InferenceDesk:
    """Answers equal requests once, and not more at a time than the machine can take.

    Attributes:
        slots: the places in which predictions run.
        cache: answers that are kept.
        timeout: seconds that a request waits for its answer.
    """

    slots: InferenceSlots
    cache: AnswerCache
    timeout: float
    _shared: SharedWork = field(default_factory=SharedWork)

    @classmethod
    def from_limits(cls, limits: Conf) -> InferenceDesk:
        """The desk of a server with these limits."""
        slots = limits.infer_slots or default_slots()
        places = InferenceSlots(slots, limits.infer_queue, limits.infer_timeout, lambda: use_share_of_cores(slots))
        return cls(places, AnswerCache(limits.infer_cache), limits.infer_timeout)

    def ask(
        self, key: Callable[[], Hashable], work: Callable[[Check], Answer], *, patient: bool = False
    ) -> Future[Answer]:
        """The answer to a request, kept or to be made; cancelling the future gives the request up.

        Args:
            key: gives what the answer depends on, as it is now; None where an answer cannot be kept.
            work: makes the answer.
            patient: wait even where the queue is full.

        Raises:
            QueueFullError: too many requests wait already.
        """
        before = key()
        if before is None:
            return self.slots.submit(work, patient=patient)

        def make(check: Check) -> Answer:
            answer = work(check)
            if _now(key) == before:  # else the image or the model was replaced meanwhile
                self.cache.keep(before, answer)
            return answer

        def start() -> Future[Answer]:
            # Asked here, so that nothing finishes between the look into the cache and the start.
            kept = self.cache.get(before)
            if kept is None:
                return self.slots.submit(make, patient=patient)
            done: Future[Answer] = Future()
            done.set_result(kept)
            return done

        return self._shared.join(before, start)


def _now(key: Callable[[], Hashable]) -> Hashable:
    try:
        return key()
    except InputError:  # the model is gone; the answer that was made with it stands
        return None


def default_slots() -> int:
    """One place for a GPU, which predictions share badly; else two, so that a large image holds up nobody."""
    return 1 if torch.cuda.is_available() or usable_cores() < 2 else 2


def use_share_of_cores(slots: int) -> None:
    """Gives this thread's computations its share of the cores.

    OpenMP's threads spin while they wait for each other: more threads than cores make all of them slow.
    """
    torch.set_num_threads(max(1, min(torch.get_num_threads(), usable_cores() // slots)))


def usable_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

"""The server and its PACS: images are listed, labels sent and reports taken, beside the requests."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from monai_ext.dicomweb import Frames, list_instances, query_keys, study_keys
from monai_ext.landmarks import InputError, Protocol

from ..background import Background
from .datastore import PacsDatastore
from .place import Place
from .reports import Reports

logger = logging.getLogger(__name__)

#: Seconds until a PACS that answered is asked again for what is new.
LIST_SECONDS = 600.0
#: Seconds until one that did not is tried again, from the first failure on, and at most.
RETRY_SECONDS, LONGEST_RETRY_SECONDS = 1.0, 300.0
#: More than lead to the longest; a power of many failures is no float any more.
_MOST_DOUBLINGS = 30


class PacsSync:
    """Keeps a datastore and its PACS in step, in a thread of its own.

    What a PACS does not take or say waits; it is tried again after seconds that double from failure to failure. Labels
    wait in the datastore, so that they outlive the end of the server.

    Args:
        datastore: the mirror of the PACS.
        query: the filter of its images (see :func:`monai_ext.dicomweb.query_keys`).
        frames: which frames of an instance of several are images.
        protocols: the served ones.
        on_change: called after something was listed or taken.
    """

    def __init__(
        self,
        datastore: PacsDatastore,
        query: str,
        frames: Frames,
        protocols: Mapping[str, Protocol],
        on_change: Callable[[], object] = lambda: None,
    ) -> None:
        self._datastore, self._keys, self._frames = datastore, query_keys(query), frames
        self._reports = Reports(datastore, protocols, study_keys(self._keys))
        self._on_change = on_change
        self._background = Background("pacs", self.work)
        self._problem, self._failures = "", 0
        self._listed: float | None = None

    def start(self) -> None:
        """Begins to list."""
        self._background.start()

    def wake(self) -> None:
        """Sends what waits, now."""
        self._background.wake()

    def stop(self) -> None:
        """Ends after what is being done."""
        self._background.stop()

    def stats(self) -> dict[str, Any]:
        """Tells how it stands with the PACS."""
        return {
            "address": self._datastore.connection.address,
            "listed": self._listed is not None,
            "waiting": len(self._reports.waiting()),
            "problem": self._problem or self._reports.problem,
        }

    def work(self) -> float:
        """Sends, lists and takes once; returns the seconds until it is time again."""
        try:
            self._reports.send()
            if self._listed is None or time.monotonic() >= self._listed + LIST_SECONDS:
                self._list()
                self._reports.take()
                self._listed = time.monotonic()
                self._on_change()
        except (InputError, OSError) as error:
            return self._failed(str(error))
        if self._reports.problem:
            return self._next_try()
        if self._problem:
            logger.info("The PACS %s answers again.", self._datastore.connection.address)
            self._on_change()
        self._problem, self._failures = "", 0
        return LIST_SECONDS

    def _list(self) -> None:
        listed: dict[str, Place] = {}
        others = [(key, values[0]) for key, values in self._keys.items() if key != "Modality"]
        for modality in self._keys["Modality"]:
            for instance in list_instances(self._datastore.connection, {"Modality": modality, **dict(others)}):
                listed |= {image: Place(instance, frame) for image, frame in instance.images(self._frames)}
        self._datastore.take_list(listed)

    def _failed(self, problem: str) -> float:
        if problem != self._problem:
            logger.warning("%s It is tried again.", problem)
        self._problem = problem
        return self._next_try()

    def _next_try(self) -> float:
        self._failures += 1
        return min(RETRY_SECONDS * 2.0 ** min(self._failures - 1, _MOST_DOUBLINGS), LONGEST_RETRY_SECONDS)

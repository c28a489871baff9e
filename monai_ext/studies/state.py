"""The state of a studies folder: index and journal as one, changed under one lock by all or nothing."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from monai_ext.landmarks import InputError, StagedFile

from .change_set import ChangeSet
from .index_file import IndexFile, Repairs
from .journal import Journal
from .reconcile import replay
from .records import StudiesIndex
from .study_files import StudyFiles

LOCK_FILE, LOCK_SECONDS = ".lock", 30.0
logging.getLogger("filelock").setLevel(logging.ERROR)  # it reports every acquisition


class LockedError(InputError):
    """Another process holds the studies folder for too long."""


class StorageError(InputError):
    """The studies folder takes no more data; nothing was changed."""


class StoreLock:
    """A lock that its holder may take again; the system frees it when the holder's process ends, however it ends.

    The lock file itself stays and says nothing about whether the lock is held.
    """

    def __init__(self, path: Path, seconds: float = LOCK_SECONDS) -> None:
        self.path = path
        self._seconds = seconds
        self._threads = threading.RLock()
        self._processes = FileLock(str(path))

    def __enter__(self) -> StoreLock:
        """Takes the lock.

        Raises:
            LockedError: it is held for too long elsewhere.
            StorageError: the folder cannot be written, so that nobody can take it.
        """
        deadline = time.monotonic() + self._seconds
        if not self._threads.acquire(timeout=self._seconds):
            raise self._busy()
        try:
            self._processes.acquire(timeout=max(deadline - time.monotonic(), 0.1))
        except Timeout:
            self._threads.release()
            raise self._busy() from None
        except OSError as error:
            self._threads.release()
            raise StorageError(
                f"The studies folder {self.path.parent} cannot be written ({error.strerror or error}): nothing was "
                "changed; permit the user who runs this program to write to it, or mount its disk for writing."
            ) from error
        except BaseException:
            self._threads.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._processes.release()
        self._threads.release()

    def _busy(self) -> LockedError:
        return LockedError(
            f"The studies folder is locked: {self.path} was held for more than {self._seconds:g} seconds by another "
            "request or process; try again, or end the process that holds it."
        )


@contextmanager
def studies_lock(studies: Path) -> Iterator[None]:
    """Holds a studies folder, which exists, while a command changes it.

    Raises:
        InputError: another process holds it for too long.
    """
    with ExitStack() as held:
        try:
            held.enter_context(StoreLock(studies / LOCK_FILE))
        except LockedError:
            raise InputError(f"{studies} is in use by another process; try again when its change is done.") from None
        yield


logger = logging.getLogger(__name__)


class StudiesState:
    """The newest records of images and labels, and how they change.

    A change is durable once its files, then its lines of the journal, then its labels, then the index are; a process
    that ends in between leaves either the old state or the new one, which the next look completes from the journal.

    Attributes:
        model: the present records; replaced, never changed in place, so that readers need no lock.
        repairs: damage that was found and repaired.

    Args:
        root: the studies folder.
        lock_seconds: how long to wait for another process.
    """

    def __init__(self, root: Path, lock_seconds: float = LOCK_SECONDS) -> None:
        self.repairs = Repairs()
        self.files = StudyFiles(root)
        self.lock = StoreLock(root / LOCK_FILE, lock_seconds)
        self.model = StudiesIndex()
        self._index = IndexFile(root, self.repairs)
        self._journal = Journal(root, self.repairs)
        self._behind = False

    @property
    def index_path(self) -> Path:
        return self._index.path

    def load(self) -> None:
        """Takes in what other processes, or an earlier life of this one, changed."""
        with self.lock:
            known, said = self._behind, len(self.repairs)
            model = self._index.read_if_changed()
            if model is not None:
                self.model = model.model_copy(update={"images_dir": ".", "labels_dir": "labels"})
            lost = not self._index.exists()
            news = self._journal.read_after(self.model.changes)
            if self._journal.last > self.model.changes:
                objects = replay(self.model.objects, news, self.files)
                self.model = self.model.model_copy(update={"objects": objects, "changes": self._journal.last})
            if not known and len(self.repairs) == said:
                self._report(lost, len(news))
            self._behind = known or lost or bool(news) or self._journal.needs_snapshot(self.model.changes)

    def _report(self, lost: bool, news: int) -> None:
        if lost and self.model.changes:
            self.repairs.add(f"The index {self._index.path} was lost; it is made anew from the journal and the files.")
        elif self.model.changes and not self._journal.last:
            self.repairs.add(f"The journal {self._journal.path} was lost; it is made anew from the index.")
        elif news:
            logger.info("%d changes of %s were completed from the journal.", news, self.files.root)

    @contextmanager
    def changing(self) -> Iterator[ChangeSet]:
        """The newest records to change, with the files that go with them; all is written unless an error is raised.

        Raises:
            StorageError: the disk is full or refuses to be written; nothing is changed.
            LockedError: another process holds the lock for too long.
        """
        with self.lock:
            self.load()
            changes = ChangeSet(self.model.objects)
            try:
                yield changes
                self._commit(changes)
            except OSError as error:
                raise StorageError(
                    f"The studies folder {self.files.root} cannot be written ({error.strerror or error}): nothing was "
                    "changed; make room on its disk and try again."
                ) from error
            finally:
                changes.discard()

    def write(self) -> None:
        """Writes the present records as the index."""
        with self.lock:
            self._behind = True
            self._commit(ChangeSet(self.model.objects))

    def _commit(self, changes: ChangeSet) -> None:
        if changes.objects == self.model.objects and not changes.lines and not self._behind:
            return
        number = max(self.model.changes, self._journal.last, 1)
        for line in changes.lines:
            number += 1
            line.n = number
        after = self.model.model_copy(update={"objects": changes.objects, "changes": number})
        index = self._index.stage(after)
        try:
            if changes.lines:
                self._journal.append(changes.lines)
            self._put_in_place(changes, index)
        finally:
            index.discard()
        self.model, self._behind = after, False
        self._tidy_journal()

    def _put_in_place(self, changes: ChangeSet, index: StagedFile) -> None:
        try:
            changes.apply()
            self._index.commit(index)
        except OSError as error:
            self._journal.forget()
            self.load()  # what took place is found from the journal and the files
            raise StorageError(
                f"The studies folder {self.files.root} failed during a change ({error.strerror or error}): look at "
                "the label or image again before you continue."
            ) from error

    def _tidy_journal(self) -> None:
        """Replaces a journal that is long, lost, damaged or older than the index by a snapshot."""
        if self._journal.needs_snapshot(self.model.changes):
            try:
                self._journal.replace(self.model)
            except OSError as error:
                logger.warning("The journal of %s could not be shortened: %s.", self.files.root, error)

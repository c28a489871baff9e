"""Files that are either the old or the new version, never half of one."""

from __future__ import annotations

import errno
import json
import math
import os
import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from .errors import InputError

#: The names of temporary files, which a crash may leave behind.
TEMPORARY_NAME = re.compile(r"\.[0-9a-f]{32}\.tmp")

#: What file systems answer that cannot make a folder durable, as network drives.
_NO_FOLDER_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EBADF)


class FileState(NamedTuple):
    """State of a file, which changes when it is written or replaced."""

    path: str
    modified_ns: int
    size: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> FileState | None:
        """The state of a file; None if there is none."""
        try:
            stat = path.stat()
        except OSError:
            return None
        return cls(str(path), stat.st_mtime_ns, stat.st_size, stat.st_ino)


class StagedFile:
    """The new content of a file, complete and durable beside it; :meth:`commit` puts it in place by one rename.

    Several files that belong together are all staged first, so that a full disk is found before any of them changed.
    Missing parent folders are made. The file gets the mode 0644 less the process's umask.

    Args:
        path: the file to write or replace; a symbolic link is replaced by a file.
        data: text (stored as UTF-8) or bytes.
        durable: wait until the content is on the disk; without it a power cut may leave a damaged file.

    Raises:
        OSError: the folder cannot be written, or the disk is full; nothing is left behind.
    """

    def __init__(self, path: str | Path, data: str | bytes, *, durable: bool = True) -> None:
        self.path = Path(path)
        content = data.encode("utf-8") if isinstance(data, str) else data
        make_folder(self.path.parent)
        # Hidden and without the target's extension: no folder scan takes it for an image or a label.
        self._temporary = self.path.parent / f".{uuid.uuid4().hex}.tmp"
        try:
            # The mode of open() is what umask applies to; tempfile would leave 0600, unreadable for a server.
            descriptor = os.open(
                self._temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o644
            )
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
                if durable:
                    stream.flush()
                    os.fsync(stream.fileno())
        except BaseException:
            self.discard()
            raise

    def commit(self) -> None:
        """Replaces the file: a reader or a crash sees the old content or the new one.

        The rename itself is durable after :func:`sync_folder` of the file's folder.
        """
        os.replace(self._temporary, self.path)

    def discard(self) -> None:
        """Takes the staged content away; what was committed stays."""
        self._temporary.unlink(missing_ok=True)


def write_atomically(path: str | Path, data: str | bytes) -> None:
    """Writes a whole file, or leaves what was there: temporary file beside it, fsync, one rename.

    A reader, a crash or a second writer sees the old content or the new one. Missing parent folders are made.
    The file gets the mode 0644 less the process's umask.

    Args:
        path: the file to write or replace; a symbolic link is replaced by a file.
        data: text (stored as UTF-8) or bytes.

    Raises:
        OSError: the folder cannot be written, or the disk is full; the old file is then untouched.
    """
    staged = StagedFile(path, data)
    try:
        staged.commit()
    except BaseException:
        staged.discard()
        raise
    sync_folder(staged.path.parent)


def make_folder(folder: Path) -> None:
    """Makes a folder and its missing parents, durably.

    Raises:
        OSError: it cannot be made.
    """
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def check_writable(folder: Path) -> None:
    """Refuses a folder for results that could not be written, before the work begins; nothing is made.

    Raises:
        OSError: the folder, or the nearest one above it that exists, cannot be written.
    """
    while not folder.exists():
        folder = folder.parent
    StagedFile(folder / "results", b"", durable=False).discard()


def sync_folder(folder: Path) -> None:
    """Makes renames and deletions in a folder durable; Windows neither needs nor offers it."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in _NO_FOLDER_SYNC:
                raise
        finally:
            os.close(descriptor)


def plain(value: Any) -> Any:
    """Converts a value to types that JSON has; numbers that are not finite become None, others raise TypeError."""
    if hasattr(value, "tolist"):  # a numpy or torch array or scalar
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    raise TypeError(f"A value of type {type(value).__name__} cannot be written as JSON: {value!r:.80}.")


def json_text(path: str | Path, document: Any) -> str:
    """A JSON document as a file holds it: indented, with a final newline.

    Args:
        path: the file, for messages.
        document: its content.

    Raises:
        InputError: the document holds NaN, an infinity, or a value that JSON cannot hold.
    """
    try:
        return json.dumps(document, indent=2, allow_nan=False) + "\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be written as JSON ({error}); give finite numbers, text and lists.") from None


def write_json_atomically(path: str | Path, document: Any) -> None:
    """Writes a JSON document (indented, final newline) with :func:`write_atomically`.

    Raises:
        InputError: as :func:`json_text`; nothing is written.
        OSError: as :func:`write_atomically`.
    """
    write_atomically(path, json_text(path, document))


def read_json(path: str | Path) -> Any:
    """Reads a JSON file (UTF-8, with or without a byte-order mark).

    Raises:
        InputError: the file cannot be read, or is not JSON; names the file and line.
    """
    return parse_json(read_content(path), path)


def read_content(path: str | Path) -> bytes:
    """Reads the bytes of a file.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}.") from None


def decode_text(content: bytes, where: str | Path) -> str:
    """Decodes UTF-8, with or without a byte-order mark.

    Args:
        content: of a file.
        where: names it in messages.

    Raises:
        InputError: the content is not UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{where} cannot be read: {error}.") from None


def parse_json(content: bytes, where: str | Path) -> Any:
    """Parses JSON.

    Args:
        content: as :func:`decode_text` takes it.
        where: names it in messages.

    Raises:
        InputError: the content is not JSON; names the line.
    """
    text = decode_text(content, where)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{where}, line {error.lineno}: not valid JSON ({error.msg}).") from None
    except (RecursionError, ValueError) as error:  # nested too deep, or an integer of thousands of digits
        raise InputError(f"{where} is not usable JSON: {error}.") from None

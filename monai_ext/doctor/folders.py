"""Folders: whether they are there, can be written to, have room, and lie where the server copes with them."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from .check import OK, PROBLEM, WARNING, Check

_GIB, _MIB = 1 << 30, 1 << 20
FEW_BYTES = 2 * _GIB
TOO_FEW_BYTES = 200 * _MIB
#: File systems without events for changes, because changes may happen on another machine.
_REMOTE = re.compile(r"nfs\d*|cifs|smb\d*|smbfs|afpfs|9p|virtiofs|ceph|lustre|glusterfs|davfs|vboxsf|fuse\.\w+")


class Mount(NamedTuple):
    """Mount point and type of a file system."""

    folder: Path
    kind: str


def check_folder(name: str, folder: Path, *, made_later: bool = False) -> Check:
    """Check that files can be written to a folder, by writing and removing one.

    Args:
        name: what the folder is for.
        folder: it.
        made_later: whether it may be absent, as the program makes it when it needs it.
    """
    if not folder.exists():
        if not made_later:
            return Check(name, PROBLEM, f"{folder} does not exist", "Make the folder, or name another one.")
        problem = _write_problem(existing_part(folder))
        if problem:
            return Check(name, PROBLEM, f"{folder} does not exist and cannot be made: {problem}", _permit(folder))
        return Check(name, OK, f"{folder} does not exist yet; it is made when it is needed")
    if not folder.is_dir():
        return Check(name, PROBLEM, f"{folder} is a file, not a folder", "Name a folder.")
    problem = _write_problem(folder)
    if problem:
        return Check(name, PROBLEM, f"{folder} cannot be written to: {problem}", _permit(folder))
    return Check(name, OK, f"{folder} can be written to")


def check_space(name: str, folder: Path, free: int) -> Check:
    """Check of the free disk space: a warning below 2 GiB, a problem below 200 MiB.

    Args:
        name: what the folder is for.
        folder: it.
        free: bytes that are left where it lies.
    """
    name = f"Disk of {name}"
    room = f"{free / _GIB:.1f} GiB" if free >= _GIB else f"{free / _MIB:.0f} MiB"
    if free >= FEW_BYTES:
        return Check(name, OK, f"{room} are free")
    advice = f"Make room where {folder} lies, or move it to another disk."
    if free >= TOO_FEW_BYTES:
        return Check(name, WARNING, f"only {room} are free", advice)
    return Check(name, PROBLEM, f"only {room} are free: labels and networks may not be saved", advice)


def free_bytes(folder: Path) -> int:
    """Bytes that this user may still write where a folder lies, or would lie."""
    return shutil.disk_usage(existing_part(folder)).free


def check_spaces(folders: Iterable[Path]) -> Check:
    """Check for spaces in a path, which the script ``monailabel`` does not support."""
    name = "Paths"
    spaced = [str(folder) for folder in folders if re.search(r"\s", str(folder))]
    if not spaced:
        return Check(name, OK, "none has a space")
    advice = "Start the server with `monai-landmarks serve --studies DIR`: the script `monailabel` breaks on it."
    return Check(name, WARNING, f"{spaced[0]!r} has a space", advice)


def check_mount(folder: Path, mounts: Iterable[Mount]) -> Check:
    """Check for a file system that does not report changes of the studies.

    Args:
        folder: the studies, resolved.
        mounts: the file systems of the machine.
    """
    name = "Drive of the studies"
    holding = [mount for mount in mounts if folder == mount.folder or mount.folder in folder.parents]
    if not holding:
        return Check(name, OK, "local")
    mount = max(holding, key=lambda item: len(item.folder.parts))
    if not _REMOTE.fullmatch(mount.kind):
        return Check(name, OK, f"local ({mount.kind})")
    found = f"{mount.folder} is a network drive or shared folder ({mount.kind}): the server looks at it every second"
    advice = "Let only one server use the folder at a time; for many images a local disk is faster."
    return Check(name, WARNING, found, advice)


def read_mounts(table: Path = Path("/proc/self/mounts")) -> list[Mount]:
    """The file systems of this machine; none where the system keeps no such table."""
    try:
        lines = table.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []
    rows = [line.split(" ") for line in lines]
    return [Mount(Path(_unescaped(row[1])), row[2]) for row in rows if len(row) > 2]


def existing_part(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that exists."""
    folder = Path(os.path.abspath(folder))
    while not folder.is_dir():
        folder = folder.parent
    return folder


def _unescaped(text: str) -> str:
    """Octal numbers stand for characters that would divide the columns, 040 for a space."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), text)


def _write_problem(folder: Path) -> str:
    """Reason why no file can be written there; empty if one can. The test file is hidden from scans of the folder."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-", suffix=".tmp") as file:
            file.write(b"written by monai-landmarks doctor\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _permit(folder: Path) -> str:
    return f"Let the user who runs the server write to {folder}, or name another folder."

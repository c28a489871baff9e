"""Refusals to start, in one sentence: a studies folder that is not there, a port that is taken."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from fastapi import FastAPI
from uvicorn import Server


def in_server() -> bool:
    """Returns whether this process serves HTTP; those that MONAI Label starts for training and scoring do not."""
    return "monailabel.app" in sys.modules


def running_server() -> FastAPI | None:
    """The web server of this process, once it has loaded; None in the other processes."""
    return sys.modules["monailabel.app"].app if in_server() else None


def refuse_to_start(sentence: str) -> NoReturn:
    """Prints a sentence and ends the process with exit code 2.

    Inside the server the process ends at once: the web server would answer any exception, SystemExit too, with a
    traceback that buries the sentence. Elsewhere SystemExit is raised.
    """
    print(f"\nThe landmarks app cannot start: {sentence}\n", file=sys.stderr, flush=True)
    if in_server():
        sys.stdout.flush()
        os._exit(2)
    raise SystemExit(2)


def check_start(studies: str, *, serves: bool) -> None:
    """Refuses a start that cannot succeed, or not as it was meant; nothing is left behind.

    Args:
        studies: as it was given to the server.
        serves: whether this process is the server: MONAI Label may have made the folder for it, and it needs a port.

    Raises:
        InputError: there is no such folder, it is no address of a PACS, or the port cannot be used.
    """
    from monai_ext.dicomweb import check_address, is_address  # here: a refusal may say that monai_ext is not installed
    from monai_ext.studies import check_studies_folder

    if is_address(studies):
        check_address(studies)
    else:
        folder = Path(studies)
        if serves:
            remove_new_folders(folder)
        check_studies_folder(folder)
    if serves:
        check_own_port()


def remove_new_folders(folder: Path) -> None:
    """Removes the empty folders of a path that this very process made.

    MONAI Label makes a studies folder that does not exist before it loads the app: a mistyped path would become an
    empty study. One that was there when the process began stays, empty or not.
    """
    ages = [(each, _made(each)) for each in (folder, *folder.parents) if each.is_dir()]  # removing changes them
    if not ages or ages[0][0] != folder or any(folder.iterdir()):
        return
    try:
        with tempfile.TemporaryDirectory(prefix=".", dir=folder) as probe:
            now = os.stat(probe).st_mtime  # by the clock of the drive, which may be another machine's
    except OSError:
        return  # what this process made it could write to
    began = now - _seconds_since_start()
    for each, made in ages:
        if made < began:
            return
        try:
            each.rmdir()
        except OSError:  # it holds something
            return


def check_own_port() -> None:
    """Looks whether the web server that is starting in this process can have its port.

    It tries so itself only when the app has been loaded.

    Raises:
        InputError: it cannot.
    """
    from monai_ext.doctor import require_port

    address = _address_to_bind()
    if address is not None:
        require_port(*address)


def _address_to_bind() -> tuple[int, str] | None:
    """Port and host that the web server of this process will ask for; None if it has its socket or has none.

    The server is found among the callers: its options stand in no setting, and it may have been started by another
    program than MONAI Label's.
    """
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        server: Any = frame.f_locals.get("self")
        if isinstance(server, Server):
            config = server.config
            bound = server.started or frame.f_locals.get("sockets") or config.uds or config.fd is not None
            return None if bound or config.port == 0 else (config.port, config.host)
        frame = frame.f_back
    return None


def _made(folder: Path) -> float:
    """Latest possible time of creation of a folder, the earliest of its time stamps."""
    stat = folder.stat()
    return min(stat.st_atime, stat.st_mtime, stat.st_ctime)


def _seconds_since_start() -> float:
    """Returns how long ago Python's logging was loaded, which MONAI Label does before anything else."""
    return logging.makeLogRecord({}).relativeCreated / 1000

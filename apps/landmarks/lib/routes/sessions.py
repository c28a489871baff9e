"""``/session/``: uploaded images that are not part of the studies, kept for a while."""

from __future__ import annotations

import json
import logging
import re
import shutil
import threading
import time
import uuid
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Query, UploadFile
from fastapi.responses import FileResponse
from monailabel.utils.others.generic import get_mime_type
from monailabel.utils.sessions import SessionInfo, Sessions

from monai_ext.images import check_image_id, read_image
from monai_ext.landmarks import InputError, write_atomically
from monai_ext.studies import split_image_file

from ..errors import BusyError, ClosedError, NotFoundError, ParameterError
from .requests import AnyUser, App

router = APIRouter(tags=["Session"])

logger = logging.getLogger(__name__)

#: Sessions at a time: nobody fills the disk with images that are not part of the studies.
MAX_SESSIONS = 1000
_META = "meta.info"
_SESSION_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


class ImageSessions(Sessions):
    """Each session is a folder with one readable image file; a session that cannot be read is none.

    Args:
        store_path: folder of the sessions; empty: MONAI Label's own in the home folder.
        expiry: seconds after its last use when a session is removed.
    """

    store_path: str
    expiry: int

    def __init__(self, store_path: str = "", expiry: int = 3600) -> None:
        super().__init__(store_path, expiry)
        self._lock = threading.RLock()

    def add_image(self, file_name: str, content: bytes, expiry: int = 0) -> SessionInfo:
        """A new session for an image file.

        Raises:
            InputError: the name cannot be a file name, or the file is no readable 2D image.
            BusyError: there are too many sessions.
        """
        name = check_image_id(Path(file_name.replace("\\", "/")).name)
        root = Path(self.store_path)
        if root.is_dir() and sum(1 for _ in root.iterdir()) >= MAX_SESSIONS:
            raise BusyError(f"There are {MAX_SESSIONS} sessions already: remove those that are not used any more.")
        session_id = uuid.uuid4().hex
        folder = self._folder(session_id)
        folder.mkdir(parents=True)
        try:
            image = folder / name
            image.write_bytes(content)
            if split_image_file(image) is None:
                raise InputError(
                    f"{name!r} is not an image, by its extension and content: archives and other files are refused."
                )
            read_image(image)
            with self._lock:
                return self._register(session_id, image, expiry)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def find(self, session_id: str, update_ts: bool = True) -> SessionInfo:
        """A session by its number.

        Raises:
            NotFoundError: there is none.
        """
        found = self.get_session(session_id, update_ts=update_ts)
        if found is None:
            raise NotFoundError(f"There is no session {session_id[:100]!r}; it may have expired: create it again.")
        return found

    def get_session(self, session_id: str, update_ts: bool = True, fetch_cache: bool = True) -> SessionInfo | None:
        if _SESSION_ID.fullmatch(session_id) is None:
            return None
        with self._lock:
            found = self.get(session_id) if fetch_cache else None
            found = found or self._read(session_id)
            if found is None or not Path(found.image).is_file():
                self.pop(session_id, None)
                return None
            self[session_id] = found
            if update_ts:
                found.last_access_ts = int(time.time())
                self._write_meta_info(session_id, found)
            return found

    def remove_session(self, session_id: str) -> None:
        if _SESSION_ID.fullmatch(session_id) is None:
            return
        with self._lock:
            super().remove_session(session_id)

    def remove_expired(self) -> int:
        """Removes sessions that were not used for their time, and what an upload that was cut off left behind."""
        count, now = 0, int(time.time())
        root = Path(self.store_path)
        for folder in sorted(root.iterdir()) if root.is_dir() else ():
            with self._lock:
                known = self.get_session(folder.name, update_ts=False, fetch_cache=False)
                last = known.last_access_ts + known.expiry if known else _last_change(folder) + self.expiry
                if folder.is_dir() and last < now:
                    self.remove_session(folder.name)
                    count += 1
        return count

    def _register(self, session_id: str, image: Path, expiry: int) -> SessionInfo:
        now = int(time.time())
        lifetime = min(expiry, self.expiry) if expiry > 0 else self.expiry
        found = SessionInfo(
            {
                "name": session_id,
                "path": str(image.parent),
                "image": str(image),
                "meta": {},
                "create_ts": now,
                "last_access_ts": now,
                "expiry": lifetime,
            }
        )
        self._write_meta_info(session_id, found)
        self[session_id] = found
        return found

    def _read(self, session_id: str) -> SessionInfo | None:
        try:
            document = json.loads((self._folder(session_id) / _META).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if not isinstance(document, dict):
            return None
        found = SessionInfo(document)
        inside = Path(str(found.image)).parent == self._folder(session_id)
        return found if inside and isinstance(found.last_access_ts, int) and isinstance(found.expiry, int) else None

    def _write_meta_info(self, session_id: str, session_info: SessionInfo) -> None:
        write_atomically(self._folder(session_id) / _META, session_info.to_str())

    def _folder(self, session_id: str) -> Path:
        return Path(self.store_path) / session_id


def _last_change(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:  # removed meanwhile
        return 0.0


MAX_EXPIRY = 31 * 24 * 3600


def _sessions(app: Any) -> ImageSessions:
    found = app.sessions()
    if found is None:
        raise ClosedError("Sessions are switched off on this server (MONAI_LABEL_SESSIONS): use an image ID.")
    assert isinstance(found, ImageSessions)
    return found


@router.put("/session/", summary="Keep one image file for a while, without making it part of the studies")
def create_session(
    *,
    app: App,
    files: Annotated[list[UploadFile], File()],
    uncompress: bool = False,
    expiry: Annotated[int, Query(ge=0, le=MAX_EXPIRY)] = 0,
    user: AnyUser,
) -> dict[str, Any]:
    if uncompress:
        raise ParameterError("Archives are not unpacked: upload one image file, without uncompress.")
    if len(files) != 1:
        raise ParameterError(f"A session holds one 2D image file, not {len(files)}: make a session for each.")
    found = _sessions(app).add_image(files[0].filename or "", files[0].file.read(), expiry)
    return {"session_id": found.name, "session_info": _without_paths(found)}


@router.get("/session/{session_id}", summary="A session, or with image=true its image file")
def get_session(*, app: App, session_id: str, update_ts: bool = False, image: bool = False, user: AnyUser) -> Any:
    found = _sessions(app).find(session_id, update_ts)
    if not image:
        return _without_paths(found)
    return FileResponse(found.image, media_type=get_mime_type(found.image), filename=Path(found.image).name)


@router.delete("/session/{session_id}", summary="Remove a session")
def remove_session(*, app: App, session_id: str, user: AnyUser) -> dict[str, Any]:
    found = _sessions(app).find(session_id, update_ts=False)
    _sessions(app).remove_session(session_id)
    return _without_paths(found)


def _without_paths(session: SessionInfo) -> dict[str, Any]:
    """Returns what MONAI Label says of a session, with the name of its file instead of paths of the server."""
    known: dict[str, Any] = session.to_json()
    known.pop("path", None)
    return {**known, "image": Path(session.image).name}

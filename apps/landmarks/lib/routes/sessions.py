"""``/session/``: an image that is not part of the studies, for a while."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Query, UploadFile
from fastapi.responses import FileResponse
from monailabel.utils.others.generic import get_mime_type
from monailabel.utils.sessions import SessionInfo

from ..errors import ClosedError, ParameterError
from ..service import LandmarkService
from ..sessions import ImageSessions
from .access import AnyUser

MAX_EXPIRY = 31 * 24 * 3600


def sessions_router(service: LandmarkService, app: Any) -> APIRouter:
    """The routes of sessions."""
    router = APIRouter(tags=["Session"])

    def sessions() -> ImageSessions:
        found = app.sessions()
        if found is None:
            raise ClosedError("Sessions are switched off on this server (MONAI_LABEL_SESSIONS): use an image ID.")
        assert isinstance(found, ImageSessions)
        return found

    @router.put("/session/", summary="Keep one image file for a while, without making it part of the studies")
    def create_session(
        *,
        files: Annotated[list[UploadFile], File()],
        uncompress: bool = False,
        expiry: Annotated[int, Query(ge=0, le=MAX_EXPIRY)] = 0,
        user: AnyUser,
    ) -> dict[str, Any]:
        if uncompress:
            raise ParameterError("Archives are not unpacked: upload one image file, without uncompress.")
        if len(files) != 1:
            raise ParameterError(f"A session holds one 2D image file, not {len(files)}: make a session for each.")
        found = sessions().add_image(files[0].filename or "", files[0].file.read(), expiry)
        return {"session_id": found.name, "session_info": _without_paths(found)}

    @router.get("/session/{session_id}", summary="A session, or with image=true its image file")
    def get_session(*, session_id: str, update_ts: bool = False, image: bool = False, user: AnyUser) -> Any:
        found = sessions().find(session_id, update_ts)
        if not image:
            return _without_paths(found)
        return FileResponse(found.image, media_type=get_mime_type(found.image), filename=Path(found.image).name)

    @router.delete("/session/{session_id}", summary="Remove a session")
    def remove_session(*, session_id: str, user: AnyUser) -> dict[str, Any]:
        found = sessions().find(session_id, update_ts=False)
        sessions().remove_session(session_id)
        return _without_paths(found)

    return router


def _without_paths(session: SessionInfo) -> dict[str, Any]:
    """What MONAI Label says of a session, with the name of its file instead of paths of the server."""
    known: dict[str, Any] = session.to_json()
    known.pop("path", None)
    return {**known, "image": Path(session.image).name}

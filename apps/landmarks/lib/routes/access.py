"""Who may call a route: MONAI Label's roles, which count where its authentication is switched on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends
from monailabel.config import settings
from monailabel.endpoints.user.auth import DEFAULT_USER, RBAC, User


def _everybody() -> User:
    return DEFAULT_USER


def _has(role: str) -> Callable[..., Any]:
    # MONAI Label's own check takes a query parameter `token` where it is switched off.
    return RBAC(role) if settings.MONAI_LABEL_AUTH_ENABLE else _everybody


Admin = Annotated[User, Depends(_has(settings.MONAI_LABEL_AUTH_ROLE_ADMIN))]
Annotator = Annotated[User, Depends(_has(settings.MONAI_LABEL_AUTH_ROLE_ANNOTATOR))]
AnyUser = Annotated[User, Depends(_has(settings.MONAI_LABEL_AUTH_ROLE_USER))]

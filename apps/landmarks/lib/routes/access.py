"""Who may call a route: MONAI Label's roles, which count where its authentication is switched on."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from monailabel.config import settings
from monailabel.endpoints.user.auth import RBAC, User

Admin = Annotated[User, Depends(RBAC(settings.MONAI_LABEL_AUTH_ROLE_ADMIN))]
Annotator = Annotated[User, Depends(RBAC(settings.MONAI_LABEL_AUTH_ROLE_ANNOTATOR))]
AnyUser = Annotated[User, Depends(RBAC(settings.MONAI_LABEL_AUTH_ROLE_USER))]

"""A token that was given with ``--conf`` leaves traces; those that can be are removed."""

from __future__ import annotations

import json
import logging
import os

from monailabel.config import settings

from ..conf import TOKEN_VARIABLE

logger = logging.getLogger(__name__)
_VARIABLE = "MONAI_LABEL_APP_CONF"


def remove_token_traces() -> None:
    """Keeps the token from the processes that this one starts, and says where it can still be read."""
    if "token" not in settings.MONAI_LABEL_APP_CONF:
        return
    others = {name: value for name, value in settings.MONAI_LABEL_APP_CONF.items() if name != "token"}
    settings.MONAI_LABEL_APP_CONF = others
    if _VARIABLE in os.environ:
        os.environ[_VARIABLE] = json.dumps(others)
    logger.warning(
        "MONAI Label has printed the token of --conf token above and in its log file, and the list of processes shows "
        "it: use the environment variable %s instead.",
        TOKEN_VARIABLE,
    )

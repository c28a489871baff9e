"""Keeps requests and the token out of the server's log, which must not show who looked at which image."""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Iterable

from monailabel.config import settings
from starlette.routing import compile_path

from ..settings import TOKEN_VARIABLE

logger = logging.getLogger(__name__)


#: Loggers of MONAI Label that print image IDs, paths, file names or whole requests below the level WARNING.
TALKATIVE = (
    "monailabel.datastore",
    "monailabel.endpoints",
    "monailabel.interfaces.tasks",
    "monailabel.tasks",
    "monailabel.utils.async_tasks",
    "monailabel.utils.sessions",
    "task_batch_infer",
)
UNKNOWN = "(unknown address)"


class OnlyAddresses(logging.Filter):
    """Leaves of a request in uvicorn's access log only which address of the server it was sent to.

    Args:
        addresses: as they are defined, for instance ``/infer/{model}``.
    """

    def __init__(self, addresses: Iterable[str]) -> None:
        super().__init__()
        self._patterns = [(compile_path(address)[0], address) for address in dict.fromkeys(addresses)]

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple) and len(record.args) == 5:
            client, method, target, *rest = record.args
            record.args = (client, method, self.address_of(str(target)), *rest)
        return True

    def address_of(self, target: str) -> str:
        """The address that a request was sent to, without what its sender filled in."""
        path = target.partition("?")[0]
        return next((address for pattern, address in self._patterns if pattern.match(path)), UNKNOWN)


def keep_requests_out_of_logs(addresses: Iterable[str]) -> None:
    """Silences what libraries say of images and folders, unless the server was started with ``--verbose DEBUG``.

    Args:
        addresses: those of the server, which may stand in its access log.
    """
    access = logging.getLogger("uvicorn.access")
    for known in [known for known in access.filters if isinstance(known, OnlyAddresses)]:
        access.removeFilter(known)
    access.addFilter(OnlyAddresses(addresses))
    if logging.getLogger().getEffectiveLevel() > logging.DEBUG:
        for name in TALKATIVE:
            logging.getLogger(name).setLevel(logging.WARNING)
        # Of a folder that is seen twice while it is made; harmless, and the warning lists the watched folders.
        warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"watchdog\.")


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

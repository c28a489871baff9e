"""The start of a server on the address of a PACS."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs

from monai_ext.dicomweb import AccessError, Connection, Credentials, PacsError, check_address
from monai_ext.landmarks import InputError

from ..settings import Conf
from .datastore import PacsDatastore

logger = logging.getLogger(__name__)

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def open_pacs(address: str, conf: Conf, *, serves: bool, environment: Mapping[str, str] = os.environ) -> PacsDatastore:
    """The datastore of a PACS.

    Args:
        address: of its DICOMweb service.
        conf: of the server.
        serves: whether this process is the server, which asks the PACS whether it takes the credentials.
        environment: the variables that hold the credentials.

    Raises:
        InputError: the address or the credentials cannot be used, or an option does not go with a PACS.
    """
    credentials = Credentials.from_environment(environment)
    connection = Connection(check_address(address), credentials)
    if conf.readers > 1:
        raise InputError(
            "--conf readers 2 needs a studies folder: reports in a PACS would show one reader the other's."
        )
    if find_spec("highdicom") is None:
        raise InputError('Labels go to a PACS by the package highdicom: run `pip install -e ".[server,dicom-sr]"`.')
    _show_no_values()
    folder = mirror_folder(connection.address, conf.dicomweb_dir)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if serves:
        _check_access(connection, credentials)
    return PacsDatastore(folder, connection, cache_mb=conf.dicomweb_cache_mb, repair=serves)


def mirror_folder(address: str, chosen: str | None) -> Path:
    """The folder that mirrors a PACS; by default one for each address among the states of the user's programs."""
    if chosen is not None:
        return Path(chosen).expanduser().resolve()
    name = re.sub(r"[^A-Za-z0-9.-]", "_", urlsplit(address).netloc)
    digest = hashlib.blake2s(address.encode(), digest_size=4).hexdigest()
    return platformdirs.user_state_path("monai-landmarks") / "dicomweb" / f"{name}-{digest}"


def _show_no_values() -> None:
    """Silences warnings of libraries about odd values in a header: they show them, such as a patient's name."""
    warnings.filterwarnings("ignore", module="pydicom|highdicom")
    for library in ("pydicom", "highdicom"):
        logging.getLogger(library).setLevel(logging.ERROR)


def _check_access(connection: Connection, credentials: Credentials) -> None:
    parts = urlsplit(connection.address)
    if parts.scheme == "http" and (credentials.user or credentials.token) and parts.hostname not in _LOOPBACK:
        logger.warning("%s has no https: credentials and images can be read on the way.", connection.address)
    try:
        connection.get_json("/instances", [("limit", "1")])
    except AccessError:
        raise
    except PacsError as error:
        logger.warning("The server starts with what it knows of the PACS, and tries again: %s", error)

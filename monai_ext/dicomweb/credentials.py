"""The address of a PACS, and what it asks for: from the environment, so that no secret is in a list of processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from monai_ext.landmarks import InputError

VARIABLE = "MONAI_LANDMARKS_DICOMWEB_"


def is_address(studies: str) -> bool:
    """Tells whether studies are the address of a PACS and no folder."""
    return studies.startswith(("http://", "https://"))


def check_address(address: str) -> str:
    """The address of a DICOMweb service without the slash at its end.

    Raises:
        InputError: it names no host, or holds a password, a query or a fragment.
    """
    try:
        parts = urlsplit(address)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise InputError(
            "The address of the PACS is malformed; write it like https://pacs.example/dicom-web."
        ) from None
    if parts.username is not None or parts.password is not None:
        raise InputError(
            f"The address of the PACS holds a name or password: leave it out and set {VARIABLE}USER and "
            f"{VARIABLE}PASSWORD."
        )
    if not named or parts.scheme not in ("http", "https") or parts.query or parts.fragment:
        raise InputError(f"{address[:200]!r} is no address of a PACS; write it like https://pacs.example/dicom-web.")
    return address.strip().rstrip("/")


@dataclass(frozen=True)
class Credentials:
    """What a PACS asks for; read from the environment, so that it is in no process list and no log.

    Attributes:
        user, password: of basic authentication.
        token: a bearer token.
        certificate, key: PEM files of a client certificate; the key may be in the file of the certificate.
        authority: a PEM file of the authorities that the certificate of the PACS is signed by.
    """

    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    certificate: str = ""
    key: str = ""
    authority: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Credentials:
        """Reads ``MONAI_LANDMARKS_DICOMWEB_USER``, ``_PASSWORD``, ``_TOKEN``, ``_CERTIFICATE``, ``_KEY``, ``_CA``.

        Raises:
            InputError: they contradict each other, or name a file that is not there.
        """
        names = {"user": "USER", "password": "PASSWORD", "token": "TOKEN"}
        names |= {"certificate": "CERTIFICATE", "key": "KEY", "authority": "CA"}
        found = cls(**{field: environment.get(f"{VARIABLE}{name}", "") for field, name in names.items()})
        if found.token and (found.user or found.password):
            raise InputError(f"Set {VARIABLE}TOKEN, or {VARIABLE}USER and {VARIABLE}PASSWORD, not both.")
        if bool(found.user) != bool(found.password):
            raise InputError(f"{VARIABLE}USER and {VARIABLE}PASSWORD belong together; set both.")
        if found.key and not found.certificate:
            raise InputError(f"{VARIABLE}KEY needs {VARIABLE}CERTIFICATE; set both.")
        if any(not 32 < ord(character) < 127 for character in found.token):
            raise InputError(f"{VARIABLE}TOKEN holds a space or a character that no token has; copy it again.")
        for name in ("certificate", "key", "authority"):
            path = getattr(found, name)
            if path and not Path(path).is_file():
                raise InputError(
                    f"{VARIABLE}{names[name]} names {path}, which is no file; give the path of a PEM file."
                )
        return found

"""Certificates between this program and a PACS: their files checked before use, and what a refusal means."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

import requests

from monai_ext.landmarks import InputError

from .credentials import VARIABLE, Credentials

#: X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED (OpenSSL, x509_vfy.h).
_OUT_OF_DATE = (9, 10)
#: X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH.
_OTHER_HOST = (62, 64)
#: What OpenSSL says where the other side answers in plain text.
_PLAIN = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE")
#: Alerts of both sides that have no version of TLS in common.
_NO_VERSION = ("PROTOCOL_VERSION", "INSUFFICIENT_SECURITY")
#: Alerts that follow a client certificate, or the lack of one; TLS 1.2 tells the latter by the second.
_OF_CERTIFICATE = ("CERTIFICATE", "HANDSHAKE_FAILURE", "UNKNOWN_CA", "ACCESS_DENIED", "DECRYPT_ERROR")
_DEEPEST = 10
#: Time for a connection, and for an alert after it.
_ALERT_SECONDS = 3.0


class Refusal(NamedTuple):
    """Why TLS ended a connection.

    Attributes:
        words: the end of a sentence about the PACS, with what to do.
        lasts: whether it stays so until a setting is changed here.
    """

    words: str
    lasts: bool = True


def check_certificates(credentials: Credentials) -> None:
    """Reads the files of the certificates once, as each connection will.

    Raises:
        InputError: a file is no PEM file of what it should hold, the key is encrypted, or it is of another certificate.
    """
    try:
        _context(credentials)
    except OSError as error:  # of which ssl.SSLError is one
        reason = "" if isinstance(error, ssl.SSLError) else f" ({error.strerror})"
        raise InputError(
            f"{VARIABLE}CERTIFICATE and {VARIABLE}KEY name no PEM files of a certificate and its own key{reason}: "
            "check both files."
        ) from None


def refusal(error: BaseException, credentials: Credentials) -> Refusal | None:
    """Why a connection failed, as far as TLS tells.

    Args:
        error: of the request, which holds that of TLS.
        credentials: that were used.

    Returns:
        None where nothing is known: the connection broke off without a word of TLS.
    """
    reasons = [each for each in _chain(error) if isinstance(each, ssl.SSLError)]
    verified = next((each for each in reasons if isinstance(each, ssl.SSLCertVerificationError)), None)
    if verified is not None:
        return _distrust(verified.verify_code, credentials)
    names = " ".join(str(each.reason or each).upper().replace(" ", "_") for each in reasons)
    if any(name in names for name in _PLAIN):
        return Refusal("does not speak https: correct the port, or write http.")
    if "ALERT" not in names:
        return None
    if any(name in names for name in _NO_VERSION):
        return Refusal("speaks no version of TLS that is accepted here: it has to offer TLS 1.2 or later.")
    if not any(name in names for name in _OF_CERTIFICATE):
        return None
    if credentials.certificate:
        return Refusal(f"refuses the certificate of {VARIABLE}CERTIFICATE: name one that the PACS trusts.")
    return Refusal(f"refuses TLS without a client certificate: name one in {VARIABLE}CERTIFICATE and {VARIABLE}KEY.")


def heard_after_handshake(address: str, credentials: Credentials) -> OSError | None:
    """What a PACS says of TLS before it is asked for anything.

    With TLS 1.3 a client certificate is judged after the client has finished its handshake, and the alert is lost where
    a request is already on its way. Here none is.

    Args:
        address: of the PACS, https.
        credentials: that it asks for.

    Returns:
        None where it says nothing, and waits for the request.

    Raises:
        InputError: as :func:`check_certificates`.
    """
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port or 443
    try:
        with (
            socket.create_connection((host, port), _ALERT_SECONDS) as plain,
            _context(credentials).wrap_socket(plain, server_hostname=host) as secure,
        ):
            secure.recv(1)
    except TimeoutError:
        return None
    except OSError as error:
        return error
    return None


def _distrust(code: int, credentials: Credentials) -> Refusal:
    if code in _OUT_OF_DATE:
        return Refusal("has a certificate that is out of date: have it renewed, or set the clock here.", lasts=False)
    if code in _OTHER_HOST:
        return Refusal("has a certificate of another host: give the name that stands in it as --studies.")
    known = f"in {VARIABLE}CA" if credentials.authority else "known here"
    return Refusal(
        f"has a certificate of an authority that is not {known}: name the PEM file of its authority in {VARIABLE}CA."
    )


def _context(credentials: Credentials) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=credentials.authority or requests.certs.where())
    except OSError:
        raise InputError(f"{VARIABLE}CA names no PEM file of certificates: check the file.") from None
    if credentials.certificate:
        asked: list[bool] = []

        def no_password() -> str:
            asked.append(True)
            return ""

        try:
            context.load_cert_chain(credentials.certificate, credentials.key or None, no_password)
        except OSError:
            if asked:
                raise InputError(
                    f"The key of {VARIABLE}CERTIFICATE is encrypted: store it without a pass phrase, in a file that "
                    "only the server's user can read."
                ) from None
            raise
    return context


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, and those that it was made of, as requests and urllib3 wrap them."""
    seen: list[BaseException] = []
    open_: list[object] = [error]
    while open_ and len(seen) < _DEEPEST:
        each = open_.pop(0)
        if not isinstance(each, BaseException) or each in seen:
            continue
        seen.append(each)
        yield each
        with contextlib.suppress(AttributeError):
            open_.append(each.reason)  # type: ignore[attr-defined]
        open_ += [*each.args, each.__cause__, each.__context__]

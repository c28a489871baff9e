"""Requests to a PACS: bounded in size and time, and every failure one sentence that holds no secret."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO
from urllib.parse import quote, urlencode

import requests
import urllib3

from monai_ext.landmarks import InputError

from .credentials import VARIABLE, Credentials, check_address
from .tls import check_certificates, heard_after_handshake, refusal

MEGABYTE = 1024 * 1024
CONNECT_SECONDS = 5.0
#: Longest silence within an answer.
READ_SECONDS = 30.0
#: Longest time for a whole answer.
WHOLE_SECONDS = 300.0
JSON_MEGABYTES = 32
_CHUNK = 64 * 1024


class PacsError(InputError):
    """Something cannot be had of a PACS, or given to it, now."""


class AwayError(PacsError):
    """A PACS does not answer at all, or not in time; to be tried again later."""


class FailedError(AwayError):
    """A PACS fails at one request (500); to be tried again later, while others may succeed."""


class AccessError(AwayError):
    """A PACS refuses the credentials or a certificate, or its own certificate is not trusted."""


class AnswerError(PacsError):
    """A PACS answers something else than what was asked for."""


class _Bearer(requests.auth.AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Connection:
    """Requests to one DICOMweb service; safe to use from many threads.

    Proxies and ``.netrc`` are not used, and no redirect is followed: credentials and images go to the address alone.

    Args:
        address: as :func:`check_address` gives it.
        credentials: that it asks for.
        read_seconds, whole_seconds: the longest silence within an answer, and the longest time for all of it.

    Raises:
        InputError: the address cannot be used, or a file of a certificate.
    """

    def __init__(
        self,
        address: str,
        credentials: Credentials | None = None,
        *,
        read_seconds: float = READ_SECONDS,
        whole_seconds: float = WHOLE_SECONDS,
    ) -> None:
        credentials = Credentials() if credentials is None else credentials
        self.address, self._credentials = check_address(address), credentials
        if self._is_safe:
            check_certificates(credentials)
        self._timeouts, self._whole_seconds = (CONNECT_SECONDS, read_seconds), whole_seconds
        self._session = requests.Session()
        self._session.trust_env = False
        if credentials.token:
            self._session.auth = _Bearer(credentials.token)
        elif credentials.user:
            self._session.auth = (credentials.user.encode(), credentials.password.encode())
        if credentials.certificate:
            self._session.cert = (credentials.certificate, credentials.key or credentials.certificate)
        self._session.verify = credentials.authority or True

    def get_json(self, path: str, query: Sequence[tuple[str, str]] = ()) -> list[dict[str, Any]]:
        """A list of DICOM JSON objects; empty where the PACS answers that there is nothing.

        Raises:
            PacsError: no such answer.
        """
        with self._asked("GET", path, query=query, headers={"Accept": "application/dicom+json"}) as response:
            if response.status_code == 204:
                return []
            self._check_status(response, path)
            found = self._parsed(b"".join(self._chunks(response, JSON_MEGABYTES)), path)
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            raise AnswerError(
                f"{self._place(path)} answers with JSON that is no list of DICOM objects: is it DICOMweb?"
            )
        return found

    def get_file(self, path: str, accept: str, stream: BinaryIO, megabytes: int) -> str:
        """Writes an answer to a stream; returns its content type.

        Raises:
            PacsError: no answer, or one that is longer than so many megabytes.
            OSError: the stream cannot be written.
        """
        with self._asked("GET", path, headers={"Accept": accept}) as response:
            self._check_status(response, path)
            for chunk in self._chunks(response, megabytes):
                stream.write(chunk)
            return response.headers.get("Content-Type", "")

    def post(self, path: str, body: bytes, content_type: str) -> tuple[int, Any]:
        """The status and the JSON by which a PACS answers what is sent to it.

        Raises:
            PacsError: no such answer, or a status that is neither of success nor 409.
        """
        headers = {"Content-Type": content_type, "Accept": "application/dicom+json"}
        with self._asked("POST", path, headers=headers, data=body) as response:
            if response.status_code != 409:
                self._check_status(response, path)
            return response.status_code, self._parsed(b"".join(self._chunks(response, JSON_MEGABYTES)), path)

    @contextmanager
    def _asked(
        self, method: str, path: str, query: Sequence[tuple[str, str]] = (), **request: Any
    ) -> Iterator[requests.Response]:
        place = self._place(path)
        text = urlencode(query, quote_via=quote, safe="*-,:/")  # wildcards and ranges as they are: not all decode them
        try:
            with self._session.request(
                method,
                f"{self.address}{path}{f'?{text}' if text else ''}",
                timeout=self._timeouts,
                stream=True,
                allow_redirects=False,
                **request,
            ) as response:
                yield response
        except (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError):
            raise AwayError(f"{place} answers too slowly.") from None
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            network = isinstance(error, (requests.RequestException, urllib3.exceptions.HTTPError, ConnectionError))
            if not network and error.errno is not None:
                raise  # of the stream that an answer is written to
            raise self._broken(error, place) from None

    @property
    def _is_safe(self) -> bool:
        return self.address.startswith("https:")

    def _broken(self, error: BaseException, place: str) -> AwayError:
        """What is said of a connection that could not be made, or ended."""
        told = None
        if self._is_safe:
            try:
                told = refusal(error, self._credentials)
                if told is None:
                    heard = heard_after_handshake(self.address, self._credentials)
                    told = None if heard is None else refusal(heard, self._credentials)
            except InputError as gone:  # a file of a certificate that was there at the start
                return AccessError(str(gone))
        if told is None:
            return AwayError(f"{place} does not answer, or broke off.")
        return (AccessError if told.lasts else AwayError)(f"{place} {told.words}")

    def _check_status(self, response: requests.Response, path: str) -> None:
        status, place = response.status_code, self._place(path)
        if status in (401, 403):
            raise AccessError(
                f"{place} refuses the credentials ({status}): check {VARIABLE}USER and {VARIABLE}PASSWORD, "
                f"{VARIABLE}TOKEN or {VARIABLE}CERTIFICATE."
            )
        if 300 <= status < 400:
            raise AnswerError(
                f"{place} sends requests on to another address ({status}): give that address as --studies."
            )
        if not 200 <= status < 300:
            kind: type[PacsError] = AwayError if status > 500 or status in (408, 429) else AnswerError
            raise (FailedError if status == 500 else kind)(f"{place} answers with an error ({status}).")

    def _chunks(self, response: requests.Response, megabytes: int) -> Iterator[bytes]:
        end, left = time.monotonic() + self._whole_seconds, megabytes * MEGABYTE
        while chunk := response.raw.read1(_CHUNK, decode_content=True):
            left -= len(chunk)
            if left < 0:
                raise AnswerError(f"{self.address} sends more than the {megabytes} MB that an answer may have.")
            if time.monotonic() > end:
                raise AwayError(f"{self.address} answers too slowly.")
            yield chunk

    def _parsed(self, content: bytes, path: str) -> Any:
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            raise AnswerError(f"{self._place(path)} answers with something else than JSON: is it DICOMweb?") from None

    def _place(self, path: str) -> str:
        """The address and the kind of request, without UIDs."""
        return f"{self.address}{path if path.count('/') == 1 else '/studies/...'}"

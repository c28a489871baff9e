"""Bad requests with the HTTP status that answers them; a plain InputError is answered with 400."""

from __future__ import annotations

from monai_ext.dicomweb import AwayError, PacsError
from monai_ext.landmarks import InputError
from monai_ext.studies import ConflictError, LockedError, NotFoundError, StorageError, TooLargeError

__all__ = [
    "BusyError",
    "ClosedError",
    "ConflictError",
    "ContentTypeError",
    "LockedError",
    "NotAllowedError",
    "NotFoundError",
    "ParameterError",
    "QueueFullError",
    "RetryError",
    "StorageError",
    "TimedOutError",
    "TooLargeError",
    "http_status",
]


class ClosedError(InputError):
    """The address exists on this server, but is not open."""


class NotAllowedError(InputError):
    """The address exists, but not for this kind of request."""


class ContentTypeError(InputError):
    """The body of a request is of another kind than its address takes."""


class ParameterError(InputError):
    """A parameter of a request has a wrong name, type or value."""


class BusyError(InputError):
    """A task of this kind already runs."""


class RetryError(InputError):
    """The server has too much to do now; the answer says when to ask again.

    Args:
        sentence: what happened.
        retry_after: whole seconds after which the request is likely to be answered.
    """

    def __init__(self, sentence: str, retry_after: int = 1) -> None:
        super().__init__(sentence)
        self.headers = {"retry-after": str(retry_after)}


class QueueFullError(RetryError):
    """Too many requests of this kind wait already."""


class TimedOutError(RetryError):
    """There was no answer within the time that the server gives a request."""


_STATUS: tuple[tuple[type[InputError], int], ...] = (
    (ClosedError, 403),
    (NotFoundError, 404),
    (NotAllowedError, 405),
    (ConflictError, 409),
    (TooLargeError, 413),
    (ContentTypeError, 415),
    (ParameterError, 422),
    (BusyError, 429),
    (QueueFullError, 429),
    (RetryError, 503),
    (LockedError, 503),
    (AwayError, 503),
    (PacsError, 502),
    (StorageError, 507),
)


def http_status(error: InputError) -> int:
    """Returns the status that answers an error, mostly a 4xx."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 400)

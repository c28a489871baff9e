"""Bad requests with the HTTP status that answers them; a plain InputError is answered with 400."""

from __future__ import annotations

from monai_ext.landmarks import InputError


class ClosedError(InputError):
    """The address exists on this server, but is not open."""

    status = 403


class NotFoundError(InputError):
    """Something that a request names does not exist."""

    status = 404


class NotAllowedError(InputError):
    """The address exists, but not for this kind of request."""

    status = 405


class ConflictError(InputError):
    """The request is right, but the state of the server does not allow it now."""

    status = 409


class TooLargeError(InputError):
    """What a request brings has more bytes than the server takes of its kind."""

    status = 413


class ContentTypeError(InputError):
    """The body of a request is of another kind than its address takes."""

    status = 415


class ParameterError(InputError):
    """A parameter of a request has a wrong name, type or value."""

    status = 422


class BusyError(InputError):
    """A task of this kind already runs."""

    status = 429


class RetryError(InputError):
    """The server has too much to do now; the answer says when to ask again.

    Args:
        sentence: what happened.
        retry_after: whole seconds after which the request is likely to be answered.
    """

    status = 503

    def __init__(self, sentence: str, retry_after: int = 1) -> None:
        super().__init__(sentence)
        self.headers = {"retry-after": str(retry_after)}


class QueueFullError(RetryError):
    """Too many requests of this kind wait already."""

    status = 429


class TimedOutError(RetryError):
    """There was no answer within the time that the server gives a request."""


class LockedError(InputError):
    """Another process holds the studies folder for too long."""

    status = 503


class StorageError(InputError):
    """The studies folder takes no more data; nothing was changed."""

    status = 507


def http_status(error: InputError) -> int:
    """The status that answers an error, mostly a 4xx."""
    return int(getattr(error, "status", 400))

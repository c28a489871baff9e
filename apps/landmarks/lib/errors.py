"""Bad requests with the HTTP status that answers them; a plain InputError is answered with 400."""

from __future__ import annotations

from monai_ext.landmarks import InputError


class NotFoundError(InputError):
    """Something that a request names does not exist."""

    status = 404


class NotAllowedError(InputError):
    """The address exists, but not for this kind of request."""

    status = 405


class ConflictError(InputError):
    """The request is right, but the state of the server does not allow it now."""

    status = 409


class ParameterError(InputError):
    """A parameter of a request has a wrong name, type or value."""

    status = 422


class BusyError(InputError):
    """A task of this kind already runs."""

    status = 429


def http_status(error: InputError) -> int:
    """The 4xx status that answers an error."""
    return int(getattr(error, "status", 400))

"""Errors of a studies folder; a server answers each kind with a status of its own."""

from __future__ import annotations

from monai_ext.landmarks import InputError


class NotFoundError(InputError):
    """Something that is named does not exist."""


class ConflictError(InputError):
    """The change is right, but the present state does not allow it."""


class TooLargeError(InputError):
    """Something has more bytes than what it is sent as may have."""


class LockedError(InputError):
    """Another process holds the studies folder for too long."""


class StorageError(InputError):
    """The studies folder takes no more data; nothing was changed."""

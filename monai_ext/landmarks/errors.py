"""The one error that bad input raises."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class InputError(ValueError):
    """Input that a person gave cannot be used.

    The message is one sentence that names the file, line or field, shows the offending value and says
    what to do. The command line prints it and exits with code 2; the server answers it with a 4xx status.
    """


class ModelError(InputError):
    """A trained network cannot answer; what a person asked for is right."""


def input_error_behind(error: BaseException) -> InputError | None:
    """The bad input that caused an error; MONAI's transforms wrap it in errors of their own."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, InputError):
        cause = cause.__cause__
    return cause


@contextmanager
def input_errors_unwrapped() -> Iterator[None]:
    """Within the block, an error that bad input caused is raised as that InputError, whatever wrapped it."""
    try:
        yield
    except Exception as error:
        reason = input_error_behind(error)
        if reason is None or reason is error:
            raise
        raise reason from None

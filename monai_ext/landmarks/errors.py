"""The one error that bad input raises."""

from __future__ import annotations


class InputError(ValueError):
    """Input that a person gave cannot be used.

    The message is one sentence that names the file, line or field, shows the offending value and says
    what to do. The command line prints it and exits with code 2; the server answers it with a 4xx status.
    """

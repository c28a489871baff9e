"""The option --normalize-by that commands share."""

from __future__ import annotations

from monai_ext.landmarks import InputError, Protocol


def between(named: str | None, protocol: Protocol) -> tuple[str, str] | None:
    """The two landmarks of --normalize-by.

    Raises:
        InputError: not two different landmarks of the protocol.
    """
    if named is None:
        return None
    names = [name.strip() for name in named.split(",")]
    if len(names) != 2 or names[0] == names[1] or not set(names) <= set(protocol.landmark_names):
        raise InputError(
            f"--normalize-by needs two different landmarks out of {', '.join(protocol.landmark_names)}, not {named!r}."
        )
    return names[0], names[1]

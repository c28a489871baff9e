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
    unknown = next((name for name in names if name not in protocol.landmark_names), None)
    if unknown is not None:
        raise InputError(
            f"--normalize-by: there is no landmark {unknown!r}; there are {', '.join(protocol.landmark_names)}."
        )
    if len(names) != 2 or names[0] == names[1]:
        raise InputError(f"--normalize-by needs two different landmarks, NAME1,NAME2, not {named!r}.")
    return names[0], names[1]

"""Errors; each is one sentence for the person."""

from __future__ import annotations

from collections.abc import Mapping


class ClientError(Exception):
    """A request that did not succeed. ``str(error)`` is one sentence that says what happened and what to do."""


class Unreachable(ClientError):
    """No server answered at the address, the connection broke, or its certificate is not trusted."""


class TimedOut(ClientError):
    """The server accepted a connection, but sent nothing or took too long."""


class Cancelled(ClientError):
    """The request was cancelled by the person; no message is needed."""


class WrongToken(ClientError):
    """The server wants an access token, or does not know or does not allow the one that was sent (401, 403)."""


class Refused(ClientError):
    """The server understood the request and refused it with a sentence of its own.

    Attributes:
        status: the HTTP status, 400 to 499.
    """

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


class Busy(Refused):
    """The server is overloaded and states when to send the request again.

    Attributes:
        seconds: to wait before the same request.
    """

    def __init__(self, sentence: str, status: int, seconds: float) -> None:
        super().__init__(sentence, status)
        self.seconds = seconds


class ServerFailed(ClientError):
    """The server failed while it answered, or cannot do it now (503) or has no room (507), with its own sentence.

    Attributes:
        status: the HTTP status, 500 or above.
    """

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


class BadAnswer(ClientError):
    """The answer is not what the address promises: not JSON, cut off, too large, or from another kind of server."""


class OtherFrame(ClientError):
    """A label was made on another placement of its image, or on another image."""


class WrongDefinition(ClientError):
    """Two sides mean different landmarks by one protocol's name: the server, a label, or the open work."""


class Overtaken(ClientError):
    """Somebody else saved a label of the image since it was opened; nothing was sent.

    Attributes:
        labels: when each label on the server was saved, by tag, once the person has been told.
    """

    def __init__(self, sentence: str, labels: Mapping[str, float | None]) -> None:
        super().__init__(sentence)
        self.labels = labels


class SceneError(Exception):
    """The scene cannot do what was asked; ``str(error)`` is one sentence for the person."""

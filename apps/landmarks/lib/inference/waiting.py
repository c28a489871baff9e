"""How a request waits for its answer without holding a thread."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future

from starlette.requests import Request

from ..errors import TimedOutError
from .answer import Answer


async def wait_for_answer(request: Request, future: Future[Answer], seconds: float) -> Answer | None:
    """The answer of a future; None where the client went away meanwhile. A future that is given up is cancelled.

    Args:
        request: the request, whose body has been read.
        future: of the answer.
        seconds: how long to wait.

    Raises:
        TimedOutError: there was no answer in time.
    """
    answer = asyncio.wrap_future(future)
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait((answer, gone), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        if gone.done():
            return None
        raise TimedOutError(
            f"There was no prediction within {seconds:g} seconds: try again, or start the server with a larger "
            "--conf infer_timeout."
        )
    finally:
        future.cancel()
        gone.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass

"""A response that sends as events come; it ends with its client, with its events, or when the client does not take."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.types import Receive, Scope, Send

log = logging.getLogger(__name__)

MEDIA_TYPE: Final = "text/event-stream"
_PATIENCE_S: Final = 10.0


class EventStream(Response):
    """Server-sent events; `ended` is called when it is over, however that came."""

    media_type = MEDIA_TYPE

    def __init__(
        self, chunks: AsyncIterator[bytes], ended: Callable[[], None], patience_s: float = _PATIENCE_S
    ) -> None:
        """Prepare; a client that takes longer than `patience_s` for one chunk is dropped."""
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._chunks = chunks
        self._ended = ended
        self._patience_s = patience_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Send until it is over."""
        sending, leaving = asyncio.ensure_future(self._send(send)), asyncio.ensure_future(_left(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        except TimeoutError:
            log.warning("client takes nothing and is dropped", extra={"within_s": self._patience_s})
        finally:
            self._ended()
            sending.cancel()
            leaving.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async for chunk in self._chunks:
            async with asyncio.timeout(self._patience_s):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        async with asyncio.timeout(self._patience_s):
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

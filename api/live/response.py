"""A response that sends as events come; it ends with its client, its events, its key, or when nobody takes them."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from starlette.types import Receive, Scope, Send

log = logging.getLogger(__name__)

MEDIA_TYPE: Final = "text/event-stream"
_PATIENCE_S: Final = 10.0
_FAREWELL_S: Final = 0.5


class EventStream(Response):
    """Server-sent events; `ended` is called when it is over, however that came."""

    media_type = MEDIA_TYPE

    def __init__(
        self,
        chunks: AsyncGenerator[bytes, None],
        ended: Callable[[], None],
        patience_s: float = _PATIENCE_S,
        *,
        over: asyncio.Event | None = None,
    ) -> None:
        """Prepare; a client that takes longer than `patience_s` for one chunk is dropped, `over` ends it at once."""
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._chunks = chunks
        self._ended = ended
        self._patience_s = patience_s
        self._over = over or asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Send until it is over."""
        reasons = [asyncio.ensure_future(one) for one in (self._send(send), _left(receive), self._over.wait())]
        sending = reasons[0]
        try:
            await asyncio.wait(reasons, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        except TimeoutError:
            log.warning("client takes nothing and is dropped", extra={"within_s": self._patience_s})
        finally:
            self._ended()
            for reason in reasons:
                reason.cancel()
            await asyncio.gather(*reasons, return_exceptions=True)
        if self._over.is_set() and sending.cancelled():
            await self._farewell(send)

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async with aclosing(self._chunks) as chunks:
            async for chunk in chunks:
                async with asyncio.timeout(self._patience_s):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
        async with asyncio.timeout(self._patience_s):
            await _finish(send)

    async def _farewell(self, send: Send) -> None:
        """End the answer as a whole one, unless its client takes nothing at this moment."""
        try:
            async with asyncio.timeout(_FAREWELL_S):
                await _finish(send)
        except TimeoutError:
            log.warning("client takes nothing and is dropped", extra={"within_s": _FAREWELL_S})


async def _finish(send: Send) -> None:
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

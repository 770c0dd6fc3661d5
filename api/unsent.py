"""Long answers that are made and not yet sent: so many bytes of a key or address, however slowly it reads."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers

from api.errors import TooMany
from api.lengthy import LONG_BYTES
from api.problems import problem
from api.turns import HOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES: Final = 32 * 1024 * 1024
"""Eight of the longest answers that a fleet with a dozen open alerts a car leads to."""


class UnsentAnswers:
    """Counts the bytes of each holder's long answers; one that several requests share is held, and counts, once."""

    def __init__(self, *, most_bytes: int = MOST_BYTES) -> None:
        """Begin with none."""
        self._most_bytes = most_bytes
        self._bytes: Counter[str] = Counter()
        self._requests: Counter[tuple[str, int]] = Counter()

    @contextmanager
    def held(self, holder: str, body: bytes) -> Iterator[None]:
        """Count an answer until the block ends; a long one that is alone may be of any length. Raises TooMany."""
        if len(body) <= LONG_BYTES:
            yield
            return
        answer = holder, id(body)
        if not self._requests[answer]:
            self._refuse_more(holder, len(body))
            self._bytes[holder] += len(body)
        self._requests[answer] += 1
        try:
            yield
        finally:
            self._requests[answer] -= 1
            if not self._requests[answer]:
                del self._requests[answer]
                self._bytes[holder] -= len(body)
                if not self._bytes[holder]:
                    del self._bytes[holder]

    def _refuse_more(self, holder: str, length: int) -> None:
        unsent = self._bytes[holder]
        if unsent and unsent + length > self._most_bytes:
            raise TooMany(
                f"{unsent} bytes of answers to {holder} are not sent yet, and this one would make them "
                f"{unsent + length}, of at most {self._most_bytes}; read those first, or ask for fewer at once"
            )


class BoundedUnsent:
    """ASGI middleware; what would be too much is dropped when its length is known, and answered 429."""

    def __init__(self, app: ASGIApp, *, unsent: UnsentAnswers) -> None:
        """Wrap an application."""
        self._app = app
        self._unsent = unsent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun: Message | None = None

        async def counted(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start" and _is_long(message):
                begun = message
                return
            if begun is None:
                await send(message)
                return
            start, begun = begun, None
            try:
                with self._unsent.held(HOLDER.get(), message.get("body", b"")):
                    await send(start)
                    await send(message)
            except TooMany as error:
                await problem(scope["path"], HTTPStatus.TOO_MANY_REQUESTS, str(error))(scope, receive, send)

        await self._app(scope, receive, counted)


def _is_long(start: Message) -> bool:
    """Tell whether an answer is whole and long; a stream has no length, and what it may hold is bounded by itself."""
    return int(Headers(raw=start["headers"]).get("content-length", 0)) > LONG_BYTES

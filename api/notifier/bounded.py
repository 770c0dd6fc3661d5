"""What a receiver may send: little, read in small pieces between which other deliveries have their turn.

h11 and OpenSSL work off all that a read brings at one go, informational answers or session tickets without end among
it; so both the answer and the bytes beneath its TLS are bounded.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import anyio
import httpcore
from anyio.streams.tls import TLSAttribute, TLSStream

if TYPE_CHECKING:
    import ssl

MOST_ANSWER_BYTES: Final = 16 * 1024
"""Of an answer: its informational answers, its headers, and the beginning of its body."""
_MOST_TLS_BYTES: Final = 64 * 1024
"""Beneath TLS: of a handshake with its certificates, or of an answer."""
_PIECE_BYTES: Final = 2 * 1024
"""What is parsed before others have their turn: about a hundred informational answers."""


class AnswerTooLong(Exception):
    """The receiver sends more than an answer may have."""


class BoundedStream(httpcore.AsyncNetworkStream):
    """A connection of which no answer is longer than a bound; each request begins the count anew."""

    def __init__(self, inner: httpcore.AsyncNetworkStream, most_bytes: int = MOST_ANSWER_BYTES) -> None:
        """Read nothing yet."""
        self._inner = inner
        self._most_bytes = self._left_bytes = most_bytes

    def begin(self) -> None:
        """Count from here."""
        self._left_bytes = self._most_bytes

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's, as below
        """Return the next piece. Raises AnswerTooLong."""
        await asyncio.sleep(0)
        if self._left_bytes <= 0:
            raise AnswerTooLong(f"its answer is longer than {self._most_bytes} bytes")
        piece = await self._inner.read(min(max_bytes, _PIECE_BYTES), timeout)
        self._left_bytes -= len(piece)
        return piece

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Send a part of a request, of which the answer is yet to come."""
        self.begin()
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        """Return the same within TLS. Raises what the handshake does, once the connection is closed."""
        beneath = _BeneathTls(self._inner)
        try:
            async with asyncio.timeout(timeout):
                tls = await TLSStream.wrap(
                    beneath, server_side=False, hostname=server_hostname, ssl_context=ssl_context,
                    standard_compatible=False,
                )  # fmt: skip
        except BaseException:
            await self.aclose()
            raise
        return BoundedStream(_WithinTls(beneath, tls))

    def get_extra_info(self, info: str) -> Any:
        """Return what the connection tells of itself."""
        return self._inner.get_extra_info(info)


class _BeneathTls(anyio.abc.ByteStream):
    """The bytes as the network brings them. What TLS itself sends begins no count: a receiver can ask for that."""

    def __init__(self, network: httpcore.AsyncNetworkStream) -> None:
        self.network = network
        self.bounded = BoundedStream(network, _MOST_TLS_BYTES)

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        piece = await self.bounded.read(max_bytes)
        if not piece:
            raise anyio.EndOfStream
        return piece

    async def send(self, item: bytes) -> None:
        await self.network.write(item)

    async def send_eof(self) -> None:
        raise NotImplementedError  # TLS ends a connection by its own message, or as a whole

    async def aclose(self) -> None:
        await self.network.aclose()


class _WithinTls(httpcore.AsyncNetworkStream):
    """What TLS makes of these bytes."""

    def __init__(self, beneath: _BeneathTls, tls: TLSStream) -> None:
        self._beneath = beneath
        self._tls = tls

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        try:
            async with asyncio.timeout(timeout):
                return await self._tls.receive(max_bytes)
        except anyio.EndOfStream:
            return b""

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        self._beneath.bounded.begin()
        async with asyncio.timeout(timeout):
            await self._tls.send(buffer)

    async def aclose(self) -> None:
        await self._tls.aclose()

    def get_extra_info(self, info: str) -> Any:
        if info == "ssl_object":
            return self._tls.extra(TLSAttribute.ssl_object)  # noqa: S610 - not Django's
        return self._beneath.network.get_extra_info(info)

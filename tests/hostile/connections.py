"""Connections to an API as only an unkind client keeps them: bytes as they are given, and answers that nobody reads."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final
from urllib.parse import urlsplit

_SMALL_BUFFER_BYTES: Final = 4_096
_ANSWER_BYTES: Final = 64 * 1024


class Connection:
    """One TCP connection on loopback."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take over what is open."""
        self._reader = reader
        self._writer = writer

    async def send(self, data: bytes, *, within_s: float = 5.0) -> bool:
        """Send bytes; tell whether the other side still takes them."""
        try:
            self._writer.write(data)
            await asyncio.wait_for(self._writer.drain(), within_s)
        except (OSError, TimeoutError):
            return False
        return not self._reader.at_eof()

    async def status(self, *, within_s: float = 10.0) -> int | None:
        """Return the status of the next answer, None when there is none in time."""
        with suppress(OSError, TimeoutError, ValueError, IndexError):
            line = await asyncio.wait_for(self._reader.readline(), within_s)
            return int(line.split()[1])
        return None

    async def has_ended(self, *, within_s: float) -> bool:
        """Read on, and tell whether the other side ends the connection in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                with suppress(OSError):
                    while await self._reader.read(_ANSWER_BYTES):
                        pass
                return True
        return False

    def close(self) -> None:
        """End it, whatever was not sent."""
        self._writer.transport.abort()


@asynccontextmanager
async def connected(url: str, count: int = 1) -> AsyncIterator[list[Connection]]:
    """Open connections, fewer where the server takes no more; they end with the block."""
    opened: list[Connection] = []
    try:
        for _ in range(count):
            with suppress(OSError, TimeoutError):
                opened.append(await asyncio.wait_for(_open(url), 5))
        yield opened
    finally:
        for connection in opened:
            connection.close()


async def _open(url: str) -> Connection:
    address = urlsplit(url)
    door = socket.socket()
    # A reader that reads nothing: the less the system buffers for it, the more the server must.
    door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER_BYTES)
    door.setblocking(False)  # noqa: FBT003 - its only argument
    await asyncio.get_running_loop().sock_connect(door, (address.hostname, address.port))
    return Connection(*await asyncio.open_connection(sock=door, limit=_ANSWER_BYTES))


async def flooded(connection: Connection, chunk: Callable[[int], bytes], *, most: int, seconds: float) -> bool:
    """Send chunk after chunk, up to `most` and for so long; tell whether the server put an end to it."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            for number in range(most):
                if not await connection.send(chunk(number)):
                    return True
                await asyncio.sleep(0)
            return await connection.has_ended(within_s=seconds)
    return False


async def dripped(connection: Connection, data: bytes, *, every_s: float, seconds: float) -> bool:
    """Send a byte now and then for so long; tell whether the server put an end to it."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            for at in range(len(data)):
                if not await connection.send(data[at : at + 1]):
                    return True
                await asyncio.sleep(every_s)
    return False

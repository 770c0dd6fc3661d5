"""Who waits for the alerts of ordinary cars outside: readers of the API's stream, and a webhook beside a moody one."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Final, Literal, get_args

import httpx
from hostile.ordinary_cars import RULE, Event
from sse import Reader

Mood = Literal["trickling", "hanging", "endless headers", "endless body", "packed bomb", "hanging up",
             "endless informational answers", "a redirect to no name", "thousands of cookies"]  # fmt: skip
MOODS: Final[tuple[Mood, ...]] = get_args(Mood)

_KIND: Final = b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_OK: Final = b"HTTP/1.1 200 OK\r\n"
_BAD_TEMPER_S: Final = 20.0
_FLOOD_BYTES: Final = 64 * 1024
_MOST_FLOOD: Final = 400
"""Chunks that an endless answer sends to one connection at most: bounded, also where nobody hangs up."""


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class StreamWatch:
    """Reads an API's stream of alerts as a browser does, and comes back where it was when the stream ends."""

    def __init__(self, url: str, key: str | None = None) -> None:
        """Connect to nothing yet."""
        self.arrived: dict[Event, int] = {}
        self._url = f"{url}/v1/alerts/stream"
        self._headers = {"authorization": f"Bearer {key}"} if key else {}

    async def watch(self) -> None:
        """Read until cancelled."""
        reader = Reader()
        async with httpx.AsyncClient(timeout=httpx.Timeout(5, read=60), trust_env=False) as client:
            while True:
                with suppress(httpx.HTTPError):
                    await self._read(client, reader)
                await asyncio.sleep(0.2)

    async def _read(self, client: httpx.AsyncClient, reader: Reader) -> None:
        headers = self._headers | ({"last-event-id": reader.last_id} if reader.last_id else {})
        async with client.stream("GET", self._url, params={"rule": RULE}, headers=headers) as answer:
            async for line in answer.aiter_lines():
                if (event := reader.take(line)) and event.kind == "alert":
                    told = json.loads(event.data)
                    self.arrived.setdefault((told["alert_id"], told["change"]), _now_ms())


class KindReceiver:
    """A webhook that takes what it is sent, and notes when."""

    def __init__(self) -> None:
        """Listen nowhere yet."""
        self.arrived: dict[Event, int] = {}
        self.port = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on a free port of loopback."""
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            self.take(await _body(reader))
            await self.reply(writer)
        writer.close()

    def take(self, body: bytes) -> None:
        """Note which alert it was, and when."""
        told = json.loads(body)
        self.arrived.setdefault((told["alert_id"], told["change"]), _now_ms())

    async def reply(self, writer: asyncio.StreamWriter) -> None:
        """Say that it is taken."""
        writer.write(_KIND)
        await writer.drain()


class MoodyReceiver(KindReceiver):
    """Another webhook of the same notifier, which is kind but for the while that its mood lasts."""

    def __init__(self, mood: Mood) -> None:
        """Begin kind."""
        super().__init__()
        self.mood = mood
        self._is_moody = False

    async def reply(self, writer: asyncio.StreamWriter) -> None:
        """Answer as the mood is, for 20 s at most and as long as the mood lasts."""
        if not self._is_moody:
            await super().reply(writer)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_BAD_TEMPER_S):
                for piece in itertools.takewhile(lambda _: self._is_moody, _MOODS[self.mood]()):
                    await piece(writer)

    async def moody(self, seconds: float, act: Callable[[], Awaitable[None]]) -> None:
        """Be moody while something is done and for so long after it, then kind again."""
        self._is_moody = True
        try:
            await act()
            await asyncio.sleep(seconds)
        finally:
            self._is_moody = False


Piece = Callable[[asyncio.StreamWriter], Awaitable[None]]


def _sent(data: bytes, pause_s: float = 0.0) -> Piece:
    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(pause_s)

    return send


def _trickling() -> Iterator[Piece]:
    yield _sent(_OK + b"content-length: 1000\r\n\r\n")
    yield from (_sent(b".", 0.25) for _ in range(1000))


def _hanging() -> Iterator[Piece]:
    yield from (_sent(b"", 0.25) for _ in range(1000))


def _endless_headers() -> Iterator[Piece]:
    yield _sent(_OK)
    yield from (_sent((b"x-%d: " % number) + b"a" * _FLOOD_BYTES + b"\r\n") for number in range(_MOST_FLOOD))


def _endless_body() -> Iterator[Piece]:
    yield _sent(_OK + b"transfer-encoding: chunked\r\n\r\n")
    yield from (_sent(b"%x\r\n%b\r\n" % (_FLOOD_BYTES, b"a" * _FLOOD_BYTES)) for _ in range(_MOST_FLOOD))


def _packed_bomb() -> Iterator[Piece]:
    """Answer 389 kB that unpack to 400 MB."""
    packed = b"".join([gzip.compress(b"0" * 10_000_000)] * 40)
    yield _sent(_OK + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n%b" % (len(packed), packed))


def _endless_informational() -> Iterator[Piece]:
    yield from (_sent(b"HTTP/1.1 100 C\r\n\r\n" * 3_000) for _ in range(_MOST_FLOOD))


def _redirect_to_no_name() -> Iterator[Piece]:
    yield _sent(b"HTTP/1.1 302 X\r\nlocation: http://xn--/\r\ncontent-length: 0\r\n\r\n")


def _thousands_of_cookies() -> Iterator[Piece]:
    cookies = b"".join(b"set-cookie: c%d=%d\r\n" % (number, number) for number in range(3_500))
    yield _sent(b"HTTP/1.1 503 X\r\ncontent-length: 0\r\n" + cookies + b"\r\n")


def _hanging_up() -> Iterator[Piece]:
    return iter(())


_MOODS: Final[dict[Mood, Callable[[], Iterator[Piece]]]] = {
    "trickling": _trickling,
    "hanging": _hanging,
    "endless headers": _endless_headers,
    "endless body": _endless_body,
    "packed bomb": _packed_bomb,
    "hanging up": _hanging_up,
    "endless informational answers": _endless_informational,
    "a redirect to no name": _redirect_to_no_name,
    "thousands of cookies": _thousands_of_cookies,
}


async def _body(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
    )
    return await reader.readexactly(length)

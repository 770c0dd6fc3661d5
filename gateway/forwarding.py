"""What the gateway does: take messages, put their records into Kafka, and only then acknowledge them to the cars."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Protocol

from contracts.topics import VEHICLE_READINGS
from gateway.message import Message
from gateway.routing import Record, records
from observability.metrics import MESSAGES_FORWARDED, READINGS_PRODUCED, READINGS_REJECTED

_LAST_CHUNK_S: Final = 5.0
_FORWARDED: Final = READINGS_PRODUCED.labels("gateway")


class Source(Protocol):
    """Where messages come from."""

    async def some(self) -> list[Message]:
        """Wait for messages; give those that are there, in order."""

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Let the source forget them."""

    @property
    def waiting(self) -> int:
        """How many have come and were not given yet."""


class Sink(Protocol):
    """Where records go."""

    async def deliver(self, records: Sequence[Record]) -> None:
        """Return once every record is safe."""


class Forwarding:
    """The loop over source and sink. A message is held from when it is taken until its records are safe."""

    def __init__(self, source: Source, sink: Sink, *, clock: Callable[[], int]) -> None:
        """Take both ends; `clock` gives epoch milliseconds."""
        self._source = source
        self._sink = sink
        self._clock = clock
        self._is_bringing = asyncio.Lock()
        self._in_hand = 0

    @property
    def held(self) -> int:
        """How many messages were taken that are not safe yet."""
        return self._in_hand + self._source.waiting

    async def until(self, stop: asyncio.Event) -> None:
        """Forward until told to stop; what is in hand then is still brought to its end, unless Kafka is away."""
        forwarding = asyncio.create_task(self._forward())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait((forwarding, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not forwarding.done():
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_CHUNK_S), self._is_bringing:
                    forwarding.cancel()
            forwarding.cancel()
        with suppress(asyncio.CancelledError):
            await forwarding

    async def _forward(self) -> None:
        while True:
            messages = await self._source.some()
            async with self._is_bringing:
                await self._bring(messages)

    async def _bring(self, messages: list[Message]) -> None:
        now_ms = self._clock()
        made = [record for message in messages for record in records(message, received_at_ms=now_ms)]
        self._in_hand = len(messages)
        await self._sink.deliver(made)
        self._source.acknowledge(messages)
        self._in_hand = 0
        _count(made, len(messages))


def _count(made: Sequence[Record], messages: int) -> None:
    MESSAGES_FORWARDED.inc(messages)
    _FORWARDED.inc(sum(record.topic == VEHICLE_READINGS.name for record in made))
    for reason, count in Counter(record.reason for record in made if record.reason is not None).items():
        READINGS_REJECTED.labels(reason).inc(count)

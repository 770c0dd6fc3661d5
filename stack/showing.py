"""Showing a running demo: every few seconds both answers and how the stream does."""

from __future__ import annotations

import asyncio
from typing import Final

from aiokafka.errors import KafkaError

from contracts.topics import COLD_PATH_GROUP, HOT_PATH_GROUP, VEHICLE_READINGS
from stack.doors import Doors
from stack.figures import Figures
from stack.latency import percentile
from stack.listener import Listener
from stack.summary import attention_table, ranking_table, stream_line
from stack.voice import Voice

_EVERY_S: Final = 15.0


class Showing:
    """Asks the API's doors and the broker, and prints."""

    def __init__(self, voice: Voice, *, doors: Doors, listener: Listener, figures: Figures) -> None:
        """Print through `voice`."""
        self._voice = voice
        self._doors = doors
        self._listener = listener
        self._figures = figures

    async def until(self, span_s: float | None) -> None:
        """Show again and again until the span, in seconds from now, is over; None: for ever."""
        clock = asyncio.get_running_loop().time
        end = float("inf") if span_s is None else clock() + span_s
        while clock() < end:
            await self.once()
            await asyncio.sleep(max(0.0, min(_EVERY_S, end - clock())))

    async def once(self) -> None:
        """Show how things are now; what does not answer is left out."""
        attention = await self._doors.attention()
        ranking = await self._doors.ranking()
        if attention:
            self._voice.console.print(attention_table(attention["vehicles"]))
        if ranking:
            self._voice.console.print(ranking_table(ranking["places"]))
        try:
            self._voice.phase(await self._stream())
        except (KafkaError, TimeoutError) as error:
            self._voice.phase(f"the broker does not answer now: {error!r}")

    async def _stream(self) -> str:
        heard = await self._listener.listen()
        return stream_line(
            readings=sum((await self._listener.ends(VEHICLE_READINGS)).values()),
            hot_lag=await self._listener.lag(HOT_PATH_GROUP),
            cold_lag=await self._listener.lag(COLD_PATH_GROUP),
            alerts=heard.count("raised"),
            p50_ms=percentile(self._figures.latencies(), 0.5),
        )

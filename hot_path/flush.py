"""The flush: changed states, then the mark, acknowledged; then the chunks below the mark count as processed.

States are drained in slices of a few milliseconds, in turns with folding. What is dirty then, mostly vehicles heard
again meanwhile, is drained in one go with the mark, while nothing is folded: no state goes beyond its mark, so readers
know the totals of every vehicle up to exactly there. States are sent only when every alert decided before them is
acknowledged: a state ahead of a lost alert would suppress that alert for ever. A partition is flushed once at a time.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Protocol

from observability import metrics

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hot_path.owned import OwnedPartition
    from hot_path.settings import HotPathSettings
    from runtime.kafka.chunk import Chunk

STATES_A_SLICE = 200


class StateSink(Protocol):
    """Where states and marks go."""

    async def states(self, records: list[tuple[bytes, bytes]], *, partition: int) -> list[Any]:
        """Queue records for a partition; give the futures of their acknowledgement."""


def flush_interval_s(settings: HotPathSettings, vehicles: int) -> float:
    """Give the seconds between two flushes: short for a small fleet, longer for a large one."""
    return min(settings.flush_longest, max(settings.flush_shortest, vehicles / settings.flush_vehicles))


async def flush(
    owned: OwnedPartition, sink: StateSink, turns: asyncio.Lock, processed: Callable[[Chunk], None]
) -> None:
    """Write what has changed in a partition since its last flush. A dropped partition is left as it is.

    So is one with a restored state ahead of what is folded, until that is reached: no state goes beyond a mark. Where
    nothing but aborted transactions was ever read there is no clock to mark, and only the offset is committed.

    `turns` is held while one partition works, be it folding or this. Raises what sending raises.
    """
    async with owned.flushing:
        if owned.is_ahead():
            return
        started_s = time.monotonic()
        sent: list[Awaitable[Any]] = []
        for _ in range((owned.fold.unwritten - 1) // STATES_A_SLICE):
            async with owned.deciding, turns:
                records = owned.fold.drain(STATES_A_SLICE)
                await asyncio.sleep(0)  # everything else has its turn before the next partition
            await _send(owned, sink, records, sent)
        async with owned.deciding, turns:
            next_offset = owned.next_offset
            if next_offset is None or not (sent or owned.fold.unwritten or owned.folded):
                return
            records = owned.fold.drain(owned.fold.unwritten)
            marks = [] if owned.heard_to is None else [owned.fold.mark(next_offset, owned.topic_id)]
            await asyncio.sleep(0)
        await _send(owned, sink, records, sent)
        await asyncio.gather(*sent)
        if owned.is_dropped:
            return
        if marks:
            await asyncio.gather(*await sink.states(marks, partition=owned.fold.partition))
            owned.wrote(len(marks))
        if not owned.is_dropped and (chunk := owned.covered(next_offset)) is not None:
            processed(chunk)
        metrics.FLUSHES.inc()
        metrics.FLUSH_SECONDS.observe(time.monotonic() - started_s)


async def _send(
    owned: OwnedPartition, sink: StateSink, records: list[tuple[bytes, bytes]], sent: list[Awaitable[Any]]
) -> None:
    """Send drained states once the alerts before them are acknowledged; nothing from a dropped partition."""
    await owned.acknowledged()
    if records and not owned.is_dropped:
        sent.extend(await sink.states(records, partition=owned.fold.partition))
        owned.wrote(len(records))

"""The flush: changed states, then the mark, acknowledged; then the chunks below the mark count as processed.

States are drained in slices of a few milliseconds between chunks. A slice may hold more than the mark says, since
readings go on being folded, and never less. It is sent only when every alert decided before it is acknowledged: a
state ahead of a lost alert would suppress that alert for ever.
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
    from hot_path.transport.chunk import Chunk

STATES_A_SLICE = 200


class StateSink(Protocol):
    """Where states and marks go."""

    async def states(self, records: list[tuple[bytes, bytes]], *, partition: int) -> list[Any]:
        """Queue records for a partition; give the futures of their acknowledgement."""


def flush_interval_s(settings: HotPathSettings, vehicles: int) -> float:
    """Give the seconds between two flushes: short for a small fleet, longer for a large one."""
    return min(settings.flush_longest, max(settings.flush_shortest, vehicles / settings.flush_vehicles))


async def flush(
    owned: OwnedPartition, sink: StateSink, deciding: asyncio.Lock, processed: Callable[[Chunk], None]
) -> None:
    """Write what has changed in a partition since its last flush. A dropped partition is left as it is.

    `deciding` is held while a chunk is folded and what follows from it is queued. Raises what sending raises.
    """
    async with deciding:
        next_offset, due = owned.next_offset, len(owned.fold.dirty)
        if next_offset is None or not (due or owned.folded):
            return
        mark = owned.fold.mark(next_offset)
    started_s = time.monotonic()
    sent: list[Awaitable[Any]] = []
    while due > 0:
        async with deciding:
            records = owned.fold.drain(min(STATES_A_SLICE, due))
        due -= STATES_A_SLICE
        await owned.acknowledged()
        if owned.is_dropped:
            return
        sent.extend(await sink.states(records, partition=owned.fold.partition))
        await asyncio.sleep(0)
    await owned.acknowledged()
    await asyncio.gather(*sent)
    if owned.is_dropped:
        return
    await asyncio.gather(*await sink.states([mark], partition=owned.fold.partition))
    if not owned.is_dropped and (chunk := owned.covered(next_offset)) is not None:
        processed(chunk)
    metrics.FLUSHES.inc()
    metrics.FLUSH_SECONDS.observe(time.monotonic() - started_s)

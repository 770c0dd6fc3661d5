"""One partition that this worker owns: its fold, and what is not yet acknowledged or committed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Any

from hot_path.at_end import EndWatch
from hot_path.restoration import Delivery
from hot_path.standstill import Progress

if TYPE_CHECKING:
    from rules.partition import PartitionFold
    from runtime.kafka.chunk import Chunk


class OwnedPartition:
    """Everything a worker keeps of a partition; dropped as a whole when the partition is taken away."""

    def __init__(
        self, fold: PartitionFold, *, next_offset: int | None, known_to: int = -1, topic_id: str | None = None
    ) -> None:
        """Own a restored partition; `next_offset` is its mark's, None when it was never marked.

        `topic_id` is Kafka's of the readings' topic, for the marks to come.

        `known_to` is the offset up to which a restored state goes: a worker that was killed between its states and
        their mark leaves some that are ahead of the mark.
        """
        self.fold = fold
        self.topic_id = topic_id
        self.next_offset = next_offset
        """The first offset that is not folded."""
        self.heard_to = next_offset
        """The first offset after the last record, which aborted transactions may follow; None before the first."""
        self._known_to = known_to
        self.delivery = Delivery()
        self.folded: deque[Chunk] = deque()
        """Chunks that no mark covers yet, oldest first."""
        self.is_dropped = False
        self.end = EndWatch()
        self.live_from_ms: int | None = None
        """Broker time from which on readings are answered at once; None until the end was reached."""
        self.flushing = asyncio.Lock()
        self.taking = asyncio.Lock()
        """Held while a chunk is folded: chunks go one after the other, in the order in which they came."""
        self.deciding = asyncio.Lock()
        """Held while some records are folded and what follows from them is queued; states are drained in between."""
        self.waiting = 0
        """Chunks that are delivered and not yet folded."""
        self.processed_to: int | None = None
        """The first offset that is not yet to be committed."""
        self._written = 0
        self._unacknowledged: list[Awaitable[Any]] = []

    def come_to(self, next_offset: int) -> None:
        """Remember how far a chunk is folded that is not folded to its end yet."""
        self.next_offset = self.heard_to = max(next_offset, self.next_offset or 0)

    def wrote(self, records: int) -> None:
        """Count records that the producer of states has taken, or that the broker has."""
        self._written += records

    def progress(self) -> Progress:
        """Return what the watchdog compares: where chunks wait to be written, that counts, else what is folded."""
        is_to_be_written = bool(self.folded) and not self.is_ahead()
        moved = ("written", self._written) if is_to_be_written else ("folded", self.next_offset or 0)
        return Progress(self.processed_to, moved)

    def take(self, chunk: Chunk) -> None:
        """Remember that a chunk is folded; its records are let go, as ten seconds of them are gigabytes."""
        self.next_offset = max(chunk.next_offset, self.next_offset or 0)
        if chunk.batches:
            self.heard_to = self.next_offset
        chunk.batches.clear()
        self.folded.append(chunk)

    def is_ahead(self) -> bool:
        """Tell whether some restored state is ahead of what is folded: a mark would say too little of it."""
        return (self.next_offset or 0) <= self._known_to

    def await_later(self, sent: Sequence[Awaitable[Any]]) -> None:
        """Remember alerts and rejections that the broker has not acknowledged."""
        self._unacknowledged.extend(sent)

    async def acknowledged(self) -> None:
        """Return once the broker has everything sent so far. Raises what sending raised."""
        sent = list(self._unacknowledged)
        await asyncio.gather(*sent)
        del self._unacknowledged[: len(sent)]

    def covered(self, next_offset: int) -> Chunk | None:
        """Forget the chunks below a mark's offset; give the last of them, which covers the others."""
        last = None
        while self.folded and self.folded[0].next_offset <= next_offset:
            last = self.folded.popleft()
        if last is not None:
            self.processed_to = last.next_offset
        return last

"""The chunk consumer: delivers chunks to Faust, and commits only what the worker has called processed.

What must hold, and is tested on a real broker:
- Faust's own acknowledgements are ignored for chunks: a stream acknowledges what it was cancelled in, too, and one
  message is thousands of readings.
- An offset is committed only after `processed`, in the order of delivery, and only for the current epoch; an epoch
  ends with every seek to the committed offsets and every revocation.
- No source partition is read before Faust has finished restoring: it clears its queues as the last step of that.
- A full queue blocks the loop that drains the consumer: back-pressure at once, no pausing of partitions.
- Of a partition that has much to fold nothing more is fetched, so that it never fills the queue for the others.
- Only what is committed is read. Faust asks for that only together with transactions of its own.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from typing import Any

from aiokafka.errors import IllegalStateError, KafkaError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from hot_path.at_end import NOWHERE, Position
from runtime.kafka.chunk import Chunk
from runtime.kafka.chunk_fetch import Chunking

_CHANGING_HANDS_S = 0.02
_BUSY_S = 0.01
"""As long is waited for other partitions while one has much to fold, of which more may be wanted soon."""


class ChunkConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]  # untyped library
    """Faust's consumer thread, its aiokafka consumer told which topics come in chunks, and to read committed."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._value_deserializer = transport.chunking  # noqa: SLF001 - guarded by private_names
        consumer._isolation_level = "read_committed"  # noqa: SLF001 - as above
        return consumer

    async def _highwaters(self, partitions: Iterable[TP]) -> dict[TP, int]:
        """Return the ends up to which changelogs are restored: beyond what an open transaction holds up.

        States that this group wrote after such a transaction began are wanted, as offsets behind them are committed.
        """
        consumer = self._create_client_consumer(self.transport)  # reads uncommitted
        await consumer.start()
        try:
            ends: dict[TP, int] = await consumer.end_offsets(partitions)
        finally:
            await consumer.stop()
        return ends

    async def where(self, tp: TP) -> Position:
        """Return where the consumer stands in a partition; it does not know what is folded."""
        consumer = self._ensure_consumer()
        position, end = await consumer.position(tp), consumer.last_stable_offset(tp)
        answered_at_ms, is_held_up = consumer.last_poll_timestamp(tp), consumer.highwater(tp) != end
        return Position(position, end, answered_at_ms, is_all_folded=False, is_held_up=is_held_up)

    async def _fetch_records(self, consumer: Any, active_partitions: set[TP], **options: Any) -> Any:
        """Fetch; put back what came while the flow is stopped.

        A fetch that began before a rebalance may answer in the middle of it. Dropped later, in the other thread, it
        would be lost for good if Faust has meanwhile sought the beginning of the changelog: the restoration then waits
        for ever for what never comes. Here nothing can come between taking and putting back.
        """
        fetched = await super()._fetch_records(consumer, active_partitions, **options)
        let_others_go_first(consumer._fetcher._records, fetched)  # noqa: SLF001 - guarded by private_names
        if self.consumer.flow_active:
            return fetched
        for tp, records in fetched.items():
            if records:
                with suppress(IllegalStateError):  # no longer assigned
                    consumer.seek(tp, records[0].first_offset if isinstance(records[0], Chunk) else records[0].offset)
        return {}


def let_others_go_first(waiting: OrderedDict[TP, Any], fetched: Iterable[TP]) -> None:
    """Put the partitions just read behind those that wait.

    aiokafka gives as many records as are asked for from the first partition that has any, and from it again the next
    time: what one batch of hundreds of thousands of records is cut into would hold up all other partitions.
    """
    for tp in fetched:
        if tp in waiting:
            waiting.move_to_end(tp)


class ChunkConsumer(driver.Consumer):  # type: ignore[misc]  # untyped library
    """Faust's consumer for a transport with chunked topics; all other topics as stock."""

    epoch: int = 0
    on_revoked: Callable[[], None] = staticmethod(lambda: None)
    """Called first of all when partitions are taken away, before anything is awaited."""

    is_busy: Callable[[int], bool] = staticmethod(lambda _: False)
    """Whether a partition has so many chunks waiting that no more are to be fetched."""

    def on_init(self) -> None:
        """Start with nothing delivered."""
        super().on_init()
        self._chunking: Chunking = self.transport.chunking
        self._end_epoch()

    def _end_epoch(self) -> None:
        self.epoch += 1
        self._in_flight: dict[TP, deque[int]] = defaultdict(deque)
        self._done: dict[TP, int] = {}
        self._sequence: dict[TP, int] = defaultdict(int)
        self._fetched_from: set[TP] = set()

    def _new_consumer_thread(self) -> ChunkConsumerThread:
        return ChunkConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def is_chunked(self, tp: TP) -> bool:
        """Tell whether a partition's records come in chunks."""
        return tp.topic in self._chunking.topics

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109
        """Fetch; while partitions change hands only what is restored from.

        Faust lets go of the source partitions first and clears the agents' queues after, so that a message fetched in
        between is lost: stock Faust then never commits again (faust-streaming issue 596).
        """
        if self.app.rebalancing and active_partitions is not None:
            active_partitions = {tp for tp in active_partitions if tp.topic in self.app.tables.changelog_topics}
            if not active_partitions:  # aiokafka takes an empty set for "all"
                await self.sleep(_CHANGING_HANDS_S)
                return {}
        return await self._get_others_than_busy(active_partitions, timeout)

    async def _get_others_than_busy(self, active_partitions: set[TP] | None, timeout_s: float) -> Any:
        wanted = self.assignment() if active_partitions is None else active_partitions
        busy = {tp for tp in wanted if tp.topic in self._folded_topics() and self.is_busy(tp.partition)}
        if not busy:
            return await super()._getmany(active_partitions, timeout_s)
        if busy == wanted:
            await self.sleep(_BUSY_S)
            return {}
        return await super()._getmany(wanted - busy, min(timeout_s, _BUSY_S))

    def _folded_topics(self) -> set[str]:
        return set(self._chunking.topics - self.app.tables.changelog_topics)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:  # noqa: ASYNC109 - Faust's signature
        """Fetch, and give (partition, message) one by one: plain topics first, then chunks, partitions taking turns."""
        fetched, active = await self._wait_next_records(timeout)
        if fetched is None or self.should_stop:
            return
        if not self.flow_active:
            await self._seek_back()
            return
        generation = self.app.consumer_generation_id
        epoch = self.epoch
        self._fetched_from.update(tp for tp, records in fetched.items() if records)
        for tp, record in self._in_turns(fetched):
            if not self.flow_active or self.app.consumer_generation_id != generation or self.epoch != epoch:
                return
            if active is None or tp in active or tp in self._buffered_partitions:
                self.app.monitor.track_tp_end_offset(tp, self.highwater(tp))
                if isinstance(record, Chunk) and not self._count(tp, record):
                    continue
                yield tp, self._to_message(tp, record)

    async def _seek_back(self) -> None:
        """Forget what was fetched while the flow was stopped: it will be fetched again."""
        try:
            await self.perform_seek()
        except Exception as error:  # noqa: BLE001 - as in Faust: during a rebalance every failure means "later"
            self.log.warning("seek while the flow is stopped failed: %r", error)

    def _in_turns(self, fetched: dict[TP, list[Any]]) -> Iterable[tuple[TP, Any]]:
        plain = {tp: records for tp, records in fetched.items() if not self.is_chunked(tp)}
        yield from self.scheduler.iterate(plain)
        waiting = deque((tp, deque(chunks)) for tp, chunks in fetched.items() if tp not in plain and chunks)
        while waiting:
            tp, chunks = waiting.popleft()
            yield tp, chunks.popleft()
            if chunks:
                waiting.append((tp, chunks))

    def _count(self, tp: TP, chunk: Chunk) -> bool:
        """Give a chunk its number; False for one that Faust would drop, as it lies before the position read from."""
        read = self._read_offset[tp]
        if read is not None and chunk.offset < read:
            return False
        chunk.epoch = self.epoch
        chunk.sequence = self._sequence[tp]
        self._sequence[tp] += 1
        self._in_flight[tp].append(chunk.offset)
        return True

    def processed(self, chunk: Chunk) -> None:
        """Say that every effect of a chunk, and of all before it, is acknowledged: its offset may be committed."""
        if chunk.epoch == self.epoch:
            tp = TP(chunk.topic, chunk.partition)
            self._done[tp] = max(chunk.offset, self._done.get(tp, -1))
            self._acked[tp]  # the key alone makes Faust's commit look at this partition

    def _new_offset(self, tp: TP) -> int | None:
        if not self.is_chunked(tp):
            offset: int | None = super()._new_offset(tp)
            return offset
        # Faust and its compiled stream, which writes these itself, also acknowledge what they skipped.
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        in_flight, done, reached = self._in_flight[tp], self._done.get(tp, -1), None
        while in_flight and in_flight[0] <= done:
            reached = in_flight.popleft()
        return None if reached is None else reached + 1

    async def perform_seek(self) -> None:
        """Go back to the committed offsets; what was delivered before counts no more."""
        self._end_epoch()
        await super().perform_seek()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Drop everything: Faust gives back all partitions, kept ones too, before it takes new ones."""
        self._end_epoch()
        self.on_revoked()
        await super().on_partitions_revoked(revoked)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        if not self.is_chunked(tp):
            await super()._add_gap(tp, offset_from, offset_to)

    def on_buffer_full(self, tp: TP) -> None:
        """Pause no chunked partition: the full queue itself holds the drain loop up."""
        if not self.is_chunked(tp):
            super().on_buffer_full(tp)

    def on_buffer_drop(self, tp: TP) -> None:
        """Resume no chunked partition: none is paused."""
        if not self.is_chunked(tp):
            super().on_buffer_drop(tp)

    async def where(self, tp: TP, *, folded: int | None) -> Position:
        """Tell where in a partition the worker stands that has folded up to `folded`."""
        try:
            async with asyncio.timeout(1):
                position: Position = await self._thread.call_thread(self._thread.where, tp)
        except (TimeoutError, KafkaError, AssertionError):  # the partition is changing hands
            return NOWHERE
        # Chunks cover every offset, so the consumer's position is the end of the last one, delivered yet or not.
        is_all_folded = tp not in self._fetched_from or (position.fetched or 0) <= (folded or 0)
        return position._replace(is_all_folded=is_all_folded)

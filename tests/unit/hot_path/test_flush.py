from __future__ import annotations

import asyncio
from typing import Any

from driving import RULES, Drive, a_reading

from contracts.codec import decode
from contracts.vehicle_state import MARK_PREFIX, Mark, VehicleState
from hot_path.flush import flush, flush_interval_s
from hot_path.owned import OwnedPartition
from hot_path.settings import HotPathSettings
from rules.partition import PartitionFold
from runtime.kafka.chunk import Chunk, RecordBatch


class Journal:
    """A sink that notes what is sent; the acknowledgements are in the test's hands."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.marks: list[Mark] = []
        self.acknowledgement: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.acknowledgement.set_result(None)

    async def states(self, records: list[tuple[bytes, bytes]], *, partition: int) -> list[Any]:
        assert partition >= 0
        is_mark = records[0][0].startswith(MARK_PREFIX)
        self.sent.append("mark" if is_mark else "states")
        self.marks += [decode(value, Mark) for _, value in records if is_mark]
        return [self.acknowledgement]

    def processed(self, chunk: Chunk) -> None:
        self.sent.append(f"processed {chunk.offset}")


def _driven(*seconds: int) -> OwnedPartition:
    drive = Drive()
    owned = OwnedPartition(drive.fold, next_offset=None)
    for second in seconds:
        drive.read(a_reading(second))
        owned.take(Chunk("readings", drive.fold.partition, second, second, 0, 1, [RecordBatch(0, [])]))
    return owned


async def _settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_states_come_before_their_mark_and_the_mark_before_processed() -> None:
    journal, owned = Journal(), _driven(0, 1)
    await flush(owned, journal, asyncio.Lock(), journal.processed)
    assert journal.sent == ["states", "mark", "processed 1"]
    assert journal.marks[0].next_offset == 2


async def test_no_state_is_sent_while_an_alert_is_not_acknowledged() -> None:
    journal, owned = Journal(), _driven(0)
    alert: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    owned.await_later([alert])
    flushing = asyncio.ensure_future(flush(owned, journal, asyncio.Lock(), journal.processed))
    await _settled()
    assert journal.sent == []
    alert.set_result(None)
    await flushing
    assert journal.sent == ["states", "mark", "processed 0"]


async def test_no_mark_is_sent_while_a_state_is_not_acknowledged() -> None:
    journal, owned = Journal(), _driven(0)
    journal.acknowledgement = asyncio.get_running_loop().create_future()
    flushing = asyncio.ensure_future(flush(owned, journal, asyncio.Lock(), journal.processed))
    await _settled()
    assert journal.sent == ["states"]
    journal.acknowledgement.set_result(None)
    await flushing
    assert journal.sent == ["states", "mark", "processed 0"]


async def test_a_partition_taken_away_meanwhile_gets_no_mark() -> None:
    journal, owned = Journal(), _driven(0)
    journal.acknowledgement = asyncio.get_running_loop().create_future()
    flushing = asyncio.ensure_future(flush(owned, journal, asyncio.Lock(), journal.processed))
    await _settled()
    owned.is_dropped = True
    journal.acknowledgement.set_result(None)
    await flushing
    assert journal.sent == ["states"]


async def test_the_mark_says_no_more_than_was_folded_when_the_flush_began() -> None:
    journal, owned = Journal(), _driven(0)
    alert: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    owned.await_later([alert])
    flushing = asyncio.ensure_future(flush(owned, journal, asyncio.Lock(), journal.processed))
    await _settled()
    owned.take(Chunk("readings", 0, 1, 1, 0, 1, [RecordBatch(0, [])]))
    alert.set_result(None)
    await flushing
    assert journal.marks[0].next_offset == 1
    assert journal.sent[-1] == "processed 0"


async def test_aborted_transactions_are_committed_and_marked_but_only_behind_a_record() -> None:
    aborted = Chunk("readings", 0, 5, 9, 0, 1, [])
    journal, owned = Journal(), _driven()
    owned.take(aborted)
    await flush(owned, journal, asyncio.Lock(), journal.processed)
    assert journal.sent == ["processed 9"]

    journal, owned = Journal(), _driven(0)
    owned.take(aborted)
    await flush(owned, journal, asyncio.Lock(), journal.processed)
    assert journal.sent == ["states", "mark", "processed 9"]
    assert (journal.marks[0].next_offset, journal.marks[0].received_at_ms) == (10, owned.fold.clock_ms)


async def test_nothing_new_is_nothing_written() -> None:
    journal, owned = Journal(), _driven()
    await flush(owned, journal, asyncio.Lock(), journal.processed)
    assert journal.sent == []


def test_the_pause_between_flushes_grows_with_the_fleet_within_bounds() -> None:
    settings = HotPathSettings()
    assert [flush_interval_s(settings, vehicles) for vehicles in (0, 50_000, 10_000_000)] == [1.0, 5.0, 10.0]


async def test_no_state_goes_beyond_its_mark_however_many_slices_there_are() -> None:
    fold = PartitionFold(0, RULES, registry={})
    owned = OwnedPartition(fold, next_offset=None)
    written: list[tuple[int, int]] = []

    class FoldingSink(Journal):
        """Goes on folding, as the agent does, while the flush waits."""

        async def states(self, records: list[tuple[bytes, bytes]], *, partition: int) -> list[Any]:
            offsets = [decode(value, VehicleState).offset for key, value in records if not key.startswith(MARK_PREFIX)]
            sent = await super().states(records, partition=partition)
            written.append((max(offsets, default=-1), self.marks[-1].next_offset if self.marks else -1))
            _read(owned, 50)
            return sent

    _read(owned, 1_000)
    sink = FoldingSink()
    await flush(owned, sink, asyncio.Lock(), sink.processed)
    (mark,) = sink.marks
    assert len(written) > 4
    assert max(offset for offset, _ in written) < mark.next_offset
    assert mark.next_offset > 1_000
    assert {state.offset for state in fold.states.values() if state.offset < mark.next_offset}
    assert all(followed.offset >= mark.next_offset for followed in fold.dirty)


def _read(owned: OwnedPartition, count: int) -> None:
    first = owned.next_offset or 0
    for offset in range(first, first + count):
        reading = a_reading(offset)
        reading.vehicle_id = f"1HGCM82633A{offset % 1_000:06}"
        owned.fold.fold(reading, offset=offset, received_at_ms=reading.recorded_at_ms)
    owned.take(Chunk("readings", 0, first, first + count - 1, 0, 1, [RecordBatch(0, [])]))


async def test_a_second_flush_waits_for_the_first() -> None:
    journal, owned = Journal(), _driven(0)
    alert: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    owned.await_later([alert])
    flushes = [asyncio.ensure_future(flush(owned, journal, asyncio.Lock(), journal.processed)) for _ in range(2)]
    await _settled()
    assert journal.sent == []
    alert.set_result(None)
    await asyncio.gather(*flushes)
    assert journal.sent == ["states", "mark", "processed 0"]

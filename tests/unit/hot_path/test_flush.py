from __future__ import annotations

import asyncio
from typing import Any

from driving import Drive, a_reading

from contracts.codec import decode
from contracts.vehicle_state import MARK_PREFIX, Mark
from hot_path.flush import flush, flush_interval_s
from hot_path.owned import OwnedPartition
from hot_path.settings import HotPathSettings
from hot_path.transport.chunk import Chunk


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
        owned.take(Chunk("readings", drive.fold.partition, second, second, 0, 1, []))
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
    owned.take(Chunk("readings", 0, 1, 1, 0, 1, []))
    alert.set_result(None)
    await flushing
    assert journal.marks[0].next_offset == 1
    assert journal.sent[-1] == "processed 0"


async def test_nothing_new_is_nothing_written() -> None:
    journal, owned = Journal(), _driven()
    await flush(owned, journal, asyncio.Lock(), journal.processed)
    assert journal.sent == []


def test_the_pause_between_flushes_grows_with_the_fleet_within_bounds() -> None:
    settings = HotPathSettings()
    assert [flush_interval_s(settings, vehicles) for vehicles in (0, 50_000, 10_000_000)] == [1.0, 5.0, 10.0]

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import count
from typing import cast

import pytest
from aiokafka.record.default_records import DefaultRecord
from driving import RULES, a_reading

from contracts.alert import Alert
from contracts.codec import encode
from contracts.partitioning import partition_of_key
from contracts.topics import READING_PARTITIONS
from hot_path import worker as shell
from hot_path.at_end import NOWHERE, Position
from hot_path.lookups import Lookups, ReadingsNow
from hot_path.owned import OwnedPartition
from hot_path.publisher import Publisher, Sent
from hot_path.restoration import LostChunk, PartitionRecords
from hot_path.settings import HotPathSettings
from hot_path.worker import MOST_WAITING, Worker, work
from rules.partition import PartitionFold
from runtime.kafka.chunk import Chunk, RecordBatch

HEAVY, LIGHT = 3, 7


class Broker(Publisher):
    """Takes everything at once, and notes of which partition it was."""

    def __init__(self) -> None:
        super().__init__(HotPathSettings())
        self.alerts_of: list[int] = []
        self.states_of: list[int] = []
        self.is_away = False

    async def alert(self, alert: Alert, *, partition: int) -> Sent:
        if self.is_away:
            raise ConnectionError("the broker is away")
        assert alert.state
        self.alerts_of.append(partition)
        return _acknowledged()

    async def states(self, records: list[tuple[bytes, bytes]], *, partition: int) -> list[Sent]:
        self.states_of += [partition] * len(records)
        return [_acknowledged()]


class Source:
    """What the worker asks of the consumer."""

    epoch = 1

    def __init__(self) -> None:
        self.committed: list[int] = []

    def processed(self, chunk: Chunk) -> None:
        self.committed.append(chunk.partition)

    async def where(self, partition: int, *, folded: int | None) -> Position:
        assert folded is None or partition in (HEAVY, LIGHT)
        return NOWHERE


def _acknowledged() -> Sent:
    sent: Sent = asyncio.get_running_loop().create_future()
    sent.set_result(None)
    return sent


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "TURN_S", 0.0)


def _worker(broker: Broker, source: Source) -> Worker:
    settings = HotPathSettings()
    worker = Worker(
        settings, RULES, registry={}, publisher=broker, lookups=cast("Lookups", None), source=lambda: source
    )
    for partition in (HEAVY, LIGHT):
        fold = PartitionFold(partition, RULES, registry={})
        worker.owned[partition] = OwnedPartition(fold, next_offset=None)
    worker.is_restored = True
    return worker


def _vin(partition: int) -> str:
    vins = (f"1HGCM82633C{number:06}" for number in count())
    return next(vin for vin in vins if partition_of_key(vin.encode(), READING_PARTITIONS) == partition)


def _hot(partition: int, readings: int) -> Iterator[DefaultRecord]:
    """Yield readings that all need a full look."""
    vin = _vin(partition).encode()
    for offset in range(readings):
        reading = a_reading(offset, coolant_c=116.0, vehicle_id=vin.decode())
        yield DefaultRecord(offset, 0, 1, vin, encode(reading), [])


def _chunk(partition: int, readings: int, *, sequence: int = 0) -> Chunk:
    at_ms = a_reading(readings).recorded_at_ms
    batches = [RecordBatch(at_ms, list(_hot(partition, readings)))]
    return Chunk("readings", partition, 0, readings - 1, 0, 1, batches, epoch=1, sequence=sequence)


@pytest.mark.usefixtures("impatient")
async def test_a_partition_with_little_to_fold_does_not_wait_for_one_with_much() -> None:
    source = Source()
    worker = _worker(Broker(), source)
    heavy = asyncio.ensure_future(worker.take(_chunk(HEAVY, 200)))
    await asyncio.sleep(0)
    await worker.take(_chunk(LIGHT, 10))
    assert not heavy.done()
    assert 0 < (worker.owned[HEAVY].next_offset or 0) < 50
    await worker.flush_all()
    assert source.committed == [LIGHT]
    await heavy
    await worker.flush_all()
    assert source.committed == [LIGHT, HEAVY]


@pytest.mark.usefixtures("impatient")
async def test_what_is_folded_of_a_chunk_is_written_before_its_end() -> None:
    broker = Broker()
    worker = _worker(broker, Source())
    heavy = asyncio.ensure_future(worker.take(_chunk(HEAVY, 200)))
    for _ in range(100):
        await asyncio.sleep(0)
    assert 20 < (worker.owned[HEAVY].next_offset or 0) < 200
    before = worker.progress(HEAVY)
    await worker.flush_all()
    assert not heavy.done()
    assert broker.states_of == [HEAVY, HEAVY]
    assert worker.progress(HEAVY) != before
    await heavy


@pytest.mark.usefixtures("impatient")
async def test_chunks_of_a_partition_are_folded_in_their_order_and_beyond_a_few_no_more_are_wanted() -> None:
    source = Source()
    worker = _worker(Broker(), source)
    chunks = [_chunk(HEAVY, 20, sequence=number) for number in range(MOST_WAITING)]
    for number, chunk in enumerate(chunks):
        chunk.first_offset, chunk.offset = 20 * number, 20 * number + 19
    taken = [asyncio.ensure_future(worker.take(chunk)) for chunk in chunks]
    await asyncio.sleep(0)
    assert worker.is_busy(HEAVY)
    assert not worker.is_busy(LIGHT)
    await asyncio.gather(*taken)
    assert not worker.is_busy(HEAVY)
    assert list(worker.owned[HEAVY].folded) == chunks


@pytest.mark.usefixtures("impatient")
async def test_behind_what_could_not_be_sent_nothing_is_folded_and_nothing_written() -> None:
    broker = Broker()
    worker = _worker(broker, Source())
    broker.is_away = True
    later = _chunk(HEAVY, 20, sequence=1)
    later.first_offset, later.offset = 20, 39
    taken = [asyncio.ensure_future(worker.take(chunk)) for chunk in (_chunk(HEAVY, 20), later)]
    with pytest.raises(ConnectionError):
        await taken[0]
    await taken[1]
    await worker.flush_all()
    assert (worker.owned[HEAVY].next_offset or 0) < 20
    assert broker.states_of == []


class Answering(Lookups):
    """Knows the topic of readings."""

    async def readings(self) -> ReadingsNow:
        return ReadingsNow({HEAVY: 5_000, LIGHT: 5_000}, None)


async def test_a_worker_that_restores_gets_further_for_each_partition_until_all_are_restored() -> None:
    broker, source = Broker(), Source()
    written = _worker(broker, source)
    await written.take(_chunk(LIGHT, 20))
    records = {HEAVY: PartitionRecords(), LIGHT: PartitionRecords()}
    states = [*written.owned[LIGHT].fold.drain(1), written.owned[LIGHT].fold.mark(20)]
    made = [DefaultRecord(offset, 0, 1, key, value, []) for offset, (key, value) in enumerate(states)]
    at_ms = a_reading(20).recorded_at_ms
    records[LIGHT].take(Chunk("states", LIGHT, 0, 1, 0, 1, [RecordBatch(at_ms, made)], epoch=1, sequence=0))
    worker = Worker(
        HotPathSettings(),
        RULES,
        registry={},
        publisher=broker,
        lookups=Answering(HotPathSettings()),
        source=lambda: source,
    )
    restoring = asyncio.ensure_future(worker.restore(records))
    seen = {worker.progress(HEAVY)}
    while not restoring.done():
        await asyncio.sleep(0)
        seen.add(worker.progress(HEAVY))
    assert {moved[0] for _, moved in seen} == {"restored", "folded"}
    assert len(seen) >= 4
    assert worker.progress(LIGHT).moved == ("folded", 20)


async def test_a_lost_chunk_is_told() -> None:
    worker = _worker(Broker(), Source())
    lost = _chunk(HEAVY, 20, sequence=1)
    lost.first_offset, lost.offset = 20, 39
    with pytest.raises(LostChunk):
        await worker.take(lost)


def test_work_ends_when_the_time_is_over_or_nothing_is_left() -> None:
    steps = iter([None] * 3)
    assert [work(steps, for_s=0) for _ in range(4)] == [False, False, False, True]
    assert work(iter([None] * 3), for_s=60)

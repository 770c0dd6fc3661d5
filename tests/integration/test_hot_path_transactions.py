from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidTransactionTimeout
from eventually import eventually
from hot_path_drives import drives, vin
from hot_path_stage import Stage
from transactions import Sent, abort, hang, send, transactional

from contracts.codec import encode
from contracts.partitioning import partition_of_key
from contracts.reading import Reading
from contracts.topics import READING_PARTITIONS
from stack.broker import Broker

OFTEN = ("--flush-shortest", "0.2", "--flush-longest", "0.2", "--chunk-readings", "50")
FORGED = 500
"""Vehicles from this number on exist in aborted transactions only."""
HELD = partition_of_key(vin(1).encode(), READING_PARTITIONS)
EVERYWHERE = range(READING_PARTITIONS)


@pytest.fixture
def stage(broker: Broker, tmp_path: Path) -> Iterator[Stage]:
    built = Stage(broker.bootstrap, tmp_path)
    yield built
    built.close()


def _record(reading: Reading) -> Sent:
    key = reading.vehicle_id.encode()
    return key, encode(reading), partition_of_key(key, READING_PARTITIONS)


def _forged(readings: Iterable[Reading]) -> list[Sent]:
    """Make of each reading one of a vehicle that does not exist, hot, in a partition where others are."""
    forged = []
    for reading in readings:
        number = FORGED + int(reading.vehicle_id[-8:])
        forged.append(_record(msgspec.structs.replace(reading, vehicle_id=vin(number), coolant_c=130.0)))
    return forged


async def _send_mixed(stage: Stage, readings: list[Reading]) -> None:
    """Send every reading, plain or in a transaction that is committed, among the forged ones of others that abort."""
    chance = random.Random(7)
    plain = AIOKafkaProducer(bootstrap_servers=stage.bootstrap, acks="all", compression_type="zstd")
    async with plain, transactional(stage.bootstrap) as good, transactional(stage.bootstrap) as bad:
        for at in range(0, len(readings), 60):
            await good.begin_transaction()
            await bad.begin_transaction()
            for some in (readings[at : at + 30], readings[at + 30 : at + 60]):
                await send(bad, stage.readings, _forged(some))
                chosen = [chance.random() < 0.5 for _ in some]
                await send(
                    good, stage.readings, [_record(r) for r, is_good in zip(some, chosen, strict=True) if is_good]
                )
                await send(
                    plain, stage.readings, [_record(r) for r, is_good in zip(some, chosen, strict=True) if not is_good]
                )
            if chance.random() < 0.5:
                await good.commit_transaction()
                await bad.abort_transaction()
            else:
                await bad.abort_transaction()
                await good.commit_transaction()


def test_aborted_transactions_count_nowhere_however_they_interleave_and_workers_restart(stage: Stage) -> None:
    readings = list(drives(30, 150))
    sender = threading.Thread(target=lambda: asyncio.run(_send_mixed(stage, readings)))
    sender.start()
    for _ in range(2):
        killed = stage.start(*OFTEN)
        killed.wait_processed(600)
        killed.kill()
    last = stage.start(*OFTEN)
    sender.join()
    stage.wait_committed()
    last.stop()
    stage.assert_nothing_lost()
    assert _known(stage) == {reading.vehicle_id for reading in readings}


def test_a_partition_of_nothing_but_aborted_transactions_is_read_to_its_end(stage: Stage) -> None:
    worker = stage.start(*OFTEN, "--standstill", "4").wait_ready()
    for _ in range(3):
        abort(stage.bootstrap, stage.readings, [(None, b"{", partition) for partition in EVERYWHERE])
    stage.wait_committed()
    assert all(end > 3 for end in stage.ends().values())
    assert (stage.records(stage.states), stage.records(stage.rejected)) == ([], [])
    stage.send(drives(20, 20))
    abort(stage.bootstrap, stage.readings, [(None, b"{", partition) for partition in EVERYWHERE])
    stage.wait_committed()
    eventually(lambda: worker.figure("standstill_seconds") == 0)
    worker.stop()
    stage.assert_nothing_lost()
    assert len(_known(stage)) == 20


def test_a_transaction_that_hangs_holds_up_its_partition_for_a_while_and_no_other(stage: Stage) -> None:
    readings = list(drives(40, 100))
    worker = stage.start(*OFTEN, "--standstill", "4").wait_ready()
    stage.send(readings[:2_000])
    stage.wait_committed()

    hang(stage.bootstrap, stage.readings, [(*_record(readings[0])[:2], HELD)] * 5)
    assert _held_up(stage, stage.readings) == {HELD}
    stage.send(readings[2_000:])
    assert _held_up(stage, stage.readings) <= {HELD}
    eventually(lambda: _committed_but(stage, HELD), within_s=60)
    eventually(lambda: not _held_up(stage, stage.readings), within_s=40)  # the default would be a minute at least

    stage.wait_committed()
    worker.stop()  # it is the same one: that it waited was no standstill
    stage.assert_nothing_lost()
    assert len(_known(stage)) == 40


def _known(stage: Stage) -> set[str]:
    return {vehicle for states, _ in stage.written().values() for vehicle in states}


def _held_up(stage: Stage, topic: str) -> set[int]:
    """Return the partitions of a topic that have records behind their last stable offset."""
    stable = stage.ends(topic)
    return {number for number, end in stage.ends(topic, isolation="read_uncommitted").items() if end > stable[number]}


def _committed_but(stage: Stage, partition: int) -> bool:
    ends, committed = stage.ends(isolation="read_uncommitted"), stage.committed()
    return all(committed[number] == end for number, end in ends.items() if number != partition)


def test_nobody_can_have_a_transaction_of_more_than_ten_seconds(broker: Broker) -> None:
    async def started() -> None:
        producer = transactional(broker.bootstrap, timeout_ms=10_001)
        try:
            await producer.start()
        finally:
            await producer.stop()

    with pytest.raises(InvalidTransactionTimeout):
        asyncio.run(started())


def test_states_behind_an_open_transaction_are_waited_for_by_the_worker_that_restores_them(stage: Stage) -> None:
    readings = list(drives(30, 120))
    killed = stage.start(*OFTEN).wait_ready()
    stage.send(readings[:900])
    stage.wait_committed()

    hang(stage.bootstrap, stage.states, [(vin(FORGED).encode(), b"{}", partition) for partition in EVERYWHERE])
    stage.send(readings[900:2_100])
    stage.wait_committed()
    killed.kill()

    last = stage.start(*OFTEN)
    stage.send(readings[2_100:])
    stage.wait_committed()
    last.stop()
    eventually(lambda: not _held_up(stage, stage.states), within_s=40)
    stage.assert_nothing_lost()
    assert len(_known(stage)) == 30

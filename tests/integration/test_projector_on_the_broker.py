from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import raw_batches
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from eventually import eventually
from filled_readings import fill_readings
from serving import (
    NOW_MS,
    VIN,
    Topics,
    a_mark,
    a_state,
    a_trip,
    a_vehicle,
    an_alert,
    partition_of,
    point,
    publish,
)
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from api.episode import MOST_CHANGES
from api.store.tables import SAMPLED, metadata
from contracts.alert import AlertAction
from contracts.headers import Headers
from contracts.record import Record
from contracts.topics import ALERT_ACTIONS, READ_BY, SERVING_GROUP, VEHICLE_STATES, VEHICLES
from stack.broker import Broker

_TABLES = ("speed_trips", "vehicle_latest", "alerts", "alert_changes", "rejected", "marks", "vehicles", "alert_actions")


def exact(table: str) -> str:
    """Give the columns that follow from the stream alone."""
    return ", ".join(name for name in metadata.tables[table].c.keys() if name not in SAMPLED)  # noqa: SIM118


class Store:
    def __init__(self, file: Path) -> None:
        self.file = file
        self.url = f"sqlite:///{file}"

    def all(self, query: str) -> list[tuple[Any, ...]]:
        if not self.file.exists():
            return []
        engine = create_engine(self.url)
        try:
            with engine.connect() as connection:
                return [tuple(row) for row in connection.execute(text(query))]
        except OperationalError:
            return []  # not there yet, or being deleted
        finally:
            engine.dispose()

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        return {table: sorted(self.all(f"SELECT {exact(table)} FROM {table}"), key=repr) for table in _TABLES}  # noqa: S608

    def count(self, table: str) -> int:
        return sum(count for (count,) in self.all(f"SELECT count(*) FROM {table}"))  # noqa: S608

    def delete(self) -> None:
        for file in self.file.parent.glob(f"{self.file.name}*"):
            file.unlink()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store" / "serving.db")


@pytest.fixture
def views(tmp_path: Path) -> Path:
    return tmp_path / "views"


class Projectors:
    """Starts projectors on one store, and leaves none behind."""

    def __init__(self, *flags: str) -> None:
        self._command = [sys.executable, "-m", "api", "projector", *flags, "--status-port", "-1"]
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        self._started.append(subprocess.Popen(self._command))
        return self._started[-1]

    @contextmanager
    def running(self) -> Iterator[None]:
        process = self.start()
        yield
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) in (0, -signal.SIGTERM)  # the latter when it had hardly begun

    def kill(self) -> None:
        for process in self._started:
            process.kill()
            process.wait()


@pytest.fixture
def projectors(module_broker: Broker, store: Store, views: Path) -> Iterator[Projectors]:
    fill_readings(module_broker.bootstrap)
    made = Projectors("--bootstrap", module_broker.bootstrap, "--store", store.url, "--views", str(views))
    yield made
    made.kill()


@pytest.fixture
def fresh_projectors(fresh_broker: Broker, store: Store, views: Path) -> Iterator[Projectors]:
    fill_readings(fresh_broker.bootstrap)
    made = Projectors("--bootstrap", fresh_broker.bootstrap, "--store", store.url, "--views", str(views))
    yield made
    made.kill()


def send(broker: Broker, records: Iterable[Record]) -> None:
    async def sending() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap, acks="all")
        await producer.start()
        for record in records:
            await producer.send(
                record.topic, record.value, record.key, partition=record.partition, headers=record.headers
            )
        await producer.stop()

    asyncio.run(sending())


def test_killed_at_any_moment_it_repeats_and_loses_nothing(
    fresh_broker: Broker, store: Store, fresh_projectors: Projectors
) -> None:
    topics = Topics()
    vins = [f"1HGCM82633A0{n:05d}" for n in range(300)]
    rounds = 5
    for turn in range(rounds):
        process = fresh_projectors.start()
        send(fresh_broker, a_round(topics, vins, turn))
        eventually(lambda turn=turn: store.count("alerts") > turn * 300, within_s=60)  # type: ignore[misc]
        process.kill()
        process.wait()

    def is_complete() -> bool:
        # Partitions are written one by one: those that have no mark yet do not lower the least.
        marked = store.all("SELECT count(*), min(next_offset) FROM marks") == [(12, rounds * 300)]
        return marked and store.count("alerts") == store.count("rejected") == rounds * 300

    with fresh_projectors.running():
        eventually(is_complete, within_s=60)
    survived = store.everything()
    assert {row[3:5] for row in survived["speed_trips"]} == {(1000 * rounds, 90 * rounds)}
    assert len(survived["speed_trips"]) == len(vins)
    store.delete()
    with fresh_projectors.running():
        eventually(is_complete, within_s=60)
    assert store.everything() == survived


def a_round(topics: Topics, vins: list[str], turn: int) -> list[Record]:
    records: list[Record] = []
    for n, vin in enumerate(vins):
        offset = turn * len(vins) + n
        records.append(topics.state(a_state(vin, a_trip(1000 * (turn + 1), 90 * (turn + 1)), offset=offset)))
        records.append(topics.alert(an_alert(f"alert-{turn}-{n}", vehicle_id=vin)))
        records.append(topics.rejected(vin, offset))
    return records + [topics.mark(a_mark((turn + 1) * len(vins), partition)) for partition in range(12)]


def test_a_flood_on_any_topic_leaves_alerts_of_others_their_turn(
    fresh_broker: Broker, store: Store, fresh_projectors: Projectors
) -> None:
    """All was sent before the projector starts; the store's own numbers of rows tell what was written first."""
    topics, flooded, honest = Topics(), "1HGCM82633A200001", "1HGCM82633A200002"
    vins = [f"1HGCM82633A3{n:05d}" for n in range(2_000)]
    assert partition_of(flooded) != partition_of(honest)
    floods = [
        *(topics.alert(an_alert(f"flood-{n}", vehicle_id=flooded)) for n in range(8_000)),
        *(topics.alert(an_alert("again", n, vehicle_id=flooded)) for n in range(1, 2_000)),
        *(topics.vehicle(a_vehicle(vin)) for vin in vins),
        *(topics.erasure(vin, NOW_MS) for vin in vins),
        *(topics.rejected(flooded, n) for n in range(2_000)),
    ]
    send(fresh_broker, [*floods, topics.alert(an_alert("honest", vehicle_id=honest))])
    written_before = """SELECT count(*) FROM alerts WHERE alert_id LIKE 'flood-%' AND rowid < (
        SELECT rowid FROM alerts WHERE alert_id = 'honest')"""

    def is_complete() -> bool:
        newest = store.all("SELECT change FROM alerts WHERE alert_id = 'again'")
        counts = [store.count(table) for table in ("alerts", "vehicles", "erased", "rejected")]
        return (newest, counts) == ([(1_999,)], [8_002, 2_000, 2_000, 2_000])

    with fresh_projectors.running():
        eventually(is_complete, within_s=120)
    assert store.all(written_before)[0][0] <= 1_000
    assert store.count("alert_changes") <= 8_001 + MOST_CHANGES + 5


def test_states_after_the_last_mark_are_read_again(module_broker: Broker, store: Store, projectors: Projectors) -> None:
    topics, vin = Topics(), "1HGCM82633A100001"

    def distance() -> list[tuple[Any, ...]]:
        return store.all(f"SELECT distance_m FROM speed_trips WHERE vehicle_id = '{vin}'")  # noqa: S608

    send(module_broker, topics.flush(a_state(vin, a_trip(1000, 90), offset=5)))
    with projectors.running():
        eventually(lambda: distance() == [(1000,)], within_s=60)
        send(module_broker, [topics.state(a_state(vin, a_trip(2000, 180), offset=9)), topics.alert(an_alert("later"))])
        eventually(lambda: store.all("SELECT 1 FROM alerts WHERE alert_id = 'later'"))
        assert distance() == [(1000,)]
    with projectors.running():
        send(module_broker, [topics.mark(a_mark(10, partition_of(vin)))])
        eventually(lambda: distance() == [(2000,)], within_s=60)


def test_a_deleted_store_is_rebuilt_while_it_runs(
    module_broker: Broker, store: Store, views: Path, projectors: Projectors
) -> None:
    topics, vin = Topics(), "1HGCM82633A100002"
    trip = a_trip(8_000, 700)
    publish(views, 1, {(vin, trip.trip_started_at_ms): trip}, covered={partition_of(vin): 6})
    action = AlertAction("mine", "x", "acknowledge", "ann", NOW_MS)
    flush = topics.flush(a_state(vin, a_trip(9_000, 800), offset=8))
    send(module_broker, [topics.alert(an_alert("mine", vehicle_id=vin)), topics.action(action), *flush])

    def is_complete() -> bool:
        acknowledged = store.all("SELECT acknowledged_by FROM alerts WHERE alert_id = 'mine'") == [("ann",)]
        flushed = store.all(f"SELECT distance_m FROM speed_trips WHERE vehicle_id = '{vin}'") == [(9_000,)]  # noqa: S608
        return acknowledged and flushed and store.count("serving_version") == store.count("batch_trips") == 1

    with projectors.running():
        eventually(is_complete, within_s=60)
        before = store.everything()
        store.delete()
        eventually(is_complete, within_s=60)
        assert store.everything() == before


def test_a_rollback_is_followed_and_the_version_kept(store: Store, views: Path, projectors: Projectors) -> None:
    publish(views, 1, {}, covered={0: 5})
    publish(views, 2, {(VIN, NOW_MS): a_trip(8_000, 700)}, covered={0: 9})
    with projectors.running():
        eventually(lambda: store.all("SELECT version FROM serving_version") == [(2,)], within_s=60)
        point(views, 1)
        eventually(lambda: store.all("SELECT version FROM serving_version") == [(1,)])
        assert store.all("SELECT version FROM versions ORDER BY 1") == [(1,), (2,)]


def test_positions_show_in_kafka_under_the_group(module_broker: Broker, projectors: Projectors) -> None:
    """They reach every end, also where nothing that can be taken lies before it."""
    send(module_broker, [Topics().alert(an_alert("shown"))])
    asyncio.run(send_nothing_to_take(module_broker.bootstrap))
    with projectors.running():
        eventually(lambda: asyncio.run(unread(module_broker.bootstrap)) == {}, within_s=60, every_s=0.5)


async def send_nothing_to_take(bootstrap: str) -> None:
    """Send a batch that nobody unpacks, garbage where there is no mark, and an aborted transaction."""
    await raw_batches.send_built(
        bootstrap, VEHICLES.name, raw_batches.bomb(100, key=b"x"), records=100, partition=VEHICLES.partitions - 1
    )
    garbage: list[tuple[bytes, bytes, Headers]] = [(b"mark:x", b"{", []), (b"", b"", [])]
    await raw_batches.send_batch(bootstrap, VEHICLE_STATES.name, garbage, partition=VEHICLE_STATES.partitions - 1)
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, transactional_id="projector-test", transaction_timeout_ms=5_000
    )
    async with producer:
        await producer.begin_transaction()
        await producer.send_and_wait(ALERT_ACTIONS.name, b"{}", key=b"x", partition=0)
        await producer.abort_transaction()


async def unread(bootstrap: str) -> dict[TopicPartition, int]:
    """Return how far the group is from the end, of every partition that it has not read to the end."""
    partitions = [TopicPartition(topic.name, n) for topic in READ_BY[SERVING_GROUP] for n in range(topic.partitions)]
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        async with AIOKafkaConsumer(bootstrap_servers=bootstrap) as consumer:
            ends = await consumer.end_offsets(partitions)
        shown = await admin.list_consumer_group_offsets(SERVING_GROUP, partitions=partitions)
    except KafkaError:
        return dict.fromkeys(partitions, -1)  # the group has no coordinator yet
    finally:
        await admin.close()
    return {at: end - shown[at].offset for at, end in ends.items() if max(0, shown[at].offset) < end}


def test_it_waits_for_a_broker_that_went_away_and_ends_when_asked_to(
    fresh_broker: Broker, store: Store, fresh_projectors: Projectors
) -> None:
    send(fresh_broker, [Topics().alert(an_alert("before"))])
    with fresh_projectors.running():
        eventually(lambda: store.count("alerts") == 1, within_s=60)
        fresh_broker.stop()

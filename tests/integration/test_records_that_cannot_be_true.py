"""One record that cannot be true, on each topic: it is passed over, and every program that reads it goes on."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from eventually import eventually
from filled_readings import fill_readings
from hot_path_drives import drives, vin
from hot_path_stage import Stage
from raw_batches import LatinName, send_batch
from serving import OTHER_VIN, VIN, Topics, a_mark, a_state, a_trip, a_vehicle, an_alert, partition_of
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from contracts.alert import AlertAction
from contracts.codec import decode, encode
from contracts.partitioning import partition_of_key
from contracts.record import Record
from contracts.topics import (
    ALERT_ACTIONS,
    ENGINE_ALERTS,
    READING_PARTITIONS,
    REJECTED_READINGS,
    VEHICLE_ERASURES,
    VEHICLE_STATES,
    VEHICLES,
)
from contracts.vehicle_state import VehicleState, mark_key
from stack.broker import Broker
from stack.listener import Listener
from stack.ports import free_port
from stack.topics import ensure_topics

ZSTD = 4
HOME = partition_of(VIN)
ALERT, STATE = Topics().alert(an_alert()), Topics().state(a_state(VIN, a_trip(1_000, 90), offset=10))
MARK, REJECTED = Topics().mark(a_mark(11, HOME)), Topics().rejected(VIN, 1)
ACTION = Topics().action(AlertAction("a", "x", "note", "ann", 1))


def changed(record: Record, **fields: Any) -> Record:
    return record._replace(value=msgspec.json.encode(msgspec.json.decode(record.value or b"{}") | fields))


def without(record: Record, name: str) -> Record:
    kept = {field: value for field, value in msgspec.json.decode(record.value or b"").items() if field != name}
    return record._replace(value=msgspec.json.encode(kept))


def with_header(name: str, value: bytes) -> Record:
    return REJECTED._replace(headers=[*REJECTED.headers, (name, value)])


LIES: dict[str, Record] = {
    "an alert with offset 2^63": changed(ALERT, offset=2**63),
    "an alert with change 2^31": changed(ALERT, change=2**31),
    "an alert of an offset that nobody gave": changed(ALERT, offset=10**6),
    "an alert with a NUL": changed(ALERT, message="a\0b"),
    "an alert of another partition": changed(ALERT, partition=(HOME + 1) % READING_PARTITIONS),
    "an empty object for an alert": ALERT._replace(value=b"{}"),
    "no value for an alert": ALERT._replace(value=None),
    "a state without trips": changed(STATE, trips=[]),
    "a state with offset 2^53": changed(STATE, offset=2**53),
    "a state with offset 2^52": changed(STATE, offset=2**52),
    "a state without a reading": without(STATE, "newest"),
    "a mark with next offset 2^53": changed(MARK, next_offset=2**53),
    "a mark with next offset 2^52": changed(MARK, next_offset=2**52),
    "a mark of the far future": changed(MARK, received_at_ms=2**45),
    "a mark of another partition": MARK._replace(key=mark_key(HOME + 1)),
    "a rejection of an offset that nobody gave": with_header("source-offset", b"9999999"),
    "a rejection in partition 2^40": with_header("source-partition", b"1099511627776"),
    "a rejection with a NUL": with_header("detail", b"a\0b"),
    "a rejection without headers": REJECTED._replace(headers=[]),
    "an action with a time of 2^63": changed(ACTION, at_ms=2**63),
    "an action of another key": ACTION._replace(key=b"b:y"),
    "an erasure of nobody": Record(VEHICLE_ERASURES.name, 0, 0, 0, b"a\0", b'{"vehicle_id":"a","by":"b","at_ms":1}'),
    "a vehicle of year 2^63": changed(Topics().vehicle(a_vehicle()), year=2**63),
    "a vehicle of another key": Topics().vehicle(a_vehicle())._replace(key=OTHER_VIN.encode()),
    "nobody taken out of the registry": Record(VEHICLES.name, 0, 0, 0, b"a\0b", None),
}  # fmt: skip
PROJECTED = {ENGINE_ALERTS.name, VEHICLE_STATES.name, REJECTED_READINGS.name, ALERT_ACTIONS.name, VEHICLES.name}


async def _send(bootstrap: str, records: Iterable[Record]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        for record in records:
            await producer.send_and_wait(
                record.topic, record.value, record.key, partition=record.partition, headers=record.headers
            )


def send(bootstrap: str, *records: Record) -> None:
    asyncio.run(_send(bootstrap, records))


def send_unreadable(bootstrap: str, topic: str, partition: int) -> None:
    """Send a header whose name is not UTF-8, and a batch that unpacks to 90 MB."""
    key, named = VIN.encode(), LatinName("größe")
    asyncio.run(send_batch(bootstrap, topic, [(key, b"{", [(named, b"1")])] * 2, partition=partition))
    asyncio.run(send_batch(bootstrap, topic, [(key, b"0" * 900_000, [])] * 100, partition=partition))


class Program:
    """A program whose log is kept, and whose figures can be asked for."""

    def __init__(self, log: Path, *command: str) -> None:
        self.port, self.log = free_port(), log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *command, "--status-port", str(self.port)], stdout=output, stderr=output
            )

    def figure(self, name: str) -> float:
        assert self.process.poll() is None, self.log.read_text()
        try:
            lines = httpx.get(f"http://127.0.0.1:{self.port}/metrics", timeout=10).text.splitlines()
        except httpx.TransportError as error:
            raise OSError(name) from error
        return sum(float(line.split()[-1]) for line in lines if line.split("{")[0].split(" ")[0] == name)

    def passed_over(self) -> float:
        return self.figure("records_passed_over_total")


@contextmanager
def running(log: Path, *command: str) -> Iterator[Program]:
    program = Program(log, *command)
    try:
        yield program
        assert program.process.poll() is None, log.read_text()
    finally:
        program.process.terminate()
        program.process.wait(30)


def rows(store: Path, query: str) -> list[tuple[Any, ...]]:
    engine = create_engine(f"sqlite:///{store}")
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]
    except OperationalError:
        return []
    finally:
        engine.dispose()


def test_the_projector_and_the_runner_pass_every_lie_over_and_go_on(fresh_broker: Broker, tmp_path: Path) -> None:
    bootstrap, store = fresh_broker.bootstrap, tmp_path / "serving.db"
    fill_readings(bootstrap, offsets=100)
    send(bootstrap, *LIES.values())
    for topic in (ENGINE_ALERTS, VEHICLES):
        send_unreadable(bootstrap, topic.name, HOME if topic is ENGINE_ALERTS else 0)
    command = ("api", "projector", "--bootstrap", bootstrap, "--store", f"sqlite:///{store}")
    with running(tmp_path / "projector.log", *command, "--views", str(tmp_path / "views")) as projector:
        expected = len(LIES) + 2 * (2 + 1)
        eventually(lambda: projector.passed_over() == expected, within_s=90)
        topics = Topics()
        send(bootstrap, topics.alert(an_alert("good")), *topics.flush(a_state(VIN, a_trip(1_000, 90), offset=20)))
        eventually(lambda: rows(store, "SELECT alert_id FROM alerts") == [("good",)], within_s=60)
        marked = "SELECT partition, next_offset FROM marks"
        eventually(lambda: rows(store, marked) == [(HOME, 21)], within_s=60)
        assert rows(store, "SELECT distance_m FROM speed_trips") == [(1_000,)]
        for table in ("alert_actions", "rejected", "vehicles", "erased"):
            assert rows(store, f"SELECT count(*) FROM {table}") == [(0,)]  # noqa: S608 - of this list
        assert projector.figure("process_resident_memory_bytes") < 700e6
    told = (tmp_path / "projector.log").read_text()
    assert told.count("record passed over") < expected, "each kind of flaw is told once a partition"
    assert f'"topic": "{ENGINE_ALERTS.name}", "partition": {HOME}, "offset"' in told

    async def heard() -> list[str]:
        listener = Listener(bootstrap)
        await listener.start()
        try:
            return [each.alert.alert_id for each in (await listener.listen()).alerts]
        finally:
            await listener.stop()

    assert asyncio.run(heard()) == ["good"]
    truth = tmp_path / "truth.jsonl"
    truth.touch()
    scored = subprocess.run(
        [sys.executable, "-m", "simulator", "score", "--bootstrap", bootstrap, "--truth", str(truth)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "Traceback" not in scored.stderr, scored.stderr


def test_the_notifier_passes_every_lie_over_and_goes_on(fresh_broker: Broker, tmp_path: Path) -> None:
    bootstrap = fresh_broker.bootstrap
    taken: list[str] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            taken.append(self.headers["Idempotency-Key"])
            self.send_response(204)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    Thread(target=server.serve_forever, daemon=True).start()
    webhooks = tmp_path / "webhooks.toml"
    url = f"http://127.0.0.1:{server.server_port}/hook"
    webhooks.write_text(
        f'[[webhook]]\nname = "w"\nurl = "{url}"\nsecret = "sixteen characters"\nallowed_networks = ["127.0.0.1/32"]\n'
    )
    fill_readings(bootstrap, offsets=100)
    send(bootstrap, *(lie for lie in LIES.values() if lie.topic in {ENGINE_ALERTS.name, VEHICLES.name}))
    for topic in (ENGINE_ALERTS, VEHICLES):
        send_unreadable(bootstrap, topic.name, HOME if topic is ENGINE_ALERTS else 0)
    command = ("api", "notifier", "--bootstrap", bootstrap, "--webhooks", str(webhooks), "--from-beginning")
    try:
        with running(tmp_path / "log", *command, "--ledger", str(tmp_path / "ledger.db")) as notifier:
            send(bootstrap, Topics().alert(an_alert("good")))
            eventually(lambda: taken == ["good:1"], within_s=60)
            eventually(lambda: notifier.passed_over() >= 10, within_s=30)
    finally:
        server.shutdown()


@pytest.fixture
def stage(broker: Broker, tmp_path: Path) -> Iterator[Stage]:
    built = Stage(broker.bootstrap, tmp_path)
    yield built
    built.close()


KEY = vin(1).encode()
OWN = partition_of_key(KEY, READING_PARTITIONS)
Lie = Callable[[bytes], bytes]


def _with(**fields: Any) -> Lie:
    return lambda honest: msgspec.json.encode(msgspec.json.decode(honest) | fields)


def _newest(stage: Stage, key: bytes) -> bytes:
    return bytes([record.value for record in stage.records(stage.states) if record.key == key][-1])


def test_lying_states_and_marks_give_way_to_those_before_them(stage: Stage) -> None:
    stage.send(drives(20, 40))
    worker = stage.start().wait_ready()
    stage.wait_committed()
    worker.stop()
    state, mark = _newest(stage, KEY), _newest(stage, mark_key(OWN))
    other = mark_key((OWN + 1) % READING_PARTITIONS)
    future_ms = int(time.time() * 1000) + 10**12  # noqa: TID251 - of a real broker
    lies = [
        *((KEY, lie(state)) for lie in (_with(trips=[]), _with(offset=2**53), _with(offset=2**52))),
        (KEY, b"{}"),
        *((mark_key(OWN), lie(mark)) for lie in (_with(next_offset=2**53), _with(next_offset=2**52))),
        (mark_key(OWN), _with(received_at_ms=future_ms)(mark)),
        (mark_key(OWN), _with(topic_id="another", next_offset=2**52)(mark)),
        (other, _with(next_offset=10**5)(mark)),
        (b"no key of ours", b"{}"),
    ]
    send(stage.bootstrap, *(Record(stage.states, OWN, 0, 0, key, value) for key, value in lies))
    send_unreadable(stage.bootstrap, stage.vehicles, 0)
    worker = stage.start().wait_ready()
    stage.send(drives(20, 60))
    stage.wait_committed()
    eventually(lambda: worker.figure("records_passed_over_total") >= 5, within_s=20)
    worker.stop()
    written = [record for record in stage.records(stage.states) if record.value not in {value for _, value in lies}]
    kept = {record.key: record.value for record in written if record.partition == OWN}
    assert decode(kept[KEY] or b"", VehicleState).offset < 2**20
    alerts = stage.expected()[1]
    assert {alert.alert_id for alert in alerts} == {event[0] for event in stage.alert_events()}


def test_a_lying_state_without_one_before_it_begins_anew_with_the_next_reading(stage: Stage) -> None:
    honest = a_state(VIN, a_trip(1_000, 90), offset=2**52)
    lie = Record(stage.states, HOME, 0, 0, VIN.encode(), encode(honest))
    fill_readings(stage.bootstrap, offsets=10, topic=stage.readings)
    send(stage.bootstrap, lie)
    worker = stage.start().wait_ready()
    stage.send(drives(20, 40))
    stage.wait_committed()
    assert worker.figure("records_passed_over_total") == 1
    worker.stop()


def test_readings_in_a_topic_that_was_created_anew_are_said_once_and_end_with_code_2(stage: Stage) -> None:
    stage.send(drives(20, 40))
    worker = stage.start().wait_ready()
    stage.wait_committed()
    worker.stop()

    async def made_anew() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=stage.bootstrap)
        await admin.start()
        await admin.delete_topics([stage.readings])
        await admin.close()

    asyncio.run(made_anew())
    topic = next(each for each in stage._topics if each.name == stage.readings)

    def is_there() -> bool:
        (made,) = asyncio.run(ensure_topics(stage.bootstrap, [topic]))
        return made.outcome == "created"

    eventually(is_there, within_s=30)
    worker = stage.start()
    assert worker.process.wait(60) == 2, worker.log.read_text()
    told = worker.log.read_text()
    assert told.count("was created anew") == 1
    assert "Traceback" not in told

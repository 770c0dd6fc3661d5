"""Record batches that unpack to gigabytes, or lie about offsets: the cold path goes on, as the hot path does."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final, Self

import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from cold_path_stage import CAR, PARTITION, a_reading
from deltalake import DeltaTable
from eventually import eventually
from raw_batches import bomb, framed, frames, send_built
from spark_session import the_session

from cold_path.lake.ingest import ingest
from cold_path.lake.table import Lake
from cold_path.settings import Verify
from cold_path.source.broker import bounds
from cold_path.source.offsets import plan
from cold_path.verification.verify import verify
from contracts.rejection import from_headers
from contracts.topics import REJECTED_READINGS, VEHICLE_READINGS
from stack.broker import Broker
from stack.ports import free_port

KEY: Final = CAR.encode()
BATCHES: Final[dict[str, tuple[int, int, int, bool]]] = {
    "of 2 GB": (2_400, 900_000, 1, False),
    "of one record of 700 MB": (1, 700_000_000, 1, False),
    "of a thousand records of 1 MB": (1_000, 1_000_000, 1, False),
    "of 60 MB in little": (60, 1_000_000, 8, False),
    "of 60 MB, many": (60, 1_000_000, 8, True),
}
"""Records, bytes of each, how many such batches, and whether these are allowed."""
HONEST: Final = 5 * (len(BATCHES) + 2)
REFUSED: Final = 3 + 8 + 1
"""Batches that are refused as a whole."""
REJECTED: Final = REFUSED + 8 * 60


async def _send_readings(bootstrap: str, first: int) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        for number in range(first, first + 5):
            await producer.send_and_wait(VEHICLE_READINGS.name, a_reading(number), key=KEY, partition=PARTITION)


async def _send(bootstrap: str) -> None:
    """Send each kind of batch, and five honest readings before each and after all."""
    sent = 0
    for records, value_bytes, times, is_allowed in BATCHES.values():
        await _send_readings(bootstrap, sent)
        sent += 5
        built = bomb(records, key=KEY, value_bytes=value_bytes, is_allowed=is_allowed)
        for _ in range(times):
            await send_built(bootstrap, VEHICLE_READINGS.name, built, records=records, partition=PARTITION)
    await _send_readings(bootstrap, sent)
    foreign = framed(frames((delta, KEY, a_reading(900 + delta)) for delta in (0, 1, 100)), 3)
    await send_built(bootstrap, VEHICLE_READINGS.name, foreign, records=3, partition=PARTITION)
    await _send_readings(bootstrap, sent + 5)


async def _rejected(bootstrap: str) -> list[tuple[int, str]]:
    """Return the source offset and reason of all that the hot path has rejected."""
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        at = [TopicPartition(REJECTED_READINGS.name, number) for number in range(REJECTED_READINGS.partitions)]
        consumer.assign(at)
        ends = await consumer.end_offsets(at)
        stories = []
        while any([await consumer.position(one) < end for one, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                stories += [from_headers(record.headers) for record in records]
    return sorted((story.source_offset, story.reason) for story in stories)


class Watched:
    """Watches how much memory the Python workers take that a JVM of this process has started."""

    def __init__(self) -> None:
        self.most_mb = 0.0
        self._is_over = Event()
        self._thread = Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(0.1):
            for jvm in (child for child in psutil.Process().children() if "java" in child.name()):
                with suppress(psutil.NoSuchProcess):
                    workers = [one.memory_info().rss / 1e6 for one in jvm.children(recursive=True)]
                    self.most_mb = max(self.most_mb, *workers, 0)


@contextmanager
def running(folder: Path, *command: str) -> Iterator[None]:
    """Run a program that must not end by itself."""
    log = folder / f"{command[0]}.log"
    with log.open("wb") as told:
        line = [sys.executable, "-m", *command, "--status-port", str(free_port())]
        program = subprocess.Popen(line, stdout=told, stderr=told)
    try:
        yield
        assert program.poll() is None, log.read_text()[-3_000:]
    finally:
        program.terminate()
        program.wait(30)


def _ingested(bootstrap: str, folder: Path) -> list[dict[str, Any]]:
    """Ingest all that the broker holds; return the lake's rows."""
    lake = Lake(folder)
    lake.refresh()
    planned = plan({}, asyncio.run(bounds(bootstrap, VEHICLE_READINGS.name, wait_s=30)))
    ingest(the_session(), lake, planned, bootstrap=bootstrap, topic=VEHICLE_READINGS.name)
    rows = DeltaTable(str(folder)).to_pyarrow_table(columns=["offset", "rejected_reason", "sequence"]).to_pylist()
    return sorted(rows, key=lambda row: int(row["offset"]))


def test_batches_that_no_jvm_could_hold_leave_both_paths_equal(fresh_broker: Broker, tmp_path: Path) -> None:
    bootstrap, store = fresh_broker.bootstrap, f"sqlite:///{tmp_path}/serving.db"
    places: dict[str, Any] = {"store": store, "views": tmp_path / "views", "lake": tmp_path / "lake"}
    asyncio.run(_send(bootstrap))
    with (
        running(tmp_path, "hot_path", "run", "--bootstrap", bootstrap, "--standstill", "300"),
        running(tmp_path, "api", "projector", "--bootstrap", bootstrap, "--store", store),
    ):
        with Watched() as watched:
            rows = _ingested(bootstrap, places["lake"])
        assert watched.most_mb < 900
        assert [row["sequence"] for row in rows if row["rejected_reason"] is None] == list(range(HONEST))
        rejected = [(row["offset"], row["rejected_reason"]) for row in rows if row["rejected_reason"]]
        assert len(rejected) == REJECTED
        eventually(lambda: asyncio.run(_rejected(bootstrap)) == rejected, within_s=150, every_s=1)

        asked = Verify(_cli_parse_args=False, bootstrap=bootstrap, wait=30, **places)
        eventually(lambda: asyncio.run(verify(asked)).records == len(rows), within_s=100, every_s=1)
        report = asyncio.run(verify(asked))
        assert (report.is_equal, report.rejected) == (True, REJECTED), report
        assert report.uncommitted is not None
        assert report.uncommitted.records == 0

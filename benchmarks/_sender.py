"""Readings for a measurement, from a process of its own, each record batch packed before the first is sent.

python _sender.py HOST:PORT TOPIC steady RATE SECONDS     # waits for a line on its input, then keeps the rate
python _sender.py HOST:PORT TOPIC backlog VEHICLES SECONDS PART PARTS
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import Iterable, Iterator

from _fleet import Fleet, Sent
from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from contracts.reading import READING_SCHEMA

TICKS_A_SECOND = 100
CODE_HELD_S = 4
"""Two seconds of a trouble code raise an alert; then the next one comes."""
SHARE_IN_AN_EPISODE = {"steady": 0.02, "backlog": 0.005}
"""More at a steady rate than in a backlog, so that there are alerts enough for a high percentile."""
LONGEST_BATCH_BYTES = 256 * 1024
Packed = list[tuple[int, BatchBuilder]]


async def steady(producer: AIOKafkaProducer, topic: str, rate: int, seconds: int) -> None:
    """Send `rate` readings a second, one a car; tell the share of the rate that was reached, and the CPU it took."""
    fleet = Fleet(rate, share=SHARE_IN_AN_EPISODE["steady"], start_ms=_now_ms(), code_held_s=CODE_HELD_S)
    ticks = [
        list(_packed(producer, fleet.second(second, shift=shift, step=TICKS_A_SECOND)))
        for second, shift in (divmod(tick, TICKS_A_SECOND) for tick in range(seconds * TICKS_A_SECOND))
    ]
    gc.freeze()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    began, began_cpu = time.monotonic(), time.process_time()
    for number, batches in enumerate(ticks, start=1):
        await _send(producer, topic, batches)
        batches.clear()
        await asyncio.sleep(max(0, began + number / TICKS_A_SECOND - time.monotonic()))
    await producer.flush()
    took_s = time.monotonic() - began
    print(json.dumps({"reached": seconds / took_s, "cores": (time.process_time() - began_cpu) / took_s}))


async def backlog(producer: AIOKafkaProducer, topic: str, vehicles: int, seconds: int, part: int, parts: int) -> None:
    """Send `seconds` of event time as fast as it goes, the vehicles of one part of several; tell a reading's bytes."""
    fleet = Fleet(vehicles, share=SHARE_IN_AN_EPISODE["backlog"], start_ms=_now_ms() - seconds * 1_000)
    fleet.cars = fleet.cars[part::parts]
    size = 0
    for second in range(seconds):
        readings = list(fleet.second(second))
        size += sum(len(reading.value) for reading in readings)
        await _send(producer, topic, _packed(producer, readings))
    await producer.flush()
    print(json.dumps({"bytes": size / seconds / len(fleet.cars)}))


def _packed(producer: AIOKafkaProducer, readings: Iterable[Sent]) -> Iterator[tuple[int, BatchBuilder]]:
    """Pack record batches, compression and checksum included, which aiokafka would do at the moment of sending."""
    open_batches: dict[int, BatchBuilder] = {}
    for partition, key, value in readings:
        record = {"key": key, "value": value, "timestamp": None, "headers": [("schema", READING_SCHEMA)]}
        batch = open_batches.get(partition)
        if batch is None:
            batch = open_batches[partition] = producer.create_batch()
        if batch.append(**record) is None:
            batch._build()  # noqa: SLF001 - what sending would call
            yield partition, batch
            batch = open_batches[partition] = producer.create_batch()
            batch.append(**record)
    for partition, batch in open_batches.items():
        batch._build()  # noqa: SLF001 - as above
        yield partition, batch


async def _send(producer: AIOKafkaProducer, topic: str, batches: Iterable[tuple[int, BatchBuilder]]) -> None:
    for partition, batch in batches:
        await producer.send_batch(batch, topic, partition=partition)


def _now_ms() -> int:
    return int(time.time() * 1000)  # noqa: TID251


async def _main(bootstrap: str, topic: str, way: str, *numbers: str) -> None:
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", compression_type="zstd", max_batch_size=LONGEST_BATCH_BYTES
    ) as producer:
        await {"steady": steady, "backlog": backlog}[way](producer, topic, *map(int, numbers))  # type: ignore[operator]


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))

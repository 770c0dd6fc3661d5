"""What a poisonous record does to the good one behind it: event to alert at the broker, with and without it before."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from _bench import Bench
from _fleet import Fleet, Sent
from _latency import alerts_of, percentile
from aiokafka import AIOKafkaProducer

from contracts.reading import READING_SCHEMA

CODE_HELD_S = 4
TIMES = 60
BETWEEN_S = 0.15
POISONS: dict[str, Sequence[bytes]] = {
    "nothing": [],
    "a_pill": [b"{"],
    "one_of_900_kb": [b"[" * 900_000],
    "a_batch_of_50_mb": [b"[" * 900_000] * 56,
}
Figures = dict[str, float]


def poison(bench: Bench) -> Figures:
    """Measure each kind of poison before readings that raise an alert each."""
    return {name: value for kind in POISONS for name, value in _one_kind(bench, kind).items()}


def _one_kind(bench: Bench, kind: str) -> Figures:
    mark = bench.topics(f"-poison-{kind}")
    with bench.program("hot_path", mark) as program:
        program.seconds_until_ready()
        asyncio.run(_send(bench.bootstrap, f"vehicle-readings{mark}", POISONS[kind]))
        time.sleep(1)
    alerts = asyncio.run(alerts_of(bench.bootstrap, f"engine-alerts{mark}"))
    found = sorted(told_ms - alert.received_at_ms for told_ms, alert in alerts if alert.state == "raised")
    named = {"p50": percentile(found, 0.5), "worst": percentile(found, 1), "alerts": len(found)}
    return {f"behind_{kind}_{name}{'' if name == 'alerts' else '_ms'}": value for name, value in named.items()}


async def _send(bootstrap: str, topic: str, poisons: Sequence[bytes]) -> None:
    """Let each car begin an episode, then send what raises its alert directly behind the poison."""
    begins, raises = _pairs()
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", compression_type="zstd", max_batch_size=100_000_000
    ) as producer:
        for sent in begins:
            await _send_batch(producer, topic, sent.partition, [(sent.key, sent.value)])
        await producer.flush()
        for sent in raises:
            if poisons:
                await _send_batch(producer, topic, sent.partition, [(sent.key, value) for value in poisons])
            await _send_batch(producer, topic, sent.partition, [(sent.key, sent.value)])
            await asyncio.sleep(BETWEEN_S)
        await producer.flush()


async def _send_batch(
    producer: AIOKafkaProducer, topic: str, partition: int, records: Sequence[tuple[bytes, bytes]]
) -> None:
    batch = producer.create_batch()
    for key, value in records:
        batch.append(key=key, value=value, timestamp=None, headers=[("schema", READING_SCHEMA)])
    await producer.send_batch(batch, topic, partition=partition)


def _pairs() -> tuple[list[Sent], list[Sent]]:
    """Give the readings with which cars begin an episode, and those that raise it."""
    start_ms = int(time.time() * 1000) - CODE_HELD_S * 1_000  # noqa: TID251
    fleet = Fleet(TIMES, share=1, start_ms=start_ms)
    return list(fleet.second(0)), list(fleet.second(CODE_HELD_S - 1))

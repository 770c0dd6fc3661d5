"""Event to alert, broker time to broker time: readings at a steady rate, alerts read back from their topic."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence

from _bench import Bench
from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts.alert import Alert
from contracts.codec import decode
from contracts.topics import READING_PARTITIONS

WARM_UP_S = 4
Figures = dict[str, float]


def latency(bench: Bench, name: str, rate: int, *, seconds: int) -> Figures:
    """Measure event to alert of one program at a steady rate; the first seconds are left out."""
    mark = bench.topics(f"-{name}-{rate}")
    with bench.steady_sender(mark, rate=rate, seconds=seconds) as sender, bench.program(name, mark) as program:
        program.seconds_until_ready()
        time.sleep(2)
        from_ms = int(time.time() * 1000) + WARM_UP_S * 1_000  # noqa: TID251
        told = json.loads(sender.communicate("go\n")[0])
        time.sleep(1)
        readings = program.look().readings
    found = asyncio.run(_latencies_ms(bench.bootstrap, f"engine-alerts{mark}", from_ms=from_ms))
    figures: Figures = {f"p{share * 100:g}_ms": percentile(found, share) for share in (0.5, 0.99, 0.999)}
    figures |= {"alerts": len(found), "rate_reached": round(told["reached"], 2)}
    figures["share_folded"] = round(readings / rate / seconds, 2)
    return {f"{name}_at_{rate}_{figure}": value for figure, value in figures.items()}


async def _latencies_ms(bootstrap: str, topic: str, *, from_ms: int) -> list[int]:
    """Give the latency of every alert whose reading was received after `from_ms`, sorted."""
    alerts = await alerts_of(bootstrap, topic)
    caused = [(told_ms, alert) for told_ms, alert in alerts if alert.received_at_ms > from_ms and not alert.timed]
    return sorted(max(0, told_ms - alert.received_at_ms) for told_ms, alert in caused)


async def alerts_of(bootstrap: str, topic: str) -> list[tuple[int, Alert]]:
    """Give all alerts of a topic, each with the broker's time of it (epoch ms)."""
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        partitions = [TopicPartition(topic, number) for number in range(READING_PARTITIONS)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        found: list[tuple[int, Alert]] = []
        for partition in partitions:
            while await consumer.position(partition) < ends[partition]:
                for some in (await consumer.getmany(timeout_ms=500)).values():
                    found += [(record.timestamp, decode(record.value, Alert)) for record in some]
    return found


def percentile(ordered: Sequence[int], share: float) -> int:
    """Give the value that this share of the values lies below; -1 of none."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else -1

"""A stock Faust agent around the same fold: one message a reading, as Faust's documentation shows it.

It writes alerts and no states, which is in its favour.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import tempfile
from collections import defaultdict
from typing import Any

import faust
import uvloop
from pydantic_settings import CliApp

from contracts.codec import encode
from contracts.errors import MalformedReading
from contracts.plausibility import believe
from hot_path.__main__ import GARBAGE
from hot_path.registry import Registry
from hot_path.settings import HotPathSettings
from observability.metrics import READINGS_PROCESSED
from observability.status import serve_status
from rules import load_rules
from rules.partition import PartitionFold


async def _serve(settings: HotPathSettings) -> None:
    app = faust.App(
        settings.app_id,
        broker=f"kafka://{settings.bootstrap}",
        store="memory://",
        datadir=tempfile.mkdtemp(),
        autodiscover=False,
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        consumer_auto_offset_reset="earliest",
        stream_wait_empty=False,
        producer_compression_type="zstd",
    )
    app.finalize()
    raw: dict[str, Any] = {"key_type": bytes, "key_serializer": "raw", "value_type": bytes, "value_serializer": "raw"}
    rules = load_rules(settings.rules)
    registry = Registry(settings)
    await registry.read_to_end()
    folds: dict[int, PartitionFold] = defaultdict(lambda: PartitionFold(0, rules, registry=registry.vehicles))

    async def fold_readings(stream: Any) -> None:
        async for event in stream.events():
            message = event.message
            fold, received_at_ms = folds[message.partition], round(message.timestamp * 1000)
            alerts = fold.advance(received_at_ms)
            try:
                reading, _ = believe(message.value, partition=message.partition, received_at_ms=received_at_ms)
            except MalformedReading:
                continue
            alerts += fold.fold(reading, offset=message.offset, received_at_ms=received_at_ms)
            for alert in alerts:
                key = alert.vehicle_id.encode()
                await app.producer.send(settings.alerts_topic, key, encode(alert), message.partition, None, None)
            READINGS_PROCESSED.inc()

    app.agent(app.topic(settings.readings_topic, **raw), name="fold_readings")(fold_readings)
    serve_status(settings.status_port, is_ready=lambda: True)
    await app.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    gc.set_threshold(*GARBAGE)
    uvloop.run(_serve(CliApp.run(HotPathSettings)))

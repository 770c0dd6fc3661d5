"""A bare aiokafka loop, same fold, same chunk fetch: what Faust, tables and commits are measured by."""

from __future__ import annotations

import gc
import logging

import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic_settings import CliApp

from contracts.topics import READING_PARTITIONS
from hot_path.__main__ import GARBAGE
from hot_path.decision import decide
from hot_path.publisher import Publisher
from hot_path.registry import Registry
from hot_path.settings import HotPathSettings
from observability.metrics import READINGS_PROCESSED
from observability.status import serve_status
from rules import load_rules
from rules.partition import PartitionFold
from runtime.kafka.chunk_fetch import Chunking, install_chunk_fetch


async def _serve(settings: HotPathSettings) -> None:
    install_chunk_fetch()
    serve_status(settings.status_port, is_ready=lambda: True)
    rules = load_rules(settings.rules)
    registry = Registry(settings)
    await registry.read_to_end()
    folds = [PartitionFold(number, rules, registry=registry.vehicles) for number in range(READING_PARTITIONS)]
    publisher = Publisher(settings)
    await publisher.start()
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.bootstrap, auto_offset_reset="earliest")
    consumer._value_deserializer = Chunking(frozenset([settings.readings_topic]), readings=settings.chunk_readings)  # noqa: SLF001
    await consumer.start()
    consumer.assign([TopicPartition(settings.readings_topic, number) for number in range(READING_PARTITIONS)])
    while True:
        for chunks in (await consumer.getmany(timeout_ms=1_000, max_records=24)).values():
            for chunk in chunks:
                effects = decide(folds[chunk.partition], chunk, partitions=READING_PARTITIONS)
                for alert in effects.alerts:
                    await publisher.alert(alert, partition=chunk.partition)
                chunk.batches.clear()
                READINGS_PROCESSED.inc(effects.folded)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    gc.set_threshold(*GARBAGE)
    uvloop.run(_serve(CliApp.run(HotPathSettings)))

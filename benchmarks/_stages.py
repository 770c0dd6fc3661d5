"""Where the time of a reading goes: each stage of the hot path by itself, without broker or Faust, as JSON."""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_UNCOMMITTED
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from contracts.codec import decode_plausible_reading
from contracts.plausibility import believe
from contracts.reading import READING_SCHEMA
from contracts.topics import READING_PARTITIONS
from hot_path.__main__ import GARBAGE
from hot_path.decision import decide
from hot_path.transport import Chunk
from rules import Rules, default_rules_file, load_rules
from rules.healthy import healthy_filter
from rules.partition import PartitionFold
from runtime.kafka.batch_records import KeptRecords
from runtime.kafka.chunk_fetch import ChunkedPartitionRecords, Chunking

sys.path.append(str(Path(__file__).parent))  # last, as this folder's hot_path.py would hide the hot path

from _fleet import Fleet

VEHICLES, SECONDS, ZSTD, BATCH_BYTES = 12_000, 40, 4, 256 * 1024
START_MS = 1_790_000_000_000
TRIES = 3
POISON = {
    "pill": [b"{"],
    "of_900_kb": [b"[" * 900_000],
    "of_50_mb_unpacked": [b"[" * 900_000] * 56,
    "of_2000_empty": [b""] * 2_000,
}


def main() -> None:
    gc.set_threshold(*GARBAGE)
    fetched, values = _fetched()
    readings = [reading for value in values if (reading := decode_plausible_reading(value)) is not None]
    rules = load_rules(default_rules_file())
    is_healthy = healthy_filter(rules)
    fold = _folded(fetched, rules)
    vehicles = list(fold.dirty)

    def unpack() -> None:
        for chunk in _chunks(fetched):
            for batch in chunk.batches:
                for _ in batch.records:
                    pass

    def flush() -> None:
        for followed in vehicles:
            followed.is_changed = True
        fold.dirty.extend(vehicles)
        fold.drain(len(vehicles))

    count = len(values)
    figures = {
        "unpack": _us(unpack, count),
        "decode": _us(lambda: [decode_plausible_reading(value) and None for value in values], count),
        "decode_and_judge": _us(lambda: [believe(value, 0, START_MS) and None for value in values], count),
        "filter": _us(lambda: [is_healthy(reading, {}) for reading in readings], count),
        "all_but_faust": _us(lambda: _folded(fetched, rules), count),
        "state_to_flush": _us(flush, len(vehicles)),
    }
    told = {f"{name}_us": value for name, value in figures.items()}
    told |= {f"poison_{name}_ms": _poison_ms(values, fold) for name, values in POISON.items()}
    print(json.dumps(told))


def _poison_ms(values: list[bytes], fold: PartitionFold) -> float:
    """Give for how many milliseconds nothing else gets its turn while one batch of rubbish is rejected."""
    builder = DefaultRecordBatchBuilder(2, ZSTD, 0, -1, -1, -1, 100_000_000)
    for number, value in enumerate(values):
        builder.append(number, START_MS, b"key", value, [])
    (chunk,) = _chunks(bytes(builder.build()))
    began = time.perf_counter()
    decide(fold, chunk, partitions=READING_PARTITIONS)
    return round((time.perf_counter() - began) * 1000, 2)


def _us(work: Callable[[], object], count: int) -> float:
    """Give the CPU microseconds of each of `count`, the best of three."""
    spent = []
    for _ in range(TRIES):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return round(min(spent) / count * 1e6, 2)


def _fetched() -> tuple[bytes, list[bytes]]:
    """Give partition 0 of a fleet as the broker would answer a fetch, and the values in it."""
    fleet = Fleet(VEHICLES, share=0.005, start_ms=START_MS)
    fleet.cars = [car for car in fleet.cars if car[1] == 0]
    batches: list[bytes] = []
    values: list[bytes] = []
    builder, first = _builder(), 0
    for second in range(SECONDS):
        for _, key, value in fleet.second(second):
            record = (START_MS + second * 1_000 + 1_100, key, value, [("schema", READING_SCHEMA)])
            if builder.append(len(values) - first, *record) is None:
                batches.append(first.to_bytes(8, "big") + bytes(builder.build())[8:])
                builder, first = _builder(), len(values)
                builder.append(0, *record)
            values.append(value)
    batches.append(first.to_bytes(8, "big") + bytes(builder.build())[8:])
    return b"".join(batches), values


def _builder() -> DefaultRecordBatchBuilder:
    return DefaultRecordBatchBuilder(2, ZSTD, 0, -1, -1, -1, BATCH_BYTES)


def _chunks(fetched: bytes) -> Iterator[Chunk]:
    return ChunkedPartitionRecords(
        tp=TopicPartition("readings", 0), records=KeptRecords(fetched), aborted_transactions=None, fetch_offset=0,
        key_deserializer=None, value_deserializer=Chunking(frozenset(["readings"]), readings=2_000), check_crcs=True,
        isolation_level=READ_UNCOMMITTED,
    )  # fmt: skip


def _folded(fetched: bytes, rules: Rules) -> PartitionFold:
    fold = PartitionFold(0, rules, registry={})
    for chunk in _chunks(fetched):
        decide(fold, chunk, partitions=READING_PARTITIONS)
    return fold


if __name__ == "__main__":
    main()

"""New offsets of Kafka to the lake: read, judged and written by Spark, in one commit that is its own ledger entry."""

from __future__ import annotations

import json
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from pyspark.sql import functions as F  # noqa: N812 - the idiom
from pyspark.sql.pandas.types import from_arrow_schema

from cold_path.lake import ledger
from cold_path.lake.commit import commit
from cold_path.lake.files import FILE_SCHEMA, written
from cold_path.lake.judgement import judged
from cold_path.lake.known_trips import KnownTrips
from cold_path.lake.sequences import Seen
from observability.kafka_security import jvm_client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from cold_path.lake.table import Lake
    from cold_path.source.offsets import Offsets, Plan

_OFFSETS_A_TASK: Final = 400_000
"""Smaller tasks make many small files, larger ones keep a core idle at the end."""

_KAFKA: Final = {
    "failOnDataLoss": "true",  # holes, which aborted records and the marks of transactions leave, are no loss to it
    "kafka.isolation.level": "read_committed",  # as `source.broker`, which plans the offsets
    # Spark asks for the partition's bounds after each poll; the answer waits behind a fetch at the end of the log.
    "kafka.fetch.max.wait.ms": "5",
    "kafka.max.poll.records": "10000",
    "kafka.max.partition.fetch.bytes": str(8 * 1024 * 1024),
}


def records(spark: SparkSession, *, bootstrap: str, topic: str, plan: Plan) -> DataFrame:
    """Give the records of exactly the planned offsets, each partition whole and in offset order in one task."""
    source = spark.read.format("kafka").options(**_KAFKA).option("kafka.bootstrap.servers", bootstrap)
    source = source.options(**{f"kafka.{name}": value for name, value in jvm_client().items()})
    source = source.option("assign", json.dumps({topic: sorted(plan.ends)}))
    source = source.option("startingOffsets", _offsets(topic, plan.starts))
    source = source.option("endingOffsets", _offsets(topic, plan.ends))
    tasks = max(spark.sparkContext.defaultParallelism, ceil(plan.offsets / _OFFSETS_A_TASK))
    return (
        source.load()
        .select("partition", "offset", F.unix_millis("timestamp").alias("received_at_ms"), "value")
        .coalesce(tasks)
    )


def _offsets(topic: str, offsets: Offsets) -> str:
    return json.dumps({topic: {str(partition): offset for partition, offset in offsets.items()}})


def ingest(spark: SparkSession, lake: Lake, plan: Plan, *, bootstrap: str, topic: str) -> None:
    """Write the planned records and the ledger entry in one commit; `lake` must be fresh.

    Killed anywhere and planned again, every record is in the lake once: the commit is there with its entry, or not at
    all. A driver thought dead cannot add its commit later, since Delta lets one entry number through.
    """
    entry = ledger.following(lake.entry, topic=topic, ends=plan.ends, lost=plan.lost)
    source = records(spark, bootstrap=bootstrap, topic=topic, plan=plan)
    files = source.mapInArrow(_judge(lake), from_arrow_schema(FILE_SCHEMA)).collect()
    commit(lake.folder, entry, files)


def _judge(lake: Lake) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Give the function that Spark sends to its workers, with what it needs of the lake."""
    folder = str(lake.folder.absolute())
    newest = lake.survey.newest
    version = lake.state.version if lake.state else 0

    def judge(batches: Iterable[Any]) -> Iterator[Any]:
        return written(judged(batches, Seen(newest, KnownTrips(folder, version).spans)), folder)

    return judge

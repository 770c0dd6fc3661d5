"""New offsets of Kafka to the lake: read, judged and written by Spark, in one commit that is its own ledger entry.

Spark's workers read Kafka themselves, by the consumer of all other programs, and not by Spark's source: Java's consumer
has no bound on what a record batch unpacks to, and takes some batches that the hot path refuses.
"""

from __future__ import annotations

from itertools import chain
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from pyspark.sql.pandas.types import from_arrow_schema

from cold_path.lake import ledger
from cold_path.lake.commit import commit
from cold_path.lake.files import FILE_SCHEMA, written
from cold_path.lake.judgement import judged
from cold_path.lake.known_trips import KnownTrips
from cold_path.lake.sequences import Seen
from cold_path.source.planned_records import Span, planned_records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pyarrow as pa
    from pyspark.sql import SparkSession

    from cold_path.lake.table import Lake
    from cold_path.source.offsets import Plan

_OFFSETS_A_TASK: Final = 400_000
"""Smaller tasks make many small files, larger ones keep a core idle at the end."""


def ingest(spark: SparkSession, lake: Lake, plan: Plan, *, bootstrap: str, topic: str) -> None:
    """Write the planned records and the ledger entry in one commit; `lake` must be fresh.

    Killed anywhere and planned again, every record is in the lake once: the commit is there with its entry, or not at
    all. A driver thought dead cannot add its commit later, since Delta lets one entry number through.
    """
    entry = ledger.following(lake.entry, topic=topic, ends=plan.ends, lost=plan.lost)
    spans = [Span(at, start, plan.ends[at]) for at, start in sorted(plan.starts.items()) if start < plan.ends[at]]
    tasks = max(spark.sparkContext.defaultParallelism, ceil(plan.offsets / _OFFSETS_A_TASK))
    rows = spark.range(0, len(spans), numPartitions=tasks)
    work = _work(lake, spans, bootstrap=bootstrap, topic=topic)
    files = rows.mapInArrow(work, from_arrow_schema(FILE_SCHEMA)).collect()
    commit(lake.folder, entry, files)


def _work(
    lake: Lake, spans: list[Span], *, bootstrap: str, topic: str
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return the function that Spark sends to its workers, with what it needs of the lake.

    It takes numbers of spans, each of which is whole in one task.
    """
    folder = str(lake.folder.absolute())
    newest = lake.survey.newest
    version = lake.state.version if lake.state else 0

    def work(batches: Iterable[Any]) -> Iterator[Any]:
        mine = [spans[number] for batch in batches for number in batch.column("id").to_pylist()]
        records = chain.from_iterable(planned_records(bootstrap, topic, span) for span in mine)
        return written(judged(records, Seen(newest, KnownTrips(folder, version).spans)), folder)

    return work

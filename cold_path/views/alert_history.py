"""The view `alert_history`: what the rules raise over the lake, record after record as the broker gave them."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, Final

from pyspark.sql import functions as F  # noqa: N812 - the idiom
from pyspark.sql.pandas.types import from_arrow_schema

from cold_path.history.scan import ALL_ROWS, local_paths
from cold_path.views.columns import columns_of
from cold_path.views.history_fold import ALERT, FOLD_SCHEMA, folded
from contracts.topics import READING_PARTITIONS
from contracts.views import VIEW_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyspark.sql import DataFrame

    from cold_path.history.scan import Wanted
    from cold_path.views.history_fold import Ruling

_ALERT_DDL: Final = ", ".join(f"`{name}` {kind}" for name, kind in VIEW_COLUMNS["alert_history"].items())


def history_fold(lake: DataFrame, ruling: Ruling, wanted: Wanted = ALL_ROWS) -> DataFrame:
    """Fold rows of the lake; give alerts and states (columns of FOLD_SCHEMA), each partition in a task of its own.

    `lake` is a table in files as it is: which of its rows are folded is told by `wanted`, never by a filter, since the
    workers read the files themselves. The fold goes on from the ruling's states where it has some; only later rows
    must be wanted then.
    """
    files = local_paths(_narrowed(lake, wanted).inputFiles())
    partitions = lake.sparkSession.range(READING_PARTITIONS, numPartitions=READING_PARTITIONS)

    def fold(batches: Iterable[Any]) -> Iterator[Any]:
        numbers = (number for batch in batches for number in batch.column("id").to_pylist())
        return folded(numbers, files, ruling, wanted)

    return partitions.mapInArrow(fold, from_arrow_schema(FOLD_SCHEMA))


def _narrowed(lake: DataFrame, wanted: Wanted) -> DataFrame:
    """Let Delta leave out the files that have no wanted row, as far as it knows."""
    if wanted.offsets is not None:
        some = ((F.col("partition") == at) & (F.col("offset") >= first) for at, first in wanted.offsets.items())
        lake = lake.where(reduce(or_, some, F.lit(0) == 1))
    received = F.col("received_at_ms")
    return lake.where((received >= wanted.received_from_ms) & (received < wanted.received_before_ms))


def alert_history(history: DataFrame) -> DataFrame:
    """Give one row a change of an episode, from what `history_fold` gives.

    The same alerts, by (alert_id, change), as the hot path sends for these records by the same rules and registry,
    but for silences that were found by waiting at the end of a partition: no record tells of them.
    """
    alerts = history.where(F.col("kind") == ALERT).select(
        F.from_json(F.decode("value", "UTF-8"), _ALERT_DDL).alias("alert")
    )
    return alerts.select("alert.*").select(*columns_of("alert_history"))

"""The view `alert_history`: what the rules raise over the lake, record after record as the broker gave them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyspark.sql import functions as F  # noqa: N812 - the idiom
from pyspark.sql.pandas.types import from_arrow_schema

from cold_path.views.columns import columns_of
from cold_path.views.history_fold import ALERT, FOLD_SCHEMA, folded
from contracts.topics import READING_PARTITIONS
from contracts.views import VIEW_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyspark.sql import DataFrame

    from cold_path.views.history_fold import Ruling

_PLACE: Final = ("partition", "offset", "received_at_ms")
_ALERT_DDL: Final = ", ".join(f"`{name}` {kind}" for name, kind in VIEW_COLUMNS["alert_history"].items())


def history_fold(lake: DataFrame, ruling: Ruling) -> DataFrame:
    """Fold rows of the lake; give alerts and states (columns of FOLD_SCHEMA), each partition in offset order.

    The fold goes on from the ruling's states where it has some; `lake` must then hold later rows only.
    """
    rows = lake.select(*_PLACE, *ruling.signals()).repartitionById(READING_PARTITIONS, "partition")
    in_order = rows.sortWithinPartitions("partition", "offset")

    def fold(batches: Iterable[Any]) -> Iterator[Any]:
        return folded(batches, ruling)

    return in_order.mapInArrow(fold, from_arrow_schema(FOLD_SCHEMA))


def alert_history(history: DataFrame) -> DataFrame:
    """Give one row a change of an episode, from what `history_fold` gives.

    The same alerts, by (alert_id, change), as the hot path sends for these records by the same rules and registry,
    but for silences that were found by waiting at the end of a partition: no record tells of them.
    """
    alerts = history.where(F.col("kind") == ALERT).select(
        F.from_json(F.decode("value", "UTF-8"), _ALERT_DDL).alias("alert")
    )
    return alerts.select("alert.*").select(*columns_of("alert_history"))

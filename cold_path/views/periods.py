"""The periods that a UTC day lies in: day, ISO week, month, and the last N days of the version."""

from __future__ import annotations

from datetime import date, timedelta
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import functions as F  # noqa: N812 - the idiom

from contracts.definitions import LAST_DAYS

if TYPE_CHECKING:
    from pyspark.sql import Column


def periods(as_of_day: date) -> Column:
    """Give the periods of the column `day`, as an array of (period_kind, period).

    The last N days begin N-1 days before `as_of_day` (UTC) and are open at the end.
    """
    day = F.col("day")
    week = F.concat(F.extract(F.lit("YEAROFWEEK"), day), F.lit("-W"), F.lpad(F.weekofyear(day).cast("string"), 2, "0"))
    always = [
        _period("day", day.cast("string")),
        _period("week", week),
        _period("month", F.date_format(day, "yyyy-MM")),
    ]
    last = [_last(kind, as_of_day - timedelta(days=days - 1)) for kind, days in LAST_DAYS.items()]
    return reduce(F.concat, last, F.array(*always))


def day_of_trip() -> Column:
    """Give the UTC day on which a trip began."""
    return F.to_date(F.timestamp_millis("trip_started_at_ms")).alias("day")


def _last(kind: str, first_day: date) -> Column:
    within = F.array(_period(kind, F.lit(first_day.isoformat())))
    return F.when(F.col("day") >= F.lit(first_day), within).otherwise(F.slice(within, 1, 0))


def _period(kind: str, period: Column) -> Column:
    return F.struct(F.lit(kind).alias("period_kind"), period.alias("period"))

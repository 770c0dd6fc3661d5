"""The view `vehicle_days`: what each vehicle did on each UTC day, by the start of its trips."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F  # noqa: N812 - the idiom

from cold_path.views.columns import columns_of
from contracts.definitions import SHORTEST_RANKED_TRIP_M

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def vehicle_days(trips: DataFrame) -> DataFrame:
    """Give one row a vehicle and day, from view `trips`.

    A trip over midnight counts on the day it began. `fuelled_distance_m` and `fuel_ml` are sums over ranked trips
    (`contracts.definitions.is_ranked_trip`), null on a day without any.
    """
    is_ranked = F.col("fuel_ml").isNotNull() & (F.col("distance_m") >= SHORTEST_RANKED_TRIP_M)
    days = trips.groupBy("vehicle_id", F.to_date(F.timestamp_millis("trip_started_at_ms")).alias("day")).agg(
        F.count(F.lit(1)).alias("trips"),
        F.sum("distance_m").alias("distance_m"),
        F.sum("idle_s").alias("idle_s"),
        F.count_if(is_ranked).alias("ranked_trips"),
        F.sum(F.when(is_ranked, F.col("distance_m"))).alias("fuelled_distance_m"),
        F.sum(F.when(is_ranked, F.col("fuel_ml"))).alias("fuel_ml"),
    )
    return days.select(*columns_of("vehicle_days"))

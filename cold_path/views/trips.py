"""The view `trips`: each trip's totals, the maximum of its counters over all readings of the lake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F  # noqa: N812 - the idiom

from cold_path.views.columns import columns_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def trips(lake: DataFrame) -> DataFrame:
    """Give one row a trip, from rows of the lake.

    Counters take the maximum over all good readings, so late, repeated and shuffled ones change nothing; one that no
    reading carries stays null. `ended_at_ms` is the car's latest time, `readings` counts each reading once.
    """
    good_readings = lake.where(F.col("rejected_reason").isNull())
    totals = good_readings.groupBy("vehicle_id", "trip_started_at_ms").agg(
        F.max("partition").alias("partition"),
        F.max("recorded_at_ms").alias("ended_at_ms"),
        F.max("trip_distance_m").alias("distance_m"),
        F.max("trip_fuel_ml").alias("fuel_ml"),
        F.max("trip_idle_s").alias("idle_s"),
        F.count_if(~F.col("repeated")).alias("readings"),
    )
    return totals.select(*columns_of("trips"))

"""The view `driving_style`: harsh braking and accelerating, idling and speeding of a vehicle, per 100 km."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

from pyspark.sql import functions as F  # noqa: N812 - the idiom

from cold_path.views.columns import columns_of
from cold_path.views.periods import day_of_trip, periods

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_RATED: Final = ("idle_s", "harsh_brakings", "harsh_accelerations", "speeding_m")
_M_PER_100KM: Final = 100_000


def driving_style(trips: DataFrame, trip_driving: DataFrame, as_of_day: date) -> DataFrame:
    """Give one row a vehicle and period in which a trip of it began, from views `trips` and `trip_driving`.

    Distance and idling are the trips' counters; the rest is counted between neighbouring readings, so it is a lower
    bound where readings are seconds apart.
    """
    counted = trip_driving.drop("driven_m")
    by_trip = trips.join(counted, ["vehicle_id", "trip_started_at_ms"], "left")
    by_day = by_trip.groupBy("vehicle_id", day_of_trip()).agg(
        F.count(F.lit(1)).alias("trips"), F.sum("distance_m").alias("distance_m"), *_summed()
    )
    by_period = by_day.withColumn("periods", F.explode(periods(as_of_day))).select("*", "periods.*")
    totals = by_period.groupBy("vehicle_id", "period_kind", "period").agg(
        F.sum("trips").alias("trips"), F.sum("distance_m").alias("distance_m"), *_summed()
    )
    is_driven = F.col("distance_m") > 0
    rates = [
        F.when(is_driven, F.try_divide(F.col(name) * _M_PER_100KM, F.col("distance_m"))).alias(f"{name}_per_100km")
        for name in _RATED
    ]
    return totals.select("*", *rates).select(*columns_of("driving_style"))


def _summed() -> list[Column]:
    return [F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in _RATED]

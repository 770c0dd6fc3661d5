"""The view `fuel_efficiency`: fuel over distance by vehicle, model and fleet, in days, weeks, months, last days."""

from __future__ import annotations

from datetime import date, timedelta
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import functions as F  # noqa: N812 - the idiom

from cold_path.views.columns import columns_of
from contracts.definitions import (
    CO2_G_PER_US_GALLON_PETROL,
    LAST_DAYS,
    LITRES_PER_100KM_TIMES_MPG,
    LITRES_PER_US_GALLON,
)

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def fuel_efficiency(vehicle_days: DataFrame, vehicles: DataFrame, as_of_day: date) -> DataFrame:
    """Give one row a scope, key and period that has a ranked trip, from view `vehicle_days`.

    `vehicles` has vehicle_id, model, fleet; a vehicle that is not registered counts for itself only. The last N days
    begin N-1 days before `as_of_day` (UTC) and are open at the end. Consumption is fuel over distance of the ranked
    trips; formulas and constants are those of `contracts.definitions`.
    """
    ranked_days = vehicle_days.where(F.col("ranked_trips") > 0)
    by_period = ranked_days.withColumn("periods", F.explode(_periods(as_of_day))).select(
        "vehicle_id", "ranked_trips", "fuelled_distance_m", "fuel_ml", "periods.*"
    )
    sums = [
        F.sum("ranked_trips").alias("ranked_trips"),
        F.sum("fuelled_distance_m").alias("fuelled_distance_m"),
        F.sum("fuel_ml").alias("fuel_ml"),
    ]
    # Summed by vehicle first, so that the join and the three scopes see few rows.
    by_vehicle = by_period.groupBy("vehicle_id", "period_kind", "period").agg(*sums)
    scoped = by_vehicle.join(F.broadcast(vehicles), "vehicle_id", "left").withColumn("scopes", F.explode(_scopes()))
    by_scope = scoped.select("*", "scopes.*").where(F.col("key").isNotNull())
    totals = by_scope.groupBy("scope", "key", "period_kind", "period").agg(*sums)
    return totals.select(*_with_consumption()).select(*columns_of("fuel_efficiency"))


def _periods(as_of_day: date) -> Column:
    """Give the periods that a day lies in, as an array of (period_kind, period)."""
    day = F.col("day")
    week = F.concat(F.extract(F.lit("YEAROFWEEK"), day), F.lit("-W"), F.lpad(F.weekofyear(day).cast("string"), 2, "0"))
    always = [
        _pair("period_kind", F.lit("day"), "period", day.cast("string")),
        _pair("period_kind", F.lit("week"), "period", week),
        _pair("period_kind", F.lit("month"), "period", F.date_format(day, "yyyy-MM")),
    ]
    last = [_last(kind, as_of_day - timedelta(days=days - 1)) for kind, days in LAST_DAYS.items()]
    return reduce(F.concat, last, F.array(*always))


def _last(kind: str, first_day: date) -> Column:
    within = F.array(_pair("period_kind", F.lit(kind), "period", F.lit(first_day.isoformat())))
    return F.when(F.col("day") >= F.lit(first_day), within).otherwise(F.slice(within, 1, 0))


def _scopes() -> Column:
    pairs = {"vehicle": "vehicle_id", "model": "model", "fleet": "fleet"}
    return F.array(*(_pair("scope", F.lit(scope), "key", F.col(column)) for scope, column in pairs.items()))


def _pair(name: str, value: Column, other_name: str, other_value: Column) -> Column:
    return F.struct(value.alias(name), other_value.alias(other_name))


def _with_consumption() -> list[Column]:
    distance_m, fuel_ml = F.col("fuelled_distance_m"), F.col("fuel_ml")
    litres_per_100km = fuel_ml / distance_m * 100
    return [
        F.col("scope"),
        F.col("key"),
        F.col("period_kind"),
        F.col("period"),
        F.col("ranked_trips").alias("trips"),
        distance_m.alias("distance_m"),
        fuel_ml.alias("fuel_ml"),
        litres_per_100km.alias("litres_per_100km"),
        F.when(fuel_ml > 0, F.lit(LITRES_PER_100KM_TIMES_MPG) / litres_per_100km).alias("mpg_us"),
        (fuel_ml / F.lit(LITRES_PER_US_GALLON) * CO2_G_PER_US_GALLON_PETROL / distance_m).alias("co2_g_per_km"),
        F.lit(None).alias("efficiency_index"),
        F.lit(None).alias("driver_index"),
    ]

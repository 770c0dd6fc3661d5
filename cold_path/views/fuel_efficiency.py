"""The view `fuel_efficiency`: fuel over distance and the indexes, by vehicle, model and fleet, in days to 30 days."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

from pyspark.sql import functions as F  # noqa: N812 - the idiom

from cold_path.views.columns import columns_of
from cold_path.views.periods import periods
from contracts.definitions import (
    CO2_G_PER_US_GALLON_PETROL,
    LITRES_PER_100KM_TIMES_MPG,
    LITRES_PER_US_GALLON,
)

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_COUNTED: Final = ("ranked_trips", "fuelled_distance_m", "fuel_ml")
_PREDICTED: Final = ("burnt_ml", "predicted_ml", "smooth_ml", "par_ml", "fleet_par_ml")
_PLACES: Final = 2


def fuel_efficiency(vehicle_days: DataFrame, driven_days: DataFrame, vehicles: DataFrame, as_of_day: date) -> DataFrame:
    """Give one row a scope, key and period that has a ranked trip, from view `vehicle_days` and `driven_days`.

    `vehicles` has vehicle_id, model, fleet; a vehicle that is not registered counts for itself only. Consumption is
    fuel over distance of the ranked trips; formulas and constants are those of `contracts.definitions`.

    `efficiency_index` = 100 * burnt / par: what was burnt over what a car at par burns for exactly this driving; par
    of a vehicle and of a fleet is that of its models, par of a model that of the whole fleet. `driver_index` = 100 *
    predicted / smooth: what the driving done needs over what smooth driving of the same way in the same time needs.
    """
    ranked_days = vehicle_days.where(F.col("ranked_trips") > 0).join(driven_days, ["vehicle_id", "day"], "left")
    sums = [F.sum(name).alias(name) for name in _COUNTED + _PREDICTED]
    by_period = ranked_days.withColumn("periods", F.explode(periods(as_of_day))).select("*", "periods.*")
    # Summed by vehicle first, so that the join and the three scopes see few rows.
    by_vehicle = by_period.groupBy("vehicle_id", "period_kind", "period").agg(*sums)
    named = F.broadcast(vehicles.select("vehicle_id", "model", "fleet"))
    scoped = by_vehicle.join(named, "vehicle_id", "left").withColumn("scopes", F.explode(_scopes()))
    by_scope = scoped.select("*", "scopes.*").where(F.col("key").isNotNull())
    totals = by_scope.groupBy("scope", "key", "period_kind", "period").agg(*sums)
    return totals.select(*_with_consumption()).select(*columns_of("fuel_efficiency"))


def _scopes() -> Column:
    pairs = {"vehicle": "vehicle_id", "model": "model", "fleet": "fleet"}
    return F.array(*(_pair("scope", F.lit(scope), "key", F.col(column)) for scope, column in pairs.items()))


def _pair(name: str, value: Column, other_name: str, other_value: Column) -> Column:
    return F.struct(value.alias(name), other_value.alias(other_name))


def _with_consumption() -> list[Column]:
    distance_m, fuel_ml = F.col("fuelled_distance_m"), F.col("fuel_ml")
    litres_per_100km = F.try_divide(fuel_ml, distance_m) * 100
    return [
        F.col("scope"),
        F.col("key"),
        F.col("period_kind"),
        F.col("period"),
        F.col("ranked_trips").alias("trips"),
        distance_m.alias("distance_m"),
        fuel_ml.alias("fuel_ml"),
        litres_per_100km.alias("litres_per_100km"),
        F.when(fuel_ml > 0, F.try_divide(F.lit(LITRES_PER_100KM_TIMES_MPG), litres_per_100km)).alias("mpg_us"),
        F.try_divide(fuel_ml / F.lit(LITRES_PER_US_GALLON) * CO2_G_PER_US_GALLON_PETROL, distance_m).alias(
            "co2_g_per_km"
        ),
        _index("burnt_ml", F.when(F.col("scope") == "model", F.col("fleet_par_ml")).otherwise(F.col("par_ml"))).alias(
            "efficiency_index"
        ),
        _index("predicted_ml", F.col("smooth_ml")).alias("driver_index"),
    ]


def _index(of: str, par: Column) -> Column:
    return F.when(par > 0, F.round(F.try_divide(F.col(of), par) * 100, _PLACES))

"""Driven days: what was burnt and what physics predicts by vehicle and day, with par for the vehicle's model.

No view of its own: `fuel_efficiency` divides these sums.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyspark.sql import functions as F  # noqa: N812 - the idiom

from cold_path.views.periods import day_of_trip
from contracts.definitions import SHORTEST_RANKED_TRIP_M

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SHRINKAGE_VEHICLES: Final = 3
"""A model's par is drawn towards the fleet's as if so many vehicles at the fleet's par belonged to it."""


def driven_days(trip_driving: DataFrame, vehicles: DataFrame) -> DataFrame:
    """Give vehicle_id, day, burnt_ml, predicted_ml, smooth_ml, par_ml and fleet_par_ml, from view `trip_driving`.

    Trips of at least SHORTEST_RANKED_TRIP_M whose vehicle's physics are known. `par_ml` is what a car of this model
    at par burns for this driving: predicted_ml times the median, over the model's vehicles, of burnt over predicted,
    since the Willans line of all cars errs by some percent for each model; `fleet_par_ml` takes all vehicles' median.
    A median stays where it is when every tenth car burns too much.
    """
    is_known = (F.col("driven_m") >= SHORTEST_RANKED_TRIP_M) & (F.col("predicted_ml") > 0)
    days = (
        trip_driving.where(is_known)
        .groupBy("vehicle_id", day_of_trip())
        .agg(*(F.sum(name).alias(name) for name in ("burnt_ml", "predicted_ml", "smooth_ml")))
    )
    with_par = days.join(F.broadcast(_par(days, vehicles)), "vehicle_id")
    return with_par.select(
        "vehicle_id",
        "day",
        "burnt_ml",
        "predicted_ml",
        "smooth_ml",
        (F.col("predicted_ml") * F.col("par")).alias("par_ml"),
        (F.col("predicted_ml") * F.col("fleet_par")).alias("fleet_par_ml"),
    )


def _par(days: DataFrame, vehicles: DataFrame) -> DataFrame:
    """Give each vehicle the par of its model and of the fleet."""
    of_vehicle = days.groupBy("vehicle_id").agg(F.try_divide(F.sum("burnt_ml"), F.sum("predicted_ml")).alias("ratio"))
    known = of_vehicle.join(F.broadcast(vehicles.select("vehicle_id", "model")), "vehicle_id", "left")
    fleet = known.agg(F.median("ratio").alias("fleet_par"))
    models = known.groupBy("model").agg(F.median("ratio").alias("median"), F.count(F.lit(1)).alias("cars"))
    cars, shrinkage = F.col("cars"), F.lit(float(SHRINKAGE_VEHICLES))
    shrunk = (F.col("median") * cars + F.col("fleet_par") * shrinkage) / (cars + shrinkage)
    pars = models.crossJoin(F.broadcast(fleet)).select("model", shrunk.alias("par"), "fleet_par")
    same_model = known["model"].eqNullSafe(pars["model"])
    return known.join(F.broadcast(pars), same_model).select("vehicle_id", "par", "fleet_par")

"""The view `trip_driving`: what a trip's driving burnt, what physics predicts for it, and how it was driven."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyspark.sql import functions as F  # noqa: N812 - the idiom

from cold_path.source.registry import PHYSICS
from cold_path.views.columns import columns_of
from cold_path.views.fuel_model import Motion, predicted_ml_per_s
from cold_path.views.steps import steps
from contracts.definitions import HARSH_MPS2, SPEEDING_KMH

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

PIECE_S: Final = 60.0
"""The smooth driver keeps one speed over each such piece of the trip."""

_STANDING_MPS: Final = 0.5
_PLACES: Final = 3
"""Sums of fractions differ in their last digits with the order of rows; these do not."""


def trip_driving(lake: DataFrame, vehicles: DataFrame) -> DataFrame:
    """Give one row a trip that has a step, from rows of the lake; `vehicles` has vehicle_id and the columns PHYSICS.

    `predicted_ml` is the Willans line over each step; `smooth_ml` the same over pieces of a minute, driven at the one
    speed that covers the piece's distance in the time it was not standing: the same way, climb, standing and arrival,
    without the waves of speed in between.
    """
    by_vehicle = F.broadcast(vehicles.select("vehicle_id", *PHYSICS))
    driven = steps(lake).join(by_vehicle, "vehicle_id", "left")
    pieces = driven.groupBy("vehicle_id", "trip_started_at_ms", F.floor(F.col("offset_s") / PIECE_S).alias("piece"))
    in_pieces = pieces.agg(*_sums(), *(F.first(name).alias(name) for name in PHYSICS))
    trips = in_pieces.withColumn("smooth_ml", _smooth_ml()).groupBy("vehicle_id", "trip_started_at_ms")
    totals = ("driven_m", "burnt_ml", "harsh_brakings", "harsh_accelerations", "speeding_m")
    fractions = ("driven_s", "predicted_ml", "smooth_ml")
    summed = trips.agg(
        *(F.sum(name).alias(name) for name in totals),
        *(F.round(F.sum(name), _PLACES).alias(name) for name in fractions),
    )
    return summed.select(*columns_of("trip_driving"))


def _sums() -> list[Column]:
    motion = Motion(F.col("speed_mps"), F.col("kinetic_m2ps3"), F.col("climb_mps"))
    step_s, moved_m = F.col("step_s"), F.col("moved_m")
    is_standing = F.col("speed_mps") < _STANDING_MPS
    return [
        F.sum(moved_m).alias("driven_m"),
        F.sum(step_s).alias("driven_s"),
        F.sum("burnt_ml").alias("burnt_ml"),
        F.sum(predicted_ml_per_s(motion) * step_s).alias("predicted_ml"),
        F.sum(F.when(is_standing, step_s).otherwise(0.0)).alias("standing_s"),
        F.sum(F.when(is_standing, 0.0).otherwise(step_s)).alias("moving_s"),
        F.sum(F.col("climb_mps") * step_s).alias("climbed_m"),
        F.count_if(
            _begins(F.col("acceleration_mps2") <= -HARSH_MPS2, F.col("acceleration_before_mps2") > -HARSH_MPS2)
        ).alias("harsh_brakings"),
        F.count_if(
            _begins(F.col("acceleration_mps2") >= HARSH_MPS2, F.col("acceleration_before_mps2") < HARSH_MPS2)
        ).alias("harsh_accelerations"),
        F.sum(F.when(F.col("speed_kmh") > SPEEDING_KMH, moved_m).otherwise(0)).alias("speeding_m"),
    ]


def _begins(now: Column, not_before: Column) -> Column:
    """Tell where something holds that did not at the reading before, so that one long braking counts once."""
    return now & F.coalesce(not_before, F.expr("true"))


def _smooth_ml() -> Column:
    """Give what the smooth driver burns in a piece: the standing as it was, the rest at one speed."""
    moving_s = F.col("moving_s")
    none = F.lit(0.0)
    standing_ml = predicted_ml_per_s(Motion(none, none, none)) * F.col("standing_s")
    steady = Motion(F.try_divide("driven_m", moving_s), none, F.try_divide("climbed_m", moving_s))
    return standing_ml + F.when(moving_s > 0, predicted_ml_per_s(steady) * moving_s).otherwise(none)

"""Steps: the way from each reading of a trip to the next, with what the vehicle did and burnt on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyspark.sql import Window
from pyspark.sql import functions as F  # noqa: N812 - the idiom

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.window import WindowSpec

LONGEST_STEP_S: Final = 60.0
"""Between readings further apart, too much is unknown: they are no step."""

_FINE_STEP_S: Final = 2.0
"""Up to this long, a step's speed is the mean of both readings; the counter of whole metres is coarser."""

_SLOPE_READINGS: Final = (32, 16, 8, 4, 2)
_SLOPE_S: Final = 60.0
"""Climb is taken over up to 32 readings and a minute, since a receiver's altitude trembles by metres: what it climbs
within seconds is mostly trembling, and counts as work in one direction only."""

_READ: Final = (
    "vehicle_id",
    "trip_started_at_ms",
    "sequence",
    "recorded_at_ms",
    "trip_distance_m",
    "trip_fuel_ml",
    "speed_kmh",
    "acceleration_mps2",
    "altitude_m",
)


def steps(lake: DataFrame) -> DataFrame:
    """Give one row for two neighbouring readings of a trip, by sequence; repeated readings are skipped.

    Columns: vehicle_id, trip_started_at_ms, offset_s (from the trip's beginning to the step's end), step_s, moved_m,
    burnt_ml, speed_mps, kinetic_m2ps3, climb_mps (0 without altitudes), speed_kmh, acceleration_mps2 and that of the
    step before it. Steps are left out where the clock or a counter went back, no fuel is known, or too long has passed.
    """
    good_readings = lake.where(F.col("rejected_reason").isNull() & ~F.col("repeated")).select(*_READ)
    in_order = Window.partitionBy("vehicle_id", "trip_started_at_ms").orderBy("sequence")
    step_s = (F.col("recorded_at_ms") - F.lag("recorded_at_ms").over(in_order)) / 1000
    speed_mps = F.col("speed_kmh") / 3.6
    measured = good_readings.select(
        "vehicle_id",
        "trip_started_at_ms",
        "sequence",
        "speed_kmh",
        step_s.alias("step_s"),
        ((F.col("recorded_at_ms") - F.col("trip_started_at_ms")) / 1000).alias("offset_s"),
        (F.col("trip_distance_m") - F.lag("trip_distance_m").over(in_order)).alias("moved_m"),
        (F.col("trip_fuel_ml") - F.lag("trip_fuel_ml").over(in_order)).alias("burnt_ml"),
        speed_mps.alias("after_mps"),
        F.lag(speed_mps).over(in_order).alias("before_mps"),
        F.coalesce(_climb(in_order), F.lit(0.0)).alias("climb_mps"),
        F.col("acceleration_mps2").alias("told_mps2"),
        F.lag("acceleration_mps2").over(in_order).alias("told_before_mps2"),
    )
    is_step = F.col("step_s").between(0.001, LONGEST_STEP_S) & (F.col("moved_m") >= 0) & (F.col("burnt_ml") >= 0)
    return measured.where(is_step).select(
        "vehicle_id",
        "trip_started_at_ms",
        "offset_s",
        "step_s",
        "moved_m",
        "burnt_ml",
        "speed_kmh",
        "climb_mps",
        _mean_speed().alias("speed_mps"),
        ((F.col("after_mps") ** 2 - F.col("before_mps") ** 2) / 2 / F.col("step_s")).alias("kinetic_m2ps3"),
        F.coalesce("told_mps2", _seen_mps2()).alias("acceleration_mps2"),
        F.col("told_before_mps2").alias("acceleration_before_mps2"),
    )


def _mean_speed() -> Column:
    mean = (F.col("before_mps") + F.col("after_mps")) / 2
    return F.when(F.col("step_s") <= _FINE_STEP_S, mean).otherwise(F.col("moved_m") / F.col("step_s"))


def _seen_mps2() -> Column:
    """Give the acceleration from the speeds, where readings stand closely enough to show it."""
    seen = (F.col("after_mps") - F.col("before_mps")) / F.col("step_s")
    return F.when(F.col("step_s") <= _FINE_STEP_S, seen)


def _climb(in_order: WindowSpec) -> Column:
    """Give metres a second over the longest of the slopes that lies within a minute, else over one step."""
    slopes = [_slope(in_order, readings, within_s=_SLOPE_S) for readings in _SLOPE_READINGS]
    return F.coalesce(*slopes, _slope(in_order, 1, within_s=LONGEST_STEP_S))


def _slope(in_order: WindowSpec, readings: int, *, within_s: float) -> Column:
    since_s = (F.col("recorded_at_ms") - F.lag("recorded_at_ms", readings).over(in_order)) / 1000
    climbed_m = F.col("altitude_m") - F.lag("altitude_m", readings).over(in_order)
    return F.when(since_s.between(0.001, within_s), climbed_m / since_s)

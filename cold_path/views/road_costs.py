"""The view `road_costs`: fuel and time of each segment by vehicle class and time of day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

import pandas as pd
from pyspark.sql import functions as F  # noqa: N812 - the idiom

from cold_path.routes.estimation import estimated
from cold_path.source.registry import PHYSICS
from cold_path.views.columns import columns_of
from cold_path.views.fuel_model import Motion, predicted_ml_per_s
from contracts.road_costs import FROM_HOUR, HEAVIER_FROM_KG, LATE_HOUR

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from roads import RoadNetwork

_MOST_RATIO: Final = 10.0
"""A passage that took or burnt more than so many times the model's counts as this: somebody stopped to shop."""
_SLOPE: Final = 0.015
_DDL: Final = (
    "segment_id long, vehicle_class string, time_of_day string, traversals long, seconds double, "
    "observed_seconds double, model_seconds double, fuel_ml double, observed_fuel_ml double, model_fuel_ml double"
)
_ROAD_DDL: Final = (
    "segment_id long, length_m double, speed_mps double, grade double, road_class string, has_signal boolean, "
    "longitude_deg double"
)


def road_rows(spark: SparkSession, network: RoadNetwork) -> DataFrame:
    """Give one row a segment with what the model asks for; `has_signal` is at its end."""
    rows = [
        (
            segment.segment_id,
            segment.length_m,
            segment.speed_kmh / 3.6,
            segment.grade,
            segment.road_class,
            network.vertices[segment.end].has_signal,
            segment.shape[0][1],
        )
        for segment in network.segments
    ]
    return spark.createDataFrame(rows, _ROAD_DDL)


def road_costs(traversals: DataFrame, vehicles: DataFrame, roads: DataFrame) -> DataFrame:
    """Give each segment for every class with a registered vehicle, all day and by times of day at which it was driven.

    `vehicles` has vehicle_id and PHYSICS, `roads` is `road_rows`. Each passage of a whole segment is divided by the
    model: time by that at the road's speed, fuel by that of a Willans line for this very vehicle at that speed, level
    where the road falls. The ratios' means, drawn towards those of like roads where passages are few
    (`cold_path.routes.credibility`), times the model of a class's median vehicle are the costs.
    """
    known = _classified(vehicles)
    cells = _model(known, roads).join(_observed(traversals, known, roads), ["segment_id", "vehicle_class"], "left")
    sums = [name for name in cells.columns if name.endswith(("_count", "_total", "_squares", "traversals"))]
    return cells.fillna(0.0, sums).repartition(1).mapInPandas(_estimated, _DDL).select(*columns_of("road_costs"))


def _estimated(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    cells = list(batches)
    if cells:
        yield estimated(pd.concat(cells, ignore_index=True))


def vehicle_class() -> Column:
    """Give the class of a vehicle by its column mass_kg."""
    ordered = sorted(HEAVIER_FROM_KG.items(), key=lambda limit: -limit[1])
    column = F.when(F.col("mass_kg") >= ordered[0][1], ordered[0][0])
    for name, least in ordered[1:]:
        column = column.when(F.col("mass_kg") >= least, name)
    return column.alias("vehicle_class")


def time_of_day(epoch_ms: Column, longitude_deg: Column) -> Column:
    """Give the time of day by the mean solar hour at a place, as `contracts.road_costs.time_of_day`."""
    hour = F.pmod(epoch_ms / 3_600_000 + longitude_deg / 15, F.lit(24.0))
    column = F.when(hour >= LATE_HOUR, "night")
    for name, first in sorted(FROM_HOUR.items(), key=lambda limit: -limit[1]):
        column = column.when(hour >= first, name)
    return column.alias("time_of_day")


def _classified(vehicles: DataFrame) -> DataFrame:
    return vehicles.select("vehicle_id", *PHYSICS, vehicle_class()).dropna()


def _model(known: DataFrame, roads: DataFrame) -> DataFrame:
    """Give each segment for each class with the time and fuel that the class's median vehicle is expected to need."""
    typical = known.groupBy("vehicle_class").agg(*(F.median(name).alias(name) for name in PHYSICS))
    slope = F.when(F.col("grade") > _SLOPE, "up").when(F.col("grade") < -_SLOPE, "down").otherwise("level")
    group = F.concat_ws(" ", F.col("road_class"), F.col("has_signal").cast("string"), slope)
    return roads.crossJoin(F.broadcast(typical)).select(
        "segment_id",
        "vehicle_class",
        group.alias("road_group"),
        _model_seconds().alias("model_seconds"),
        _model_fuel_ml().alias("model_fuel_ml"),
    )


def _model_seconds() -> Column:
    return F.col("length_m") / F.col("speed_mps")


def _model_fuel_ml() -> Column:
    speed = F.col("speed_mps")
    motion = Motion(speed, F.lit(0.0), speed * F.greatest(F.col("grade"), F.lit(0.0)))
    return predicted_ml_per_s(motion) * _model_seconds()


def _observed(traversals: DataFrame, known: DataFrame, roads: DataFrame) -> DataFrame:
    seconds = (F.col("left_at_ms") - F.col("entered_at_ms")) / 1000
    passages = (
        traversals.where(F.col("left_at_ms") > F.col("entered_at_ms"))
        .join(F.broadcast(known), "vehicle_id")
        .join(F.broadcast(roads), "segment_id")
        .select(
            "segment_id",
            "vehicle_class",
            time_of_day(F.col("entered_at_ms"), F.col("longitude_deg")),
            _ratio(seconds, _model_seconds()).alias("seconds"),
            _ratio(F.col("fuel_ml"), _model_fuel_ml()).alias("fuel_ml"),
        )
    )
    sums = [sum_ for name in ("seconds", "fuel_ml") for sum_ in _sums(name)]
    return passages.groupBy("segment_id", "vehicle_class", "time_of_day").agg(
        F.count(F.lit(1)).alias("traversals"), *sums
    )


def _ratio(observed: Column, model: Column) -> Column:
    """Return the capped ratio; null, which is not counted, where nothing was observed or the model needs nothing."""
    is_known = observed.isNotNull() & (model > 0)
    return F.when(is_known, F.least(F.try_divide(observed, model), F.lit(_MOST_RATIO)))


def _sums(name: str) -> list[Column]:
    ratio = F.col(name)
    return [
        F.count(ratio).cast("double").alias(f"{name}_count"),
        F.sum(ratio).alias(f"{name}_total"),
        F.sum(ratio * ratio).alias(f"{name}_squares"),
    ]

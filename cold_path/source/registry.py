"""The vehicle registry at a pinned offset: the last word of each vehicle on topic `vehicles`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cold_path.source import broker
from contracts.errors import MalformedRecord
from contracts.record_checks import vehicle_id_of, vehicle_in
from contracts.vehicle import Vehicle, model_name
from runtime.kafka.passed_over import PassedOver

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyspark.sql import DataFrame, SparkSession

    from contracts.record import Record

PHYSICS: Final = (
    "displacement_l",
    "mass_kg",
    "road_load_a_n",
    "road_load_b_n_per_mps",
    "road_load_c_n_per_mps2",
)
"""What a prediction of fuel must know of a vehicle."""

_COLUMNS: Final = "vehicle_id string, model string, fleet string" + "".join(f", {name} double" for name in PHYSICS)


@dataclass(frozen=True, slots=True)
class Registry:
    """All vehicles registered below `next_offset`."""

    next_offset: int = 0
    vehicles: dict[str, Vehicle] = field(default_factory=dict)


async def registry_now(bootstrap: str, topic: str, *, wait_s: float, known: Registry | None = None) -> Registry:
    """Read the registry up to the topic's end, or give what is known when that is its end still.

    Raises Unavailable without a broker, InvalidInput without the topic.
    """
    end = (await broker.bounds(bootstrap, topic, wait_s=wait_s)).ends[0]
    if known is not None and end == known.next_offset:
        return known
    found = [record async for record in broker.records(bootstrap, topic, {0: end}, wait_s=wait_s)]
    return folded(found, end)


def folded(records: Iterable[Record], next_offset: int) -> Registry:
    """Fold records in offset order: the last value wins, an absent one removes; one that cannot be is passed over."""
    vehicles: dict[str, Vehicle] = {}
    passed_over = PassedOver()
    for record in records:
        try:
            vehicle = vehicle_in(record)
        except MalformedRecord as error:
            passed_over.tell(record.topic, record.partition, record.offset, error)
            continue
        if vehicle is None:
            vehicles.pop(vehicle_id_of(record), None)
        else:
            vehicles[vehicle.vehicle_id] = vehicle
    return Registry(next_offset, vehicles)


def as_rows(spark: SparkSession, registry: Registry) -> DataFrame:
    """Give vehicle_id, model, fleet and physics (null where unknown) of every registered vehicle."""
    rows = [
        (vin, model_name(vehicle), vehicle.fleet, *(_number(getattr(vehicle, name)) for name in PHYSICS))
        for vin, vehicle in sorted(registry.vehicles.items())
    ]
    return spark.createDataFrame(rows, _COLUMNS)


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)

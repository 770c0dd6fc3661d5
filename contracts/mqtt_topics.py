"""The MQTT topics that a car publishes to; the gateway puts each on the Kafka topic it belongs to.

`vehicles/VIN/readings` one reading, JSON; `vehicles/VIN/readings/batch` several, a line each;
`vehicles/VIN/registry` (retained) the registry record; `vehicles/VIN/snapshots` a JPEG, its facts as user properties.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, get_args

from contracts.vehicle import VIN

ROOT: Final = "vehicles"
Kind = Literal["readings", "readings/batch", "registry", "snapshots"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


class CarTopic(NamedTuple):
    """Whose topic it is, and what is published there."""

    vehicle_id: str
    kind: Kind


def topic_of(vehicle_id: str, kind: Kind) -> str:
    """Give the topic's name."""
    return f"{ROOT}/{vehicle_id}/{kind}"


def filter_of(kind: Kind) -> str:
    """Give the subscription to a kind of all cars."""
    return f"{ROOT}/+/{kind}"


def car_topic(name: str) -> CarTopic | None:
    """Read a topic's name; None when it is no car's: another root, no VIN, an unknown kind."""
    root, _, rest = name.partition("/")
    vehicle_id, _, kind = rest.partition("/")
    if root != ROOT or not VIN.fullmatch(vehicle_id):
        return None
    return next((CarTopic(vehicle_id, known) for known in KINDS if known == kind), None)

"""Which Kafka records follow from an MQTT message. Pure; it judges topic, owner and size, the hot path the rest."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from contracts.codec import LARGEST_READING_BYTES, decode
from contracts.errors import MalformedReading, MalformedRecord, SnapshotRefused
from contracts.headers import Headers
from contracts.mqtt_topics import CarTopic, Kind, car_topic
from contracts.partitioning import partition_of_key
from contracts.reading import READING_SCHEMA
from contracts.reason import Reason
from contracts.rejection import KEPT_BYTES, rejection, to_headers
from contracts.snapshot import LARGEST_SNAPSHOT_BYTES, check_picture, from_headers
from contracts.topics import DASHCAM_SNAPSHOTS, READING_PARTITIONS, REJECTED_READINGS, VEHICLE_READINGS, VEHICLES
from contracts.vehicle import Vehicle
from gateway.message import Message

_READING_HEADERS: Final[Headers] = [("schema", READING_SCHEMA)]


class Record(NamedTuple):
    """One Kafka record; `reason` says why it is rejected, None when it is not."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes
    headers: Headers
    reason: Reason | None = None


class _Named(msgspec.Struct, gc=False):
    """As much of a reading as tells whose it is."""

    vehicle_id: str


class _Route(NamedTuple):
    """A car's topic, with what need be computed once only."""

    vehicle_id: str
    kind: Kind
    key: bytes
    reading_partition: int


_named = msgspec.json.Decoder(_Named)


def records(message: Message, *, received_at_ms: int) -> list[Record]:
    """Give the records of a message, in order; what cannot be used becomes a rejection, and nothing is dropped.

    `received_at_ms` is the gateway's clock, and stands in rejections only.
    """
    route = _route(message.topic)
    if route is not None and route.kind == "readings":
        values: Iterable[bytes] = (message.payload,)
    elif route is not None and route.kind == "readings/batch":
        values = (line for line in message.payload.split(b"\n") if line.strip())
    else:
        return [_other(message, route, received_at_ms)]
    found = []
    for value in values:
        try:
            found.append(_reading(value, route))
        except MalformedReading as error:
            found.append(_rejected(message.topic, value, error, key=route.key, received_at_ms=received_at_ms))
    return found


@lru_cache(maxsize=1_000_000)
def _route(topic: str) -> _Route | None:
    car: CarTopic | None = car_topic(topic)
    if car is None:
        return None
    key = car.vehicle_id.encode()
    return _Route(car.vehicle_id, car.kind, key, partition_of_key(key, READING_PARTITIONS))


def _reading(value: bytes, route: _Route) -> Record:
    """Pass a reading on as it came, unless it is too large or another car's."""
    if len(value) > LARGEST_READING_BYTES:
        raise MalformedReading("too_large", f"{len(value)} bytes; at most {LARGEST_READING_BYTES} are read")
    try:
        named: str | None = _named.decode(value).vehicle_id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        named = None  # the hot path says what is wrong with it
    if named is not None and named != route.vehicle_id:
        raise _not_its_own(named, route.vehicle_id)
    return Record(VEHICLE_READINGS.name, route.reading_partition, route.key, value, _READING_HEADERS)


def _other(message: Message, route: _Route | None, received_at_ms: int) -> Record:
    key = None if route is None else route.key
    try:
        return _by_kind(message, route)
    except MalformedReading as error:
        return _rejected(message.topic, message.payload, error, key=key, received_at_ms=received_at_ms)


def _by_kind(message: Message, route: _Route | None) -> Record:
    if route is None:
        raise MalformedReading("wrong_topic", f"{message.topic[:200]!r} is no car's; use vehicles/VIN/readings")
    return (_registry if route.kind == "registry" else _snapshot)(message, route)


def _registry(message: Message, route: _Route) -> Record:
    if len(message.payload) > LARGEST_READING_BYTES:
        raise MalformedReading("too_large", f"{len(message.payload)} bytes for a registry record")
    try:
        vehicle = decode(message.payload, Vehicle)
    except MalformedRecord as error:
        raise MalformedReading("wrong_type", str(error)) from error
    if vehicle.vehicle_id != route.vehicle_id:
        raise _not_its_own(vehicle.vehicle_id, route.vehicle_id)
    return Record(VEHICLES.name, 0, route.key, message.payload, [])


def _snapshot(message: Message, route: _Route) -> Record:
    if len(message.payload) > LARGEST_SNAPSHOT_BYTES:
        raise MalformedReading("too_large", f"{len(message.payload)} bytes; at most {LARGEST_SNAPSHOT_BYTES} are taken")
    headers = [(name, value.encode()) for name, value in message.properties]
    try:
        check_picture(route.vehicle_id, message.payload)
        snapshot = from_headers(headers)
    except (SnapshotRefused, MalformedRecord) as error:
        raise MalformedReading("wrong_type", str(error)) from error
    if snapshot.vehicle_id != route.vehicle_id:
        raise _not_its_own(snapshot.vehicle_id, route.vehicle_id)
    partition = partition_of_key(route.key, DASHCAM_SNAPSHOTS.partitions)
    return Record(DASHCAM_SNAPSHOTS.name, partition, route.key, message.payload, headers)


def _not_its_own(named: str, owner: str) -> MalformedReading:
    return MalformedReading(
        "wrong_topic", f"{owner}'s topic carries what names {named[:40]!r}; a car speaks for itself"
    )


def _rejected(topic: str, value: bytes, error: MalformedReading, *, key: bytes | None, received_at_ms: int) -> Record:
    """Give the dead letter; a message over MQTT has neither partition nor offset, and 0 stands for both."""
    story = rejection(
        value,
        reason=error.reason,
        detail=error.detail,
        topic=topic[:200],
        partition=0,
        offset=0,
        received_at_ms=received_at_ms,
    )
    partition = partition_of_key(key or topic.encode(), REJECTED_READINGS.partitions)
    return Record(REJECTED_READINGS.name, partition, key, value[:KEPT_BYTES], to_headers(story), error.reason)

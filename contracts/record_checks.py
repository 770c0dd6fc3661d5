"""What a record of each internal topic says, checked against where it stands: the one judgement for all consumers.

Each function returns the value, or raises MalformedRecord if the record does not decode, exceeds its bounds, or says
what cannot be true of its place: a key or partition that is not its own, a time ahead of the broker's, an offset that
nobody has given yet. Whoever reads it passes such a record over, and goes on. None is a tombstone, where a topic has
them. Readings are judged in `contracts.plausibility`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeVar

from contracts import rejection, snapshot
from contracts.alert import Alert, AlertAction
from contracts.codec import decode
from contracts.errors import MalformedRecord
from contracts.partitioning import partition_of_key
from contracts.plausibility import (
    LONGEST_TRIP_MS,
    MOST_AHEAD_MS,
    has_plausible_times_and_counters,
    surely_plausible_counters,
)
from contracts.topics import DASHCAM_SNAPSHOTS, READING_PARTITIONS, VEHICLE_READINGS
from contracts.vehicle import VIN, Erasure, Vehicle, with_possible_physics
from contracts.vehicle_state import MARK_PREFIX, Mark, VehicleState, mark_key

if TYPE_CHECKING:
    from contracts.record import Record
    from contracts.vehicle_state import Episode, TripTotals

Ends = Mapping[int, int]
"""Partition of vehicle-readings to the first offset that is not given yet, looked up after the record was fetched."""

LARGEST_TEXT_BYTES: Final = 2 * 1024 * 1024
LARGEST_EVENT_BYTES: Final = 128 * 1024
"""Of a change of an alert, whose evidence stands in readings of 64 KiB, and of what a person did."""
MOST_TRIPS: Final = 1_000
"""In a state: the hot path keeps 32 and writes at each one more; versions before kept all that one flush touched."""
_HOUR_MS: Final = 3_600_000
MOST_AHEAD_OF_PERSONS_MS: Final = 24 * 3_600_000
"""What a person did carries the time of another machine, which is shown and decides nothing."""
_NUL: Final = b"\\u0000"
"""PostgreSQL keeps no text with a NUL."""

T = TypeVar("T")


def alert_in(record: Record, ends: Ends | None) -> Alert:
    """Return the alert of a record of `engine-alerts`; without `ends` its offset is not judged."""
    alert = decoded(record, Alert, most_bytes=LARGEST_EVENT_BYTES)
    _check_key(record, alert.vehicle_id)
    _check_vehicle_partition(record, alert.vehicle_id, READING_PARTITIONS)
    _check_source(record, alert.partition, alert.offset, ends)
    _check_time(record, max(alert.received_at_ms, alert.changed_at_ms, alert.raised_at_ms))
    return alert


def written_in(record: Record, ends: Ends | None) -> VehicleState | Mark | None:
    """Return the state or mark of a record of `vehicle-states`; None takes the vehicle of its key out."""
    if record.key is not None and record.key.startswith(MARK_PREFIX):
        return _mark_in(record, ends)
    if record.value is None:
        _check_vehicle_partition(record, vehicle_id_of(record), READING_PARTITIONS)
        return None
    return _state_in(record, ends)


def _mark_in(record: Record, ends: Ends | None) -> Mark:
    mark = decoded(record, Mark)
    if record.key != mark_key(mark.partition):
        raise MalformedRecord(f"the key {_shown(record.key)} is not that of a mark of {mark.partition}", flaw="key")
    _check_source(record, mark.partition, max(mark.next_offset, mark.since_offset) - 1, ends)
    _check_time(record, max(mark.received_at_ms, mark.new_hour * _HOUR_MS, mark.work_at_ms))
    if mark.new_vehicles > mark.next_offset or mark.since_offset > mark.next_offset:
        raise MalformedRecord(f"it counts more than the {mark.next_offset} readings before it", flaw="figures")
    return mark


def _state_in(record: Record, ends: Ends | None) -> VehicleState:
    state = decoded(record, VehicleState)
    if len(state.trips) > MOST_TRIPS:
        raise MalformedRecord(f"{len(state.trips)} trips; at most {MOST_TRIPS} are read", flaw="size")
    _check_key(record, state.newest.vehicle_id)
    _check_vehicle_partition(record, state.newest.vehicle_id, READING_PARTITIONS)
    _check_source(record, state.partition, max(state.offset, state.watched_from_offset), ends)
    _check_time(record, _latest_ms(state))
    if not has_plausible_times_and_counters(state.newest, state.newest_received_at_ms):
        raise MalformedRecord("its newest reading has times or counters that no car can have", flaw="figures")
    if not all(map(_has_plausible_totals, state.trips)):
        raise MalformedRecord("a trip has totals that no car can have", flaw="figures")
    return state


def _has_plausible_totals(trip: TripTotals) -> bool:
    """Return whether totals can be true: each of the trip's readings was within these limits, so is their maximum."""
    elapsed_ms = trip.ended_at_ms - trip.trip_started_at_ms
    if not 0 <= elapsed_ms <= LONGEST_TRIP_MS:
        return False
    most_m, most_ml, most_s = surely_plausible_counters(elapsed_ms)
    return trip.distance_m <= most_m and (trip.fuel_ml or 0) <= most_ml and (trip.idle_s or 0) <= most_s


def _latest_ms(state: VehicleState) -> int:
    times = [state.received_at_ms, state.newest_received_at_ms, *(trip.ended_at_ms for trip in state.trips)]
    times += [sample.at_ms for sample in state.samples]
    times += [at_ms for trend in state.trends for at_ms, _ in trend.samples]
    for episode in state.episodes:
        times.append(_latest_of(episode))
    times += [_latest_of(episode) for episode in (state.silent, state.apart) if episode is not None]
    return max(*times, state.work_at_ms, (state.refused_hour or 0) * _HOUR_MS)


def _latest_of(episode: Episode) -> int:
    perhaps = (
        episode.raised_at_ms,
        episode.cleared_received_at_ms,
        episode.clearing_since_ms,
        episode.clearing_seen_at_ms,
        episode.escalating_since_ms,
        episode.escalating_seen_at_ms,
    )
    return max(episode.since_ms, episode.seen_at_ms, *(at_ms or 0 for at_ms in perhaps))


def vehicle_in(record: Record) -> Vehicle | None:
    """Return the vehicle of a record of `vehicles`, its physics null where impossible; None takes its key's out."""
    if record.value is None:
        vehicle_id_of(record)
        return None
    vehicle = decoded(record, Vehicle)
    _check_key(record, vehicle.vehicle_id)
    return with_possible_physics(vehicle)


def action_in(record: Record) -> AlertAction | None:
    """Return the action of a record of `alert-actions`; None where it was erased."""
    if record.value is None:
        return None
    action = decoded(record, AlertAction, most_bytes=LARGEST_EVENT_BYTES)
    if record.key != f"{action.alert_id}:{action.action_id}".encode():
        raise MalformedRecord(f"the key {_shown(record.key)} is not alert_id:action_id", flaw="key")
    _check_time(record, action.at_ms, most_ahead_ms=MOST_AHEAD_OF_PERSONS_MS)
    return action


def erasure_in(record: Record) -> Erasure | None:
    """Return the erasure of a record of `vehicle-erasures`; a tombstone says nothing."""
    if record.value is None:
        return None
    erasure = decoded(record, Erasure)
    _check_key(record, erasure.vehicle_id)
    _check_time(record, erasure.at_ms, most_ahead_ms=MOST_AHEAD_OF_PERSONS_MS)
    return erasure


def rejection_in(record: Record, ends: Ends | None) -> rejection.Rejection:
    """Return the story of a record of `rejected-readings`, whose key and value are as somebody sent them."""
    rejected = rejection.from_headers(record.headers)
    if any("\0" in text for text in (rejected.reason, rejected.detail, rejected.source_topic, rejected.sha256)):
        raise MalformedRecord("a header holds a NUL, which no store keeps", flaw="shape")
    first, last = rejected.source_offset, rejected.last_offset
    if rejected.number > last - first + 1:
        raise MalformedRecord(f"it stands for {rejected.number} records of offsets {first} to {last}", flaw="figures")
    if rejected.source_topic == VEHICLE_READINGS.name:
        _check_offset(rejected.source_partition, last, ends)
    _check_time(record, rejected.received_at_ms)
    return rejected


def snapshot_in(record: Record) -> snapshot.Snapshot:
    """Return what is said of the picture of a record of `dashcam-snapshots`."""
    shown = snapshot.from_headers(record.headers)
    _check_key(record, shown.vehicle_id)
    _check_vehicle_partition(record, shown.vehicle_id, DASHCAM_SNAPSHOTS.partitions)
    return shown


def vehicle_id_of(record: Record) -> str:
    """Return the VIN that a record's key is. Raises MalformedRecord if it is none."""
    key = (record.key or b"")[:64].decode("ascii", "replace")
    if not VIN.fullmatch(key):
        raise MalformedRecord(f"the key {_shown(record.key)} is no VIN", flaw="key")
    return key


def decoded(record: Record, kind: type[T], *, most_bytes: int = LARGEST_TEXT_BYTES) -> T:
    """Return the value of a record within the bounds of its kind, its place not judged. Raises MalformedRecord."""
    value = record.value
    if value is None:
        raise MalformedRecord(f"it has no value where a {kind.__name__} is due")
    if len(value) > most_bytes:
        raise MalformedRecord(f"{len(value)} bytes; at most {most_bytes} are read", flaw="size")
    if _NUL in value:
        raise MalformedRecord("a text holds a NUL, which no store keeps")
    return decode(value, kind)


def _check_key(record: Record, vehicle_id: str) -> None:
    if vehicle_id_of(record) != vehicle_id:
        raise MalformedRecord(f"the key {_shown(record.key)} is not that of {vehicle_id[:40]!r}", flaw="key")


def _check_vehicle_partition(record: Record, vehicle_id: str, partitions: int) -> None:
    owner = partition_of_key(vehicle_id.encode(), partitions)
    if record.partition != owner:
        raise MalformedRecord(f"{vehicle_id} belongs to partition {owner}, not {record.partition}", flaw="partition")


def _check_source(record: Record, partition: int, offset: int, ends: Ends | None) -> None:
    """Judge the place of the reading behind a record: a vehicle has one partition in all topics keyed by VIN."""
    if partition != record.partition:
        raise MalformedRecord(f"it speaks of partition {partition}, and stands in {record.partition}", flaw="partition")
    _check_offset(partition, offset, ends)


def _check_offset(partition: int, offset: int, ends: Ends | None) -> None:
    if ends is not None and offset >= ends.get(partition, 0):
        place = f"{VEHICLE_READINGS.name} [{partition}]"
        raise MalformedRecord(f"{place} has no offset {offset}; it ends at {ends.get(partition, 0)}", flaw="offset")


def _check_time(record: Record, claimed_ms: int, *, most_ahead_ms: int = MOST_AHEAD_MS) -> None:
    if claimed_ms > record.at_ms + most_ahead_ms:
        ahead_s = (claimed_ms - record.at_ms) / 1000
        raise MalformedRecord(f"it speaks of a time {ahead_s:.0f} s after the broker took it", flaw="time")


def _shown(key: bytes | None) -> str:
    return repr(None if key is None else key[:64])

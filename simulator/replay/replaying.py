"""`simulator replay`: recordings of a real car, sent as its trips."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from contracts.codec import encode
from contracts.errors import InvalidInput
from contracts.partitioning import partition_of_key
from contracts.topics import READING_PARTITIONS
from contracts.vehicle import VIN
from simulator.clock import now_ms
from simulator.replay.recorded_trip import CAR, Override, RecordedTrip, parse_override, recorded_trip
from simulator.replay.recording import Recording, read_recording
from simulator.settings import ReplaySettings
from simulator.transport.publisher import Publisher

_PAUSE_MS: Final = 10 * 60_000
_CHUNK: Final = 500


async def replay(settings: ReplaySettings) -> tuple[list[RecordedTrip], list[str]]:
    """Send the good recordings; give their trips, and what is wrong with the others. Raises Unavailable."""
    overrides = [parse_override(text) for text in settings.set]
    vehicle_id = _vin(settings.vehicle)
    recordings, complaints = _read_all(settings)
    trips = _trips(recordings, overrides, vehicle_id, settings)
    if trips:
        await _send(trips, settings)
    return trips, complaints


def _vin(given: str | None) -> str:
    vehicle_id = CAR.vehicle_id if given is None else given
    if not VIN.fullmatch(vehicle_id):
        raise InvalidInput(f"--vehicle {vehicle_id}: a VIN has 17 of A-Z and 0-9 without I, O, Q")
    return vehicle_id


def _read_all(settings: ReplaySettings) -> tuple[list[Recording], list[str]]:
    recordings, complaints = [], []
    for file in settings.files:
        try:
            recordings.append(read_recording(file))
        except InvalidInput as error:
            complaints.append(str(error))
    return recordings, complaints


def _trips(
    recordings: list[Recording], overrides: list[Override], vehicle_id: str, settings: ReplaySettings
) -> list[RecordedTrip]:
    """Lay the trips one after the other with pauses between; without --start the last ends a pause before now."""
    lengths_ms = [round(recording.elapsed_s[-1] * 1000) + _PAUSE_MS for recording in recordings]
    start_ms = now_ms() - sum(lengths_ms) if settings.start is None else round(settings.start.timestamp() * 1000)
    trips = []
    for recording, length_ms in zip(recordings, lengths_ms, strict=True):
        trips.append(recorded_trip(recording, vehicle_id=vehicle_id, started_at_ms=start_ms, overrides=overrides))
        start_ms += length_ms
    return trips


async def _send(trips: list[RecordedTrip], settings: ReplaySettings) -> None:
    publisher = Publisher(settings.bootstrap)
    await publisher.start(settings.wait)
    try:
        vehicle_id = trips[0].readings[0].vehicle_id
        await publisher.register([msgspec.structs.replace(CAR, vehicle_id=vehicle_id)])
        partition = partition_of_key(vehicle_id.encode(), READING_PARTITIONS)
        for trip in trips:
            await _send_trip(trip, partition, publisher, settings.speed)
        await publisher.flush()
    finally:
        await publisher.close()


async def _send_trip(trip: RecordedTrip, partition: int, publisher: Publisher, speed: float) -> None:
    """Send a trip; at a speed, each reading when its moment comes, counted from the trip's begin."""
    loop = asyncio.get_running_loop()
    began_s, first_ms = loop.time(), trip.readings[0].recorded_at_ms
    step = 1 if speed else _CHUNK
    for start in range(0, len(trip.readings), step):
        some = trip.readings[start : start + step]
        if speed:
            due_s = began_s + (some[0].recorded_at_ms - first_ms) / 1000 / speed
            await asyncio.sleep(max(due_s - loop.time(), 0))
        await publisher.send(partition, [some[0].vehicle_id.encode()] * len(some), [encode(one) for one in some])

"""`simulator replay`: recordings of real cars, sent as trips."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from contracts.codec import encode
from contracts.errors import InvalidInput
from contracts.partitioning import partition_of_key
from contracts.topics import READING_PARTITIONS
from contracts.vehicle import VIN, Vehicle
from observability.terminal import (
    BarColumn,
    Console,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from simulator.clock import now_ms
from simulator.replay.mapping import Mapping
from simulator.replay.mapping_file import CAROBD, read_mapping
from simulator.replay.recorded_trip import RecordedTrip, parse_override, recorded_trip
from simulator.replay.recording import Recording, read_recording
from simulator.settings import ReplaySettings
from simulator.transport.publisher import Publisher

_PAUSE_MS: Final = 10 * 60_000
_CHUNK: Final = 500


async def replay(settings: ReplaySettings, console: Console) -> tuple[list[RecordedTrip], list[str]]:
    """Send the good recordings; give their trips, and what is wrong with the others. Raises Unavailable."""
    mapping = read_mapping(CAROBD if settings.mapping is None else settings.mapping)
    vehicle = _vehicle(settings.vehicle, mapping)
    recordings, complaints = _read_all(settings, mapping)
    trips = _trips(recordings, mapping, vehicle.vehicle_id, settings)
    if trips:
        await _send(trips, vehicle, settings, console)
    return trips, complaints


def _vehicle(given: str | None, mapping: Mapping) -> Vehicle:
    """Give the registry's record of the recorded car, with the VIN that was asked for."""
    if given is not None and not VIN.fullmatch(given):
        raise InvalidInput(f"--vehicle {given}: a VIN has 17 of A-Z and 0-9 without I, O, Q")
    if mapping.vehicle is not None:
        return mapping.vehicle if given is None else msgspec.structs.replace(mapping.vehicle, vehicle_id=given)
    if given is None:
        raise InvalidInput(f"{mapping.file}:1: whose recording? add [vehicle] with vehicle_id, or give --vehicle VIN")
    return Vehicle(given, "unknown", "unknown", 0, "recordings")


def _read_all(settings: ReplaySettings, mapping: Mapping) -> tuple[list[Recording], list[str]]:
    recordings, complaints = [], []
    for file in settings.files:
        try:
            recordings.append(read_recording(file, mapping))
        except InvalidInput as error:
            complaints.append(str(error))
    return recordings, complaints


def _trips(
    recordings: list[Recording], mapping: Mapping, vehicle_id: str, settings: ReplaySettings
) -> list[RecordedTrip]:
    """Lay the trips one after the other with pauses between; see `first_start_ms`."""
    overrides = [parse_override(text, mapping) for text in settings.set]
    lengths_ms = [round(recording.elapsed_s[-1] * 1000) for recording in recordings]
    start_ms = (
        first_start_ms(lengths_ms, now_ms=now_ms(), speed=settings.speed)
        if settings.start is None
        else round(settings.start.timestamp() * 1000)
    )
    trips = []
    for recording, length_ms in zip(recordings, lengths_ms, strict=True):
        trip = recorded_trip(recording, mapping, vehicle_id=vehicle_id, started_at_ms=start_ms, overrides=overrides)
        trips.append(trip)
        start_ms += length_ms + _PAUSE_MS
    return trips


def first_start_ms(lengths_ms: list[int], *, now_ms: int, speed: float) -> int:
    """Give when the first trip began, so that no reading is sent before its time.

    As fast as it goes, the last trip ended a pause ago; at a speed, it ends as its last reading is sent.
    """
    whole_ms = sum(length_ms + _PAUSE_MS for length_ms in lengths_ms)
    if not speed or not lengths_ms:
        return now_ms - whole_ms
    return now_ms - (whole_ms - _PAUSE_MS) + round(lengths_ms[-1] / max(speed, 1))


async def _send(trips: list[RecordedTrip], vehicle: Vehicle, settings: ReplaySettings, console: Console) -> None:
    publisher = Publisher(settings.bootstrap)
    await publisher.start(settings.wait)
    try:
        await publisher.register([vehicle])
        partition = partition_of_key(vehicle.vehicle_id.encode(), READING_PARTITIONS)
        with _progress(console) as progress:
            for trip in trips:
                task = progress.add_task(trip.recording.file.name, total=len(trip.readings))
                await _send_trip(trip, partition, publisher, settings.speed, (progress, task))
        await publisher.flush()
    finally:
        await publisher.close()


async def _send_trip(
    trip: RecordedTrip, partition: int, publisher: Publisher, speed: float, shown: tuple[Progress, TaskID]
) -> None:
    """Send a trip; at a speed, each reading when its moment comes, counted from the trip's begin."""
    loop = asyncio.get_running_loop()
    progress, task = shown
    began_s, first_ms = loop.time(), trip.readings[0].recorded_at_ms
    step = 1 if speed else _CHUNK
    for start in range(0, len(trip.readings), step):
        some = trip.readings[start : start + step]
        if speed:
            due_s = began_s + (some[0].recorded_at_ms - first_ms) / 1000 / speed
            await asyncio.sleep(max(due_s - loop.time(), 0))
        await publisher.send(partition, [some[0].vehicle_id.encode()] * len(some), [encode(one) for one in some])
        progress.advance(task, len(some))


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)

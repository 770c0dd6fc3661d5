"""The truth about routes: on which segments each trip was driven; a file of JSON lines that no program reads."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

import msgspec

from contracts.errors import InvalidInput
from simulator.trips.road_book import RoadBook
from simulator.vehicles.fleet import Floats, Integers


class DrivenTrip(msgspec.Struct, frozen=True):
    """One trip: segments in driving order (indexes into the network); one driven twice in a row stands there twice."""

    vehicle_id: str
    trip_started_at_ms: int
    segments: tuple[int, ...]


class TripLog:
    """Follows each car's legs from ignition on to ignition off."""

    def __init__(self, book: RoadBook, cars: int) -> None:
        """Begin with nobody on the road."""
        self._book = book
        self._legs: list[list[int]] = [[] for _ in range(cars)]
        self.trips: list[DrivenTrip] = []
        """Those that have ended since somebody last took them."""

    def begin_legs(self, rows: Integers, legs: Integers) -> None:
        """Note which legs these cars are on now."""
        for row, leg in zip(rows.tolist(), legs.tolist(), strict=True):
            self._legs[row].append(leg)

    def end(self, rows: Integers, *, vehicle_ids: list[bytes], started_at_ms: Integers, along_m: Floats) -> None:
        """End the trips of these cars, which have come so far on their last leg; all have one element a row."""
        ended = zip(rows.tolist(), vehicle_ids, started_at_ms.tolist(), along_m.tolist(), strict=True)
        for row, vehicle_id, started, last_m in ended:
            legs, self._legs[row] = self._legs[row], []
            whole = [segment for leg in legs[:-1] for segment in self._book.legs[leg].segments]
            segments = (*whole, *(self._book.driven(legs[-1], last_m) if legs else ()))
            self.trips.append(DrivenTrip(vehicle_id.decode(), started, segments))


class DrivenFile:
    """The trips of a run or a history, one JSON object a line, in the order of their end."""

    def __init__(self, file: Path) -> None:
        """Begin the file anew. Raises InvalidInput."""
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._lines: TextIO = file.open("w", encoding="utf-8")
        except OSError as error:
            raise InvalidInput(
                f"{file}: cannot be written ({error.strerror}); name another file by --driven"
            ) from error

    def write(self, log: TripLog) -> None:
        """Add the trips that have ended."""
        trips, log.trips = log.trips, []
        self._lines.writelines(msgspec.json.encode(trip).decode() + "\n" for trip in trips)
        self._lines.flush()

    def close(self) -> None:
        """Write no more."""
        self._lines.close()

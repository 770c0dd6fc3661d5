"""Days of trips at once: every trip is one row of the arrays, so days take as many steps as the longest trip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from simulator.faults.conditions import Witness
from simulator.faults.fault import Fault, Faults
from simulator.past.gathered import Gathered
from simulator.past.scripted import joined
from simulator.physics import thermal
from simulator.physics.cars import Cars, Harm
from simulator.physics.course import Course, home_places
from simulator.physics.gps import GpsError
from simulator.physics.sensors import Moment, readings
from simulator.readings.columns import ReadingColumns
from simulator.readings.counters import odometer_at, sequence_base
from simulator.trips.driven import TripLog
from simulator.trips.itinerary import Itinerary, final_places
from simulator.trips.road_book import RoadBook
from simulator.trips.trip_calendar import Calendar, readings_of
from simulator.vehicles.fleet import Fleet, Floats, Integers

_NORMAL_C: Final = 90.0
_LEAST_SHARE: Final = 1e-6


@dataclass(frozen=True, slots=True)
class History:
    """All readings of some days, by partition and in rising time; the faults that were injected, by car; the routes."""

    columns: ReadingColumns
    faults: list[Fault]
    driven: TripLog
    odometer_m: Floats
    """What each car's odometer reads at the end; 0 where it did not drive."""


class PastTrips:
    """The trips of a calendar, driven side by side."""

    def __init__(  # noqa: PLR0913 - each is a knob of its own
        self,
        fleet: Fleet,
        book: RoadBook,
        planned: Calendar,
        *,
        interval_s: int,
        seed: int,
        faults: Faults,
        gps_noise_m: float = 5.0,
        part: int = 0,
    ) -> None:
        """Prepare one row a trip; trips last whole intervals. `faults` counts rows and milliseconds of the trip.

        Where a history is driven in several parts, `part` is which one: each draws anew.
        """
        self._planned = planned
        self._fleet = fleet
        self._interval_s = interval_s
        self._witness = Witness()
        self._faults = faults
        self._random = np.random.default_rng([seed, 4, part])
        self._fault_random = np.random.default_rng([seed, 5, part])
        self._trip_s = planned.trip_s // interval_s * interval_s
        self._ended_s = self._trip_s.copy()
        self._spoken = np.zeros(len(planned), dtype=np.int64)
        self._gathered = Gathered(readings_of(planned, interval_s))
        row_fleet = fleet.take(planned.vehicle)
        self._ambient_c = thermal.ambient_at(planned.started_at_ms, row_fleet.ambient_offset_c)
        warm_c = thermal.cooled(np.full(len(planned), _NORMAL_C), self._ambient_c, planned.parked_s)
        self._gps = GpsError(len(planned), gps_noise_m, np.random.default_rng([seed, 8, part]))
        self._log = TripLog(book, len(planned))
        course = Course(book, _places(fleet, book, planned, seed, self._trip_s))
        itinerary = Itinerary(book, seed, planned.vehicle)
        full = np.full(len(planned), 100.0)
        self._cars = Cars(row_fleet, course, itinerary, coolant_c=warm_c, fuel_level_pct=full)

    def drive(self, on_progress: Callable[[float], object]) -> History:
        """Drive all trips to their end; `on_progress` is told the share of the work that is done."""
        rows = np.arange(len(self._planned))
        self._cars.start(rows, started_at_ms=self._planned.started_at_ms, trip_s=self._trip_s)
        steps = int(self._trip_s.max(initial=0)) // self._interval_s
        self._gathered.add(rows, self._readings(rows, 0))
        for step in range(1, steps + 1):
            self._gathered.add(*self._advance(step))
            on_progress(step / steps)
        return self._in_order(*self._gathered.taken())

    def _advance(self, step: int) -> tuple[Integers, ReadingColumns]:
        now_s = step * self._interval_s
        running = np.flatnonzero(self._cars.running)
        self._faults.advance(
            now_s * 1000,
            dt_s=self._interval_s,
            driving=running,
            coolant_c=self._cars.coolant_c,
            random=self._fault_random,
        )
        severity = self._faults.severity
        harm = Harm(severity["coolant_leak"], self._faults.reach_s, severity["stuck_thermostat"])
        self._cars.advance(self._interval_s, ambient_c=self._ambient_c, harm=harm)
        self._gps.advance(self._interval_s)
        is_ending = self._cars.is_over[running] | (self._trip_s[running] <= now_s)
        self._note_legs()
        self._end_trips(running[is_ending], now_s)
        # What ends a trip is heard: a fault that outlasts its trip is mended as the car parks.
        speaking = running[is_ending | (severity["telematics_silence"][running] == 0)]
        made = self._readings(speaking, now_s)
        on_road = [fault for fault in self._faults.open if self._cars.running[fault.vehicle]]
        self._witness.see(on_road, made, speaking, self._cars.fleet.placard_kpa, now_s * 1000)
        return speaking, made

    def _note_legs(self) -> None:
        begun, self._cars.begun_legs = self._cars.begun_legs, []
        for rows, legs in begun:
            self._log.begin_legs(rows, legs)

    def _end_trips(self, rows: Integers, now_s: int) -> None:
        self._ended_s[rows] = now_s
        self._log.end(
            rows,
            vehicle_ids=self._cars.fleet.vehicle_id[rows].tolist(),
            started_at_ms=self._planned.started_at_ms[rows],
            along_m=self._cars.course.along_m[rows],
        )
        self._cars.stop(rows)

    def _readings(self, rows: Integers, now_s: int) -> ReadingColumns:
        started_at_ms = self._planned.started_at_ms[rows]
        moment = Moment(
            recorded_at_ms=started_at_ms + now_s * 1000,
            trip_started_at_ms=started_at_ms,
            sequence=self._spoken[rows],
            ignition_on=self._cars.running[rows],
            off_m=self._gps.metres[rows],
        )
        self._spoken[rows] += 1
        return readings(
            self._cars,
            rows,
            moment,
            ambient_c=self._ambient_c,
            random=self._random,
            severity=self._faults.severity if self._faults.open else None,
        )

    def _in_order(self, row: Integers, made: ReadingColumns) -> History:
        """Sort by partition and time; number, and carry odometer and tank from trip to trip."""
        planned, fleet, signals = self._planned, self._fleet, made.values
        vehicle = planned.vehicle[row]
        from_ms = int(planned.started_at_ms.min()) if len(planned) else 0
        signals["sequence"] += (sequence_base(from_ms) + _before(planned, self._spoken))[row]
        odometer_m = odometer_at(fleet, from_ms)[planned.vehicle].astype(np.int64)
        trip_m = np.floor(self._cars.distance_m).astype(np.int64)
        odometer_m += _before(planned, trip_m)
        signals["odometer_m"] = odometer_m[row] + signals["trip_distance_m"]
        last_m = np.zeros(len(fleet))
        np.maximum.at(last_m, planned.vehicle, odometer_m + trip_m)
        # What a leak or a shaking gauge did to a tank that began full, it does to the tank as it was.
        left_l = 1 - signals["trip_fuel_ml"] / 1000 / fleet.tank_l[vehicle]
        at_start = _fuel_at_start_l(planned, fleet, self._cars.fuel_ml / 1000)[row] / fleet.tank_l[vehicle]
        share = signals["fuel_level_pct"] / np.maximum(left_l, _LEAST_SHARE)
        signals["fuel_level_pct"] = np.clip(share * (at_start - (1 - left_l)), 0, 100)
        order = np.lexsort((signals["sequence"], signals["recorded_at_ms"], made.partition))
        return History(made.moved(order), self._car_faults(), self._log, last_m)

    def _car_faults(self) -> list[Fault]:
        """Give the faults by car in epoch milliseconds; a drawn one is mended as the car parks at the latest."""
        given: list[Fault] = []
        of_script: dict[int, list[Fault]] = {}
        for fault in self._faults.history:
            row = fault.vehicle
            began_ms, trip_ms = int(self._planned.started_at_ms[row]), int(self._ended_s[row] * 1000)
            ended_ms = trip_ms if fault.ended_at_ms is None else min(fault.ended_at_ms, trip_ms)
            piece = replace(
                fault,
                vehicle=int(self._planned.vehicle[row]),
                started_at_ms=began_ms + fault.started_at_ms,
                repair_due_ms=None if fault.repair_due_ms is None else began_ms + fault.repair_due_ms,
                reached_at_ms=None if fault.reached_at_ms is None else began_ms + fault.reached_at_ms,
                ended_at_ms=began_ms + ended_ms,
            )
            if fault.script is None:
                given.append(piece)
            else:
                of_script.setdefault(fault.script, []).append(piece)
        return given + [joined(pieces) for pieces in of_script.values()]


def _places(fleet: Fleet, book: RoadBook, planned: Calendar, seed: int, trip_s: Floats) -> Integers:
    """Give the place where each trip begins: the first at home, each other where the one before it ended."""
    begins = np.zeros(len(planned), dtype=np.int64)
    at = home_places(book, fleet)
    rank = _rank_in_group(planned.vehicle)
    for each in range(int(rank.max(initial=-1)) + 1):
        rows = np.flatnonzero(rank == each)
        vehicle = planned.vehicle[rows]
        begins[rows] = at[vehicle]
        at[vehicle] = final_places(
            book,
            seed,
            vehicle=vehicle,
            started_at_ms=planned.started_at_ms[rows],
            trip_s=trip_s[rows],
            place=begins[rows],
        )
    return begins


def _rank_in_group(group: Integers) -> Integers:
    """Count 0, 1, 2 … within each run of equal numbers."""
    at = np.arange(len(group))
    begins = np.flatnonzero(np.diff(group, prepend=-1))
    return at - np.repeat(begins, np.diff(begins, append=len(group)))


def _before(planned: Calendar, of_trip: Integers) -> Integers:
    """Give, for each trip, the sum of the car's earlier trips."""
    total = np.cumsum(of_trip) - of_trip
    first = np.flatnonzero(np.diff(planned.vehicle, prepend=-1))
    return np.asarray(total - np.repeat(total[first], np.diff(first, append=len(planned))))


def _fuel_at_start_l(planned: Calendar, fleet: Fleet, used_l: Floats) -> Floats:
    """Give the tank's content as each trip begins; below a fifth, the driver filled up before."""
    at_start = np.zeros(len(planned))
    left_l = fleet.tank_l * 0.9
    for trip, (vehicle, used) in enumerate(zip(planned.vehicle.tolist(), used_l.tolist(), strict=True)):
        if left_l[vehicle] < 0.2 * fleet.tank_l[vehicle]:
            left_l[vehicle] = 0.95 * fleet.tank_l[vehicle]
        at_start[trip] = left_l[vehicle]
        left_l[vehicle] -= used
    return at_start

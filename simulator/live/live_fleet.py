"""The fleet as it drives now: tick after tick of readings, a pure function of fleet, seed, start and rate."""

from __future__ import annotations

from typing import Final

import numpy as np

from simulator.faults.conditions import Witness
from simulator.faults.fault import Faults
from simulator.physics import thermal
from simulator.physics.cars import Cars, Harm
from simulator.physics.course import Course, Flags, home_places
from simulator.physics.gps import GpsError
from simulator.physics.sensors import Moment, readings
from simulator.readings.columns import ReadingColumns
from simulator.readings.counters import odometer_at, sequence_base
from simulator.trips import rhythm
from simulator.trips.driven import TripLog
from simulator.trips.itinerary import Itinerary
from simulator.trips.road_book import RoadBook
from simulator.vehicles.fleet import Fleet, Floats, Integers
from simulator.vehicles.logbook import FASTEST_MPS

_TRIP_S: Final = (240.0, 2100.0)
_PARKED_S: Final = (60.0, 300.0)
_FIRST_PARKED_S: Final = (10.0, 240.0)
_FIRST_START_S: Final = 5.0
_DRIVING_SHARE: Final = 0.85
_LAST_PARKED_S: Final = (60.0, 2400.0)
_NORMAL_C: Final = 90.0


def between(bounds: tuple[float, float], u: Floats) -> Floats:
    """Spread draws from 0..1 evenly between two bounds."""
    return bounds[0] + (bounds[1] - bounds[0]) * u


class LiveFleet:
    """Cars that start trips, drive, park and start again. `tick` gives the readings of one interval."""

    def __init__(  # noqa: PLR0913 - each is a knob of its own
        self,
        fleet: Fleet,
        book: RoadBook,
        *,
        seed: int,
        start_ms: int,
        rate_hz: float,
        faults: Faults,
        gps_noise_m: float = 5.0,
        log: TripLog | None = None,
        has_rhythm: bool = False,
        least_odometer_m: Floats | None = None,
    ) -> None:
        """Let cars begin a trip in the first seconds, with engines still warm from an earlier one.

        Most do, and they park for minutes only; where the day has a rhythm, so many as at that hour.
        """
        self.fleet = fleet
        self.faults = faults
        self.active = len(fleet)
        """So many cars drive, the first ones; the others end their trips and stay parked."""
        self.interval_ms = 1000 / rate_hz
        self.trips_begun = 0
        self._witness = Witness()
        self._random = np.random.default_rng([seed, 2, start_ms])
        self._fault_random = np.random.default_rng([seed, 3, start_ms])
        self._gps = GpsError(len(fleet), gps_noise_m, np.random.default_rng([seed, 8, start_ms]))
        self._log = log
        self._has_rhythm = has_rhythm
        self._start_ms = start_ms
        self._ticks = 0
        self._phase_ms = (fleet.phase_ms * self.interval_ms / 1000).astype(np.int64)
        self._sequence = np.full(len(fleet), sequence_base(start_ms), dtype=np.int64)
        self._trip_started_at_ms = np.full(len(fleet), start_ms, dtype=np.int64)
        self._due_ms = self._first_due_ms(start_ms)
        self._parked_since_ms = np.full(len(fleet), float(start_ms))
        self.cars = self._parked_cars(book, seed, start_ms)
        self.cars.trip_odometer_m = odometer_at(fleet, start_ms)
        if least_odometer_m is not None:
            self.cars.trip_odometer_m = np.maximum(self.cars.trip_odometer_m, least_odometer_m)

    def _first_due_ms(self, start_ms: int) -> Floats:
        u = self._random.random((2, len(self.fleet)))
        share = rhythm.share_driving(start_ms, sum(_TRIP_S) / 2) if self._has_rhythm else _DRIVING_SHARE
        others_ms = self._next_due_ms(start_ms, _FIRST_PARKED_S, u[1])
        return np.where(u[0] < share, start_ms + _FIRST_START_S * u[1] * 1000, others_ms)

    def _next_due_ms(self, now_ms: int, parked_s: tuple[float, float], u: Floats) -> Floats:
        """Give when cars that are parked now drive on: within these bounds, or as the hour has it."""
        if self._has_rhythm:
            return rhythm.next_trip_ms(now_ms + parked_s[0] * 1000, u)
        return now_ms + between(parked_s, u) * 1000

    def _parked_cars(self, book: RoadBook, seed: int, start_ms: int) -> Cars:
        u = self._random.random((2, len(self.fleet)))
        ambient_c = thermal.ambient_at(start_ms, self.fleet.ambient_offset_c)
        warm_c = thermal.cooled(np.full(len(self.fleet), _NORMAL_C), ambient_c, between(_LAST_PARKED_S, u[0]))
        course = Course(book, home_places(book, self.fleet))
        itinerary = Itinerary(book, seed, self.fleet.vehicle)
        return Cars(self.fleet, course, itinerary, coolant_c=warm_c, fuel_level_pct=25 + 70 * u[1])

    @property
    def next_ms(self) -> int:
        """The event time at which the next tick begins."""
        return self._start_ms + round(self._ticks * self.interval_ms)

    def due_by(self, in_s: int) -> Flags:
        """Tell which cars begin a trip within so many seconds."""
        return np.asarray((self._due_ms <= self.next_ms + in_s * 1000) & (self.fleet.vehicle < self.active))

    def odometer_m(self, *, in_s: float = 0) -> Floats:
        """Give what each car's odometer reads, or the most that it can read so many seconds later."""
        return np.asarray(self.cars.trip_odometer_m + np.floor(self.cars.distance_m) + in_s * FASTEST_MPS)

    def set_rate(self, rate_hz: float) -> None:
        """Let cars report this often from the next tick on."""
        self._start_ms, self._ticks = self.next_ms, 0
        self.interval_ms = 1000 / rate_hz
        self._phase_ms = (self.fleet.phase_ms * self.interval_ms / 1000).astype(np.int64)

    def skip(self, passed_ms: int) -> None:
        """Let time pass in which nothing moves."""
        self._start_ms += passed_ms

    def tick(self) -> tuple[ReadingColumns, Integers, bool]:
        """Move on by one interval: its readings in rising time, each one's milliseconds into it, and whether a fault
        began or ended.
        """  # noqa: D205 - one sentence
        now_ms, dt_s = self.next_ms, self.interval_ms / 1000
        ambient_c = thermal.ambient_at(now_ms, self.fleet.ambient_offset_c)
        is_changed = self._let_faults_grow(now_ms, dt_s)
        severity = self.faults.severity
        harm = Harm(severity["coolant_leak"], self.faults.reach_s, severity["stuck_thermostat"])
        self.cars.advance(dt_s, ambient_c=ambient_c, harm=harm)
        self._note_legs()
        self._gps.advance(dt_s)
        ending = np.flatnonzero(self.cars.running & (self.cars.is_over | (self.fleet.vehicle >= self.active)))
        was_running = self.cars.running.copy()
        self._end_trips(ending, now_ms)
        self._begin_trips(now_ms, ambient_c)
        speaking = np.flatnonzero(was_running | self.cars.running)
        self._ticks += 1
        speaking = speaking[severity["telematics_silence"][speaking] == 0]
        order = speaking[np.argsort(self._phase_ms[speaking], kind="stable")]
        made = self._readings(order, now_ms + self._phase_ms[order], ambient_c)
        self._witness.see(self.faults.open, made, order, self.fleet.placard_kpa, now_ms)
        return made, self._phase_ms[order], is_changed

    def _let_faults_grow(self, now_ms: int, dt_s: float) -> bool:
        driving = np.flatnonzero(self.cars.running & (self.cars.elapsed_s > 0))
        return self.faults.advance(
            now_ms, dt_s=dt_s, driving=driving, coolant_c=self.cars.coolant_c, random=self._fault_random
        )

    def _end_trips(self, rows: Integers, now_ms: int) -> None:
        self._note_driven(rows)
        self.cars.stop(rows)
        self._parked_since_ms[rows] = now_ms
        self._due_ms[rows] = self._next_due_ms(now_ms, _PARKED_S, self._random.random(len(rows)))

    def _note_legs(self) -> None:
        begun, self.cars.begun_legs = self.cars.begun_legs, []
        if self._log is not None:
            for rows, legs in begun:
                self._log.begin_legs(rows, legs)

    def _note_driven(self, rows: Integers) -> None:
        if self._log is not None:
            self._log.end(
                rows,
                vehicle_ids=self.fleet.vehicle_id[rows].tolist(),
                started_at_ms=self._trip_started_at_ms[rows],
                along_m=self.cars.course.along_m[rows],
            )

    def _begin_trips(self, now_ms: int, ambient_c: Floats) -> None:
        if self._has_rhythm:
            # A car that the control holds back does not set off with all others once it is let go.
            held = np.flatnonzero((self._due_ms <= now_ms) & (self.fleet.vehicle >= self.active))
            self._due_ms[held] = self._next_due_ms(now_ms, _PARKED_S, self._random.random(len(held)))
        rows = np.flatnonzero(~self.cars.running & (self._due_ms <= now_ms) & (self.fleet.vehicle < self.active))
        parked_s = (now_ms - self._parked_since_ms[rows]) / 1000
        self.cars.park(rows, parked_s=parked_s, ambient_c=ambient_c[rows])
        self._trip_started_at_ms[rows] = now_ms + self._phase_ms[rows]
        trip_s = between(_TRIP_S, self._random.random(len(rows)))
        self.cars.start(rows, started_at_ms=self._trip_started_at_ms[rows], trip_s=trip_s)
        self._note_legs()
        self.trips_begun += len(rows)

    def _readings(self, rows: Integers, recorded_at_ms: Integers, ambient_c: Floats) -> ReadingColumns:
        moment = Moment(
            recorded_at_ms=recorded_at_ms,
            trip_started_at_ms=self._trip_started_at_ms[rows],
            sequence=self._sequence[rows],
            ignition_on=self.cars.running[rows],
            off_m=self._gps.metres[rows],
        )
        self._sequence[rows] += 1
        severity = self.faults.severity if self.faults.open else None
        return readings(
            self.cars,
            rows,
            moment,
            ambient_c=ambient_c,
            random=self._random,
            severity=severity,
        )

    def end(self) -> ReadingColumns:
        """Turn every engine off, one interval after the last tick: the last readings of the open trips."""
        rows = np.flatnonzero(self.cars.running)
        now_ms = self.next_ms
        self._end_trips(rows, now_ms)
        ambient_c = thermal.ambient_at(now_ms, self.fleet.ambient_offset_c)
        return self._readings(rows, now_ms + self._phase_ms[rows], ambient_c)

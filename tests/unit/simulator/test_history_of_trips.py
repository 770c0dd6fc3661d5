from __future__ import annotations

import itertools

import numpy as np
import pytest

from contracts.codec import decode_reading
from contracts.errors import InvalidInput
from contracts.plausibility import believe
from contracts.reading import Reading
from rules import default_rules_file, load_rules
from rules.partition import PartitionFold
from simulator.faults.fault import Faults, PlannedFault
from simulator.past.history import History, PastTrips
from simulator.past.scripted import scripted
from simulator.readings.counters import sequence_base
from simulator.readings.rows import ReadingRows
from simulator.trips.network import network
from simulator.trips.road_book import road_book
from simulator.trips.trip_calendar import Calendar, calendar, interval_s, readings_of
from simulator.vehicles.fleet import fleet, registry

UNTIL_MS = 1_790_000_000_000
BOOK = road_book(network("denver", seed=1, segments=0), 1)
CARS = fleet(15, 1)
OWNER = dict(zip((vin.decode() for vin in CARS.vehicle_id.tolist()), CARS.partition.tolist(), strict=True))


def a_calendar(days: float = 3, vehicles: int = 15) -> Calendar:
    return calendar(vehicles, days=days, until_ms=UNTIL_MS, random=np.random.default_rng(1))


def a_history(planned: Calendar, *, each_s: int = 8, fault_rate: float = 0) -> History:
    faults = Faults(len(planned), per_vehicle_hour=fault_rate, growth_s=15, repair_s=60)
    return PastTrips(CARS, BOOK, planned, interval_s=each_s, seed=1, faults=faults).drive(lambda _: None)


def test_trips_of_a_car_never_overlap_and_all_end_in_the_span() -> None:
    planned = a_calendar()
    ended_at_ms = planned.started_at_ms + planned.trip_s * 1000
    assert len(planned) > 100
    assert planned.started_at_ms.min() >= UNTIL_MS - 3 * 86_400_000
    assert ended_at_ms.max() < UNTIL_MS
    same = planned.vehicle[1:] == planned.vehicle[:-1]
    assert (planned.started_at_ms[1:] > ended_at_ms[:-1])[same].all()


@pytest.mark.parametrize("hour", [0, 6, 12, 18, 23])
def test_trips_go_on_to_the_last_busy_hours_of_the_span(hour: int) -> None:
    until_ms = UNTIL_MS - UNTIL_MS % 86_400_000 + hour * 3_600_000
    planned = calendar(100, days=3, until_ms=until_ms, random=np.random.default_rng(1))
    idle_h = (until_ms - planned.started_at_ms.max()) / 3_600_000
    assert idle_h < 1 if hour in (18, 23, 0) else idle_h < 11


def test_days_have_a_rhythm_more_trips_begin_when_people_go_to_work_and_back_and_none_at_night() -> None:
    planned = calendar(400, days=4, until_ms=UNTIL_MS, random=np.random.default_rng(1))
    hour = (planned.started_at_ms // 3_600_000 - 7) % 24
    begun = {each: int((hour == each).sum()) for each in range(24)}
    assert np.mean([begun[each] for each in (7, 8, 16, 17)]) > 1.8 * np.mean([begun[each] for each in (10, 11, 14)])
    assert min(begun[16], begun[17]) > begun[14]
    assert sum(begun[each] for each in (21, 22, 23, 0, 1, 2, 3, 4, 5)) == 0


@pytest.mark.parametrize("days", [0.25, 1, 7])
def test_every_span_has_trips(days: float) -> None:
    assert len(a_calendar(days)) >= 10


def test_the_interval_keeps_the_history_within_its_limit() -> None:
    planned = a_calendar()
    each_s = interval_s(planned, 10_000)
    assert readings_of(planned, each_s) <= 10_000 < readings_of(planned, each_s - 1)


def test_a_limit_below_the_number_of_trips_is_refused_with_the_remedy() -> None:
    with pytest.raises(InvalidInput, match="raise it, or lower --vehicles or --days"):
        interval_s(a_calendar(), 50)


@pytest.fixture(scope="module")
def readings() -> list[Reading]:
    columns = a_history(a_calendar()).columns
    read = []
    for message, partition in zip(ReadingRows(4096).encode(columns), columns.partition.tolist(), strict=True):
        reading, ignored = believe(message, partition=partition, received_at_ms=UNTIL_MS)
        assert ignored == ()
        read.append(reading)
    assert read == sorted(read, key=lambda one: (OWNER[one.vehicle_id], one.recorded_at_ms, one.sequence))
    return sorted(read, key=lambda one: (one.vehicle_id, one.sequence))


def test_the_history_of_a_seed_is_the_same_bytes_every_time() -> None:
    planned = a_calendar(days=1)
    first, second = (ReadingRows(4096).encode(a_history(planned, fault_rate=3).columns) for _ in range(2))
    assert first == second


def test_readings_of_a_car_are_numbered_without_a_gap_in_rising_time(readings: list[Reading]) -> None:
    for before, after in itertools.pairwise(readings):
        if before.vehicle_id == after.vehicle_id:
            assert after.sequence == before.sequence + 1
            assert after.recorded_at_ms > before.recorded_at_ms
            assert (after.odometer_m or 0) >= (before.odometer_m or 0)


def test_every_past_trip_has_ended(readings: list[Reading]) -> None:
    last = {(one.vehicle_id, one.trip_started_at_ms): one for one in readings}
    assert all(one.ignition_on is False and one.recorded_at_ms < UNTIL_MS for one in last.values())
    assert sum(one.ignition_on is False for one in readings) == len(last)


def test_a_run_after_the_history_goes_on_above_its_sequences(readings: list[Reading]) -> None:
    assert sequence_base(UNTIL_MS - 4 * 86_400_000) < min(one.sequence for one in readings)
    assert max(one.sequence for one in readings) < sequence_base(UNTIL_MS)


def test_a_car_refuels_before_it_runs_dry(readings: list[Reading]) -> None:
    assert min(one.fuel_level_pct or 0 for one in readings) > 3


def test_a_healthy_history_raises_no_alert(readings: list[Reading]) -> None:
    known = {vehicle.vehicle_id: vehicle for vehicle in registry(CARS)}
    fold = PartitionFold(0, load_rules(default_rules_file()), registry=known)
    alerts = [
        alert for offset, one in enumerate(readings) for alert in fold.fold(one, offset=offset, received_at_ms=UNTIL_MS)
    ]
    assert alerts == []


def test_faults_of_the_past_lie_within_their_trips() -> None:
    history = a_history(a_calendar(days=1), fault_rate=5)
    assert history.faults
    spans = {
        (one.vehicle_id.encode(), one.trip_started_at_ms)
        for one in map(decode_reading, ReadingRows(4096).encode(history.columns))
    }
    for fault in history.faults:
        begins = [begin for vin, begin in spans if vin == CARS.vehicle_id[fault.vehicle]]
        assert any(begin <= fault.started_at_ms < (fault.ended_at_ms or 0) + 1 <= begin + 2_200_000 for begin in begins)


def test_a_span_without_trips_is_an_empty_history() -> None:
    nothing = Calendar(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
    assert len(a_history(nothing).columns) == 0


def a_scripted_history(*script: PlannedFault) -> tuple[Calendar, History]:
    planned = a_calendar(days=1)
    faults = Faults(len(planned), per_vehicle_hour=0, growth_s=15, repair_s=60)
    faults.plant(scripted(script, planned, from_ms=UNTIL_MS - 86_400_000))
    return planned, PastTrips(CARS, BOOK, planned, interval_s=4, seed=1, faults=faults).drive(lambda _: None)


def test_a_scripted_fault_stays_from_trip_to_trip_and_is_one_line_of_the_truth() -> None:
    planned, history = a_scripted_history(
        PlannedFault(3, "oil_loss", start_s=3600, growth_s=600, repair_s=None),
        PlannedFault(4, "misfire", start_s=0, growth_s=60, repair_s=120, severity=0.8),
    )
    lasting, short = sorted(history.faults, key=lambda fault: fault.vehicle)
    trips = planned.started_at_ms[planned.vehicle == 3]
    assert (lasting.kind, lasting.severity) == ("oil_loss", 1)
    assert lasting.started_at_ms >= UNTIL_MS - 86_400_000 + 3_600_000
    assert (lasting.ended_at_ms or 0) > trips[-1]
    values = history.columns.values
    is_low = (values["oil_level"] > 0) & (values["vehicle_id"] == CARS.vehicle_id[3])
    assert len(set(values["trip_started_at_ms"][is_low].tolist())) == (trips > lasting.started_at_ms).sum() + 1
    assert (short.kind, short.severity) == ("misfire", 0.8)
    assert (short.ended_at_ms or 0) - short.started_at_ms == pytest.approx(180_000, abs=4_000)


def test_a_leaking_tank_empties_in_the_past_too() -> None:
    _, history = a_scripted_history(PlannedFault(5, "fuel_leak", start_s=0, growth_s=900, repair_s=None))
    values = history.columns.values
    levels = values["fuel_level_pct"][values["vehicle_id"] == CARS.vehicle_id[5]]
    assert levels.min() < 5
    assert history.faults[0].reached_at_ms is not None


def test_a_stuck_thermostat_reaches_its_rules_condition_on_long_trips_over_fast_roads_and_is_found() -> None:
    planned = a_calendar(days=2)
    faults = Faults(len(planned), per_vehicle_hour=0, growth_s=15, repair_s=60)
    script = [PlannedFault(car, "stuck_thermostat", start_s=0, growth_s=30, repair_s=None) for car in range(10)]
    faults.plant(scripted(script, planned, from_ms=UNTIL_MS - 2 * 86_400_000))
    city = road_book(network("generated", seed=1, segments=3000), 1)
    history = PastTrips(CARS, city, planned, interval_s=5, seed=1, faults=faults).drive(lambda _: None)
    reached = {fault.vehicle for fault in history.faults if fault.reached_at_ms is not None}
    assert len(reached) >= 5
    known = {vehicle.vehicle_id: vehicle for vehicle in registry(CARS)}
    folds = {number: PartitionFold(number, load_rules(default_rules_file()), registry=known) for number in range(12)}
    found = set()
    for offset, message in enumerate(ReadingRows(4096).encode(history.columns)):
        one = decode_reading(message)
        fold = folds[OWNER[one.vehicle_id]]
        alerts = fold.fold(one, offset=offset, received_at_ms=one.recorded_at_ms + 5)
        found |= {(alert.vehicle_id, alert.rule) for alert in alerts}
    vins = [vin.decode() for vin in CARS.vehicle_id.tolist()]
    assert {(vins[car], "coolant_below_thermostat") for car in reached} <= found
    assert {vin for vin, _ in found} <= set(vins[:10])

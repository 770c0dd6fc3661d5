from __future__ import annotations

import itertools
from collections import defaultdict

import numpy as np
import pytest

from contracts.codec import decode_reading, encode
from contracts.plausibility import believe
from contracts.reading import Reading
from contracts.vehicle import VIN
from rules import default_rules_file, load_rules
from rules.partition import PartitionFold
from simulator.faults.fault import EXPECTED_RULE, Faults
from simulator.live.live_fleet import LiveFleet
from simulator.readings.columns import ReadingColumns
from simulator.readings.rows import ReadingRows
from simulator.trips.network import network
from simulator.trips.road_book import road_book
from simulator.vehicles.fleet import Fleet, fleet, registry

START_MS = 1_790_000_000_000
BOOK = road_book(network("denver", seed=1, segments=0), 1)


def a_live_fleet(
    cars: Fleet, *, seed: int = 1, start_ms: int = START_MS, rate_hz: float = 1, fault_rate: float = 0
) -> LiveFleet:
    faults = Faults(len(cars), per_vehicle_hour=fault_rate, growth_s=15, repair_s=60)
    return LiveFleet(cars, BOOK, seed=seed, start_ms=start_ms, rate_hz=rate_hz, faults=faults)


def sent(live: LiveFleet, ticks: int) -> list[bytes]:
    rows = ReadingRows(64)
    messages = [message for _ in range(ticks) for message in rows.encode(live.tick()[0])]
    return messages + rows.encode(live.end())


def believed(live: LiveFleet, ticks: int) -> list[Reading]:
    owner = dict(zip(live.fleet.vehicle_id.tolist(), live.fleet.partition.tolist(), strict=True))
    readings = []
    for message in sent(live, ticks):
        identity = decode_reading(message)
        reading, ignored = believe(
            message, partition=owner[identity.vehicle_id.encode()], received_at_ms=identity.recorded_at_ms + 50
        )
        assert ignored == ()
        readings.append(reading)
    return readings


def by_trip(readings: list[Reading]) -> dict[tuple[str, int], list[Reading]]:
    trips = defaultdict(list)
    for reading in readings:
        trips[reading.vehicle_id, reading.trip_started_at_ms].append(reading)
    return trips


@pytest.fixture(scope="module")
def drive() -> list[Reading]:
    """Thirty cars for thirty minutes, so that trips end and begin."""
    return believed(a_live_fleet(fleet(30, 1)), 1800)


def test_the_same_seed_and_start_give_the_same_bytes() -> None:
    cars = fleet(30, 7)
    first, second = (sent(a_live_fleet(cars, seed=7, fault_rate=5), 200) for _ in range(2))
    assert first == second


def test_another_seed_gives_other_cars_and_other_readings() -> None:
    assert not set(fleet(50, 1).vehicle_id.tolist()) & set(fleet(50, 2).vehicle_id.tolist())
    assert sent(a_live_fleet(fleet(5, 1)), 20) != sent(a_live_fleet(fleet(5, 1), seed=2), 20)


def test_a_smaller_fleet_is_the_beginning_of_a_larger_one() -> None:
    assert registry(fleet(10, 3)) == registry(fleet(25, 3))[:10]


def test_every_registry_record_names_a_valid_vin_and_what_the_rules_and_views_need() -> None:
    for vehicle in registry(fleet(100, 1)):
        assert VIN.fullmatch(vehicle.vehicle_id)
        assert vehicle.placard_kpa
        assert vehicle.displacement_l
        assert vehicle.road_load_c_n_per_mps2


def test_every_reading_is_believed_with_all_its_signals(drive: list[Reading]) -> None:
    # `believed` has asserted it; here: nothing is missing either.
    assert all(getattr(reading, name) is not None for reading in drive for name in Reading.__struct_fields__)


def test_sequences_count_up_by_one_per_car_across_trips(drive: list[Reading]) -> None:
    sequences = defaultdict(list)
    for reading in drive:
        sequences[reading.vehicle_id].append(reading.sequence)
    assert all(numbers == list(range(numbers[0], numbers[0] + len(numbers))) for numbers in sequences.values())


def test_a_later_run_goes_on_above_the_sequences_of_an_earlier_one() -> None:
    cars = fleet(10, 1)
    last = max(reading.sequence for reading in believed(a_live_fleet(cars, rate_hz=50), 50 * 20))
    later = believed(a_live_fleet(cars, start_ms=START_MS + 20_000), 10)
    assert min(reading.sequence for reading in later) > last


def test_trip_counters_begin_at_zero_and_never_fall(drive: list[Reading]) -> None:
    trips = by_trip(drive)
    assert len(trips) > 40
    for readings in trips.values():
        counters = [
            (one.recorded_at_ms, one.trip_distance_m, one.trip_fuel_ml or 0, one.trip_idle_s or 0, one.odometer_m or 0)
            for one in readings
        ]
        assert counters[0][1:4] == (0, 0, 0)
        assert all(a <= b for before, after in itertools.pairwise(counters) for a, b in zip(before, after, strict=True))


def test_distance_is_the_integral_of_speed(drive: list[Reading]) -> None:
    for readings in by_trip(drive).values():
        speeds = np.array([reading.speed_kmh for reading in readings]) / 3.6
        seconds = np.diff([reading.recorded_at_ms for reading in readings]) / 1000
        # The last reading may cut the drive off at the end of the test; leave its step out.
        driven = np.sum(((speeds[1:] + speeds[:-1]) / 2 * seconds)[:-1])
        assert readings[-2].trip_distance_m == pytest.approx(driven, abs=2 + 0.01 * driven)


def test_every_trip_ends_with_one_ignition_off_reading_at_rest(drive: list[Reading]) -> None:
    for readings in by_trip(drive).values():
        assert [reading.ignition_on for reading in readings].count(False) == 1
        assert readings[-1].ignition_on is False
        assert (readings[-1].engine_rpm, readings[-1].speed_kmh) == (0, 0)


def test_air_flow_and_manifold_pressure_agree_by_speed_density(drive: list[Reading]) -> None:
    litres = {vehicle.vehicle_id: vehicle.displacement_l or 0 for vehicle in registry(fleet(40, 1))}
    off = []
    for one in drive:
        if one.ignition_on and one.engine_rpm > 500 and one.manifold_kpa and one.intake_air_c and one.air_flow_gps:
            moles = one.engine_rpm / 120 * one.manifold_kpa * litres[one.vehicle_id] * 0.85
            air = moles / (8.314 * (one.intake_air_c + 273.15)) * 28.97
            off.append(abs(air / one.air_flow_gps - 1))
    assert np.quantile(off, 0.99) < 0.05


def test_fuel_consumption_is_that_of_cars_in_a_city_centre(drive: list[Reading]) -> None:
    last = [readings[-1] for readings in by_trip(drive).values() if readings[-1].trip_distance_m > 2000]
    consumption = [(one.trip_fuel_ml or 0) / one.trip_distance_m * 100 for one in last]
    assert min(consumption) > 4
    assert max(consumption) < 28  # a pickup of 5 litres, a quarter of the time at red lights
    assert 7 < np.median(consumption) < 13


def test_readings_of_one_tick_lie_within_its_interval_in_rising_time() -> None:
    live = a_live_fleet(fleet(50, 1), rate_hz=2)
    for tick in range(30):
        columns, offset_ms, _ = live.tick()
        recorded = columns.values["recorded_at_ms"]
        assert (np.diff(recorded) >= 0).all()
        assert (recorded - offset_ms == START_MS + tick * 500).all()
        assert ((offset_ms >= 0) & (offset_ms < 500)).all()


def test_the_fast_encoding_means_what_the_codec_means() -> None:
    live = a_live_fleet(fleet(40, 1), fault_rate=60)
    rows = ReadingRows(16)
    codes = 0
    for _ in range(90):
        columns: ReadingColumns = live.tick()[0]
        messages = rows.encode(columns)
        codes += len(columns.trouble_codes)
        for row, message in enumerate(messages):
            assert decode_reading(message) == decode_reading(encode(columns.reading(row)))
    assert codes > 0


def alerts_of(live: LiveFleet, ticks: int) -> list[tuple[str, str, str, int]]:
    cars = live.fleet
    known = {vehicle.vehicle_id: vehicle for vehicle in registry(cars)}
    owner = {vin.decode(): int(number) for vin, number in zip(cars.vehicle_id, cars.partition, strict=True)}
    rules = load_rules(default_rules_file())
    folds = {number: PartitionFold(number, rules, registry=known) for number in set(owner.values())}
    alerts = []
    for offset, reading in enumerate(believed(live, ticks)):
        fold = folds[owner[reading.vehicle_id]]
        alerts += fold.advance(reading.recorded_at_ms + 5)
        alerts += fold.fold(reading, offset=offset, received_at_ms=reading.recorded_at_ms + 5)
    return [(alert.vehicle_id, alert.rule, alert.state, alert.raised_at_ms) for alert in alerts]


def test_a_healthy_fleet_raises_no_alert() -> None:
    assert alerts_of(a_live_fleet(fleet(40, 2)), 900) == []


def test_faults_raise_the_rule_that_the_truth_expects_and_nothing_else_falls_ill() -> None:
    live = a_live_fleet(fleet(80, 1), fault_rate=6)
    alerts = alerts_of(live, 400)
    grown = [fault for fault in live.faults.history if fault.started_at_ms < START_MS + 300_000]
    assert len(grown) > 10
    named = {(vehicle, rule) for vehicle, rule, state, _ in alerts if state == "raised"}
    vins = live.fleet.vehicle_id
    missed = [fault.kind for fault in grown if (vins[fault.vehicle].decode(), EXPECTED_RULE[fault.kind]) not in named]
    assert len(missed) <= len(grown) * 0.2, missed
    ill = {vins[fault.vehicle].decode() for fault in live.faults.history}
    assert {vehicle for vehicle, *_ in alerts} <= ill

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from demanding import demanding_stream, many_cars_that_come_and_go, many_cars_with_codes
from disturbed import Record as Arrived
from driving import REGISTERED, RULES, START_MS, VIN, a_reading
from hypothesis import given
from hypothesis import strategies as st

from contracts.alert import Alert
from contracts.codec import decode, encode
from contracts.errors import MalformedReading
from contracts.partitioning import partition_of_key
from contracts.plausibility import believe
from contracts.reading import Reading
from contracts.vehicle_state import VehicleState
from rules import limits
from rules.partition import PartitionFold

PARTITION = partition_of_key(VIN.encode(), 12)


@dataclass
class Record:
    """A record as it came, and when."""

    offset: int
    key: bytes | None
    value: bytes | None
    received_at_ms: int


def _fold() -> PartitionFold:
    return PartitionFold(PARTITION, RULES, registry={VIN: REGISTERED})


def _look(fold: PartitionFold, record: Record) -> list[Alert]:
    try:
        reading, _ = believe(record.value, PARTITION, record.received_at_ms)
    except MalformedReading:
        return []
    return list(fold.fold(reading, record.offset, record.received_at_ms))


def _full_looks(fold: PartitionFold, records: list[Record]) -> list[Alert]:
    alerts: list[Alert] = []
    for record in records:
        alerts += fold.advance(record.received_at_ms)
        alerts += _look(fold, record)
    return alerts


def _by_the_fast_lane(fold: PartitionFold, records: list[Record]) -> list[Alert]:
    alerts: list[Alert] = []
    for record in records:
        alerts += fold.advance(record.received_at_ms)
        for unusual in fold.unusual([record], record.received_at_ms, alerts):
            alerts += _look(fold, unusual)
    return alerts


def _record(offset: int, reading: Reading | bytes, *, key: bytes | None = VIN.encode(), delay_ms: int = 20) -> Record:
    recorded_at_ms = reading.recorded_at_ms if isinstance(reading, Reading) else START_MS
    value = encode(reading) if isinstance(reading, Reading) else reading
    return Record(offset, key, value, recorded_at_ms + delay_ms)


SIGNALS: dict[str, Any] = {
    "coolant_c": st.sampled_from([None, 20.0, 92.0, 110.0, 115.0, 500.0]),
    "battery_v": st.sampled_from([None, 8.0, 11.8, 14.0]),
    "trip_fuel_ml": st.none() | st.integers(0, 300),
    "trip_idle_s": st.sampled_from([None, 0, 3, 10**6]),
    "trip_distance_m": st.integers(0, 4_000) | st.just(10**9),
    "tyre_pressures_kpa": st.sampled_from([None, (230.0,) * 4, (100.0,) * 4]),
    "trouble_codes": st.sampled_from([None, (), ("P0301",), ("X1",)]),
    "ignition_on": st.sampled_from([None, True, False]),
    "speed_kmh": st.sampled_from([0.0, 70.0, 500.0]),
}
readings = st.builds(
    lambda second, trip, signals: a_reading(second, trip=trip, **signals),
    st.integers(0, 90),
    st.sampled_from([0, 0, 0, 60]),
    st.fixed_dictionaries({}, optional=SIGNALS),
)
arrivals = st.tuples(
    readings | st.sampled_from([b"{", b"", b"null"]),
    st.sampled_from([VIN.encode(), VIN.encode(), b"", None]),
    st.sampled_from([20, 20, 20, 5_000, -1_000, 400_000]),
)


@given(st.lists(arrivals, max_size=40))
def test_the_fast_lane_leaves_the_same_states_and_alerts_as_a_full_look_at_every_record(
    arrived: list[tuple[Reading | bytes, bytes | None, int]],
) -> None:
    records = [_record(offset, it, key=key, delay_ms=delay) for offset, (it, key, delay) in enumerate(arrived)]
    full, fast = _fold(), _fold()
    assert _by_the_fast_lane(fast, records) == _full_looks(full, records)
    assert _written(fast) == _written(full)
    assert fast.states == full.states


@given(st.lists(readings, min_size=2, max_size=30), st.integers(0, 30))
def test_a_state_written_on_the_way_is_the_same_by_the_fast_lane(arrived: list[Reading], at: int) -> None:
    in_order = sorted(arrived, key=lambda reading: (reading.trip_started_at_ms, reading.sequence))
    records = [_record(offset, reading) for offset, reading in enumerate(in_order)]
    full, fast = _fold(), _fold()
    for part in (records[:at], records[at:]):
        assert _by_the_fast_lane(fast, part) == _full_looks(full, part)
        assert _written(fast) == _written(full)


def _written(fold: PartitionFold) -> list[tuple[bytes, VehicleState]]:
    return [(key, decode(value, VehicleState)) for key, value in fold.drain(1_000)]


def test_healthy_readings_of_a_known_vehicle_pass() -> None:
    fold = _fold()
    _by_the_fast_lane(fold, [_record(second, a_reading(second)) for second in range(60)])
    assert fold.passed == 59  # met at the first


def test_a_trend_of_healthy_readings_is_raised_and_cleared_by_the_fast_lane_as_by_full_looks() -> None:
    risen_c = [min(104.0, 88.0 + second / 9) if second < 900 else 97.0 for second in range(1_800)]
    records = [_record(second, a_reading(second, coolant_c=round(c, 1))) for second, c in enumerate(risen_c)]
    full, fast = _fold(), _fold()
    alerts = _by_the_fast_lane(fast, records)
    assert [(alert.rule, alert.state) for alert in alerts] == [
        ("coolant_rising", "raised"),
        ("coolant_rising", "cleared"),
    ]
    assert alerts == _full_looks(full, records)
    assert _written(fast) == _written(full)
    assert fast.passed > 1_000


def test_a_cold_engines_readings_pass_but_for_the_first() -> None:
    fold = _fold()
    _by_the_fast_lane(fold, [_record(second, a_reading(second, coolant_c=20.0)) for second in range(30)])
    assert fold.passed == 28


def test_readings_whose_key_is_not_the_vin_count_all_the_same() -> None:
    fold = _fold()
    _by_the_fast_lane(fold, [_record(second, a_reading(second), key=b"no VIN") for second in range(30)])
    assert fold.passed == 0
    assert fold.states[VIN].offset == 29


def test_a_reading_under_another_vehicles_key_counts_for_the_vehicle_it_names() -> None:
    fold = _fold()
    _by_the_fast_lane(fold, [_record(0, a_reading(0))])
    others = (f"1HGCM82633A0099{number:02}" for number in range(99))
    stranger = next(vin for vin in others if partition_of_key(vin.encode(), 12) == PARTITION)
    reading = a_reading(1)
    reading.vehicle_id = stranger
    _by_the_fast_lane(fold, [_record(1, reading)])
    assert {vin: state.offset for vin, state in fold.states.items()} == {VIN: 0, stranger: 1}


def test_fields_that_nobody_knows_are_written_as_they_came_and_read_by_nobody() -> None:
    fold = _fold()
    _by_the_fast_lane(fold, [_record(0, a_reading(0))])
    value = encode(a_reading(1)).replace(b"{", b'{ "seat_c": 21.5, ', 1)
    _by_the_fast_lane(fold, [_record(1, value, delay_ms=1_020)])
    assert fold.passed == 1
    ((_, written),) = fold.drain(1)
    assert b"seat_c" in written
    assert decode(written, VehicleState).newest == a_reading(1)


@pytest.mark.parametrize("seed", [71, 72, 73])
def test_the_fast_lane_sets_the_same_cars_apart_and_watches_the_same_new_ones(seed: int) -> None:
    few = replace(RULES, new_vehicles_an_hour=7)
    records = _keyed(demanding_stream(seed))
    full, fast = (PartitionFold(PARTITION, few, registry={}) for _ in range(2))
    assert _by_the_fast_lane(fast, records) == _full_looks(full, records)
    assert fast.states == full.states
    assert fast.mark(0) == full.mark(0)


def test_the_fast_lane_makes_the_same_codes_wait() -> None:
    records = _keyed(many_cars_with_codes(93))
    full, fast = _fold(), _fold()
    assert _by_the_fast_lane(fast, records) == _full_looks(full, records)
    assert (fast.states, fast.mark(0)) == (full.states, full.mark(0))
    assert fast.judge.codes_waiting == full.judge.codes_waiting > 0
    assert fast.passed > 100


def test_the_fast_lane_sets_the_same_cars_apart_where_many_have_taken_more_than_the_partitions_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "SHARED_WORK_US", 100_000)
    monkeypatch.setattr(limits, "SMALL_WORK_US", 10_000)
    records = _keyed(many_cars_that_come_and_go(98))
    full, fast = _fold(), _fold()
    alerts = _by_the_fast_lane(fast, records)
    assert alerts == _full_looks(full, records)
    assert (fast.states, fast.mark(0)) == (full.states, full.mark(0))
    assert limits.SET_APART.name in {alert.rule for alert in alerts}


def _keyed(records: list[Arrived]) -> list[Record]:
    return [
        Record(each.offset, decode(each.value, Reading).vehicle_id.encode(), each.value, each.received_at_ms)
        for each in records
    ]

from __future__ import annotations

import pytest
from driving import VIN, a_reading, a_reading_with

from contracts.codec import encode
from contracts.errors import MalformedReading
from contracts.partitioning import partition_of_key
from contracts.plausibility import SIGNAL_RANGES, believe
from contracts.reading import Reading

PARTITION = partition_of_key(VIN.encode(), 12)
DAY_MS = 86_400_000


def believed(reading: Reading, *, partition: int = PARTITION, delay_ms: int = 50) -> tuple[Reading, tuple[str, ...]]:
    return believe(encode(reading), partition=partition, received_at_ms=reading.recorded_at_ms + delay_ms)


def reason(reading: Reading, *, partition: int = PARTITION, delay_ms: int = 50) -> str:
    with pytest.raises(MalformedReading) as raised:
        believed(reading, partition=partition, delay_ms=delay_ms)
    assert raised.value.detail
    return raised.value.reason


def test_a_healthy_reading_is_believed_whole() -> None:
    reading = a_reading(10)
    assert believed(reading) == (reading, ())


@pytest.mark.parametrize("vin", ["", "1HGCM82633A00435O", "1HGCM82633A0043", "1hgcm82633a004352", "1HGCM82633A00435\n"])
def test_what_is_no_vin_is_rejected(vin: str) -> None:
    assert reason(a_reading(vehicle_id=vin)) == "bad_vin"


def test_a_key_that_does_not_fit_its_partition_is_rejected() -> None:
    assert reason(a_reading(), partition=(PARTITION + 1) % 12) == "wrong_partition"


def test_clocks_may_be_five_minutes_ahead_and_35_days_behind() -> None:
    reading = a_reading(10)
    assert believed(reading, delay_ms=-300_000)[1] == ()
    assert reason(reading, delay_ms=-300_001) == "clock_ahead"
    assert believed(reading, delay_ms=35 * DAY_MS)[1] == ()
    assert reason(reading, delay_ms=35 * DAY_MS + 1) == "clock_behind"


def test_a_trip_begins_before_its_readings_and_at_most_seven_days() -> None:
    reading = a_reading(10)
    reading.trip_started_at_ms = reading.recorded_at_ms + 1
    assert reason(reading) == "trip_times"
    reading.trip_started_at_ms = reading.recorded_at_ms - 7 * DAY_MS - 1
    assert reason(reading) == "trip_times"


@pytest.mark.parametrize(
    ("field", "most", "expected"),
    [
        ("trip_distance_m", 90 * 10 + 1_000, "implausible_distance"),
        ("trip_fuel_ml", 30 * 10 + 100, "implausible_fuel"),
        ("trip_idle_s", 10 + 1, "implausible_idle"),
    ],
)
def test_a_counter_grows_no_faster_than_a_car_can(field: str, most: int, expected: str) -> None:
    assert believed(a_reading_with(field, most))[1] == ()
    assert reason(a_reading_with(field, most + 1)) == expected


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("speed_kmh", 400.1, "implausible_speed"),
        ("speed_kmh", -0.1, "implausible_speed"),
        ("engine_rpm", 20_001.0, "implausible_rpm"),
        ("trip_distance_m", 10**12, "implausible_distance"),
    ],
)
def test_what_no_car_does_is_rejected(field: str, value: float, expected: str) -> None:
    assert reason(a_reading_with(field, value)) == expected


@pytest.mark.parametrize("signal", sorted(SIGNAL_RANGES))
def test_a_signal_out_of_its_range_is_ignored_alone(signal: str) -> None:
    low, high = SIGNAL_RANGES[signal]
    for inside in (low, high):
        reading = a_reading_with(signal, float(inside))
        assert believed(reading) == (reading, ())
    for outside in (low - 0.5, high + 0.5):
        reading, ignored = believed(a_reading_with(signal, outside))
        assert getattr(reading, signal) is None
        assert ignored == (signal,)
        assert reading.tyre_pressures_kpa is not None


def test_one_impossible_tyre_drops_the_four() -> None:
    reading, ignored = believed(a_reading(10, tyre_pressures_kpa=(230.0, 230.0, -1.0, 230.0)))
    assert (reading.tyre_pressures_kpa, ignored) == (None, ("tyre_pressures_kpa",))


def test_an_impossible_trouble_code_is_dropped_alone() -> None:
    reading, ignored = believed(a_reading(10, trouble_codes=("P0301", "X9999", "P4000")))
    assert (reading.trouble_codes, ignored) == (("P0301",), ("trouble_codes",))


def test_more_than_64_trouble_codes_drop_the_list() -> None:
    reading, ignored = believed(a_reading(10, trouble_codes=("P0301",) * 65))
    assert (reading.trouble_codes, ignored) == (None, ("trouble_codes",))

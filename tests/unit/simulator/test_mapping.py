from __future__ import annotations

from pathlib import Path

import pytest
from project_docs import code_spans

from contracts.codec import encode
from contracts.errors import InvalidInput
from contracts.partitioning import partition_of_key
from contracts.plausibility import believe
from contracts.reading import Reading
from contracts.topics import READING_PARTITIONS
from simulator.replay.mapping import CLOCK_KINDS, ClockKind
from simulator.replay.mapping_file import read_mapping
from simulator.replay.recorded_clock import told_s
from simulator.replay.recorded_trip import RecordedTrip, recorded_trip
from simulator.replay.recording import read_recording
from simulator.replay.replaying import first_start_ms
from simulator.replay.units import QUANTITIES, UNITS, conversion, units_of

EXAMPLES = Path(__file__).parents[3] / "docs/examples"
VIN = "0CC00010N00000001"
START_MS = 1_790_000_000_000
A_MAPPING = """\
[clock]
column = "t"
kind = "seconds"

[signals]
speed_kmh = { column = "v", unit = "m/s" }
engine_rpm = { column = "n", unit = "rpm" }
"""


def a_mapping(folder: Path, text: str = A_MAPPING) -> Path:
    file = folder / "logger.toml"
    file.write_text(text, encoding="utf-8")
    return file


def trip_of(folder: Path, csv: str, mapping: str = A_MAPPING) -> RecordedTrip:
    file = folder / "drive.csv"
    file.write_text(csv, encoding="utf-8")
    read = read_mapping(a_mapping(folder, mapping))
    return recorded_trip(read_recording(file, read), read, vehicle_id=VIN, started_at_ms=START_MS)


@pytest.mark.parametrize(
    ("field", "unit", "given", "ours"),
    [
        ("speed_kmh", "mph", 60, 96.56),
        ("speed_kmh", "m/s", 10, 36),
        ("coolant_c", "°F", 212, 100),
        ("coolant_c", "F", 32, 0),
        ("coolant_c", "K", 373.15, 100),
        ("oil_pressure_kpa", "psi", 30, 206.84),
        ("manifold_kpa", "inHg", 29.92, 101.32),
        ("trip_fuel_ml", "gallons", 1, 3785.41),
        ("fuel_rate_mlps", "gallons/h", 1, 1.0515),
        ("fuel_rate_mlps", "l/h", 3.6, 1),
        ("trip_distance_m", "miles", 1, 1609.34),
        ("altitude_m", "feet", 5280, 1609.34),
        ("acceleration_mps2", "g", -0.5, -4.903),
        ("engine_load_pct", "0..255", 255, 100),
        ("air_flow_gps", "lb/min", 1, 7.5599),
        ("battery_v", "mV", 13_800, 13.8),
    ],
)
def test_a_value_in_a_loggers_unit_becomes_the_contracts(field: str, unit: str, given: float, ours: float) -> None:
    converted = conversion(field, unit)
    assert converted is not None
    assert given * converted.factor + converted.offset == pytest.approx(ours, rel=1e-3)


def test_every_field_has_units_and_the_contracts_own_is_the_first() -> None:
    for field in QUANTITIES:
        assert conversion(field, units_of(field)[0]) == (1, 0)
    assert set(QUANTITIES.values()) == set(UNITS)


@pytest.mark.parametrize(
    ("kind", "cells"),
    [
        ("seconds", ("12.5", "14")),
        ("epoch_s", ("1790000000.5", "1790000002")),
        ("epoch_ms", ("1790000000500", "1790000002000")),
        ("iso8601", ("2026-09-21T13:33:20.500Z", "2026-09-21 13:33:22")),
    ],
)
def test_every_clock_tells_seconds(kind: ClockKind, cells: tuple[str, str]) -> None:
    assert told_s(kind, cells[1]) - told_s(kind, cells[0]) == pytest.approx(1.5)


def test_rows_at_a_rate_need_no_clock_column(tmp_path: Path) -> None:
    mapping = A_MAPPING.replace('column = "t"\nkind = "seconds"', 'kind = "rows"\nrate_hz = 10')
    trip = trip_of(tmp_path, "v,n\n" + "10,2000\n" * 101, mapping)
    assert [reading.recorded_at_ms - START_MS for reading in trip.readings[:3]] == [0, 100, 200]
    assert trip.distance_m == 100


def test_an_empty_cell_is_an_absent_signal_but_speed_and_engine_speed_are_held(tmp_path: Path) -> None:
    mapping = A_MAPPING + 'coolant_c = { column = "c", unit = "°C" }\n'
    trip = trip_of(tmp_path, "t,v,n,c\n0,10,,90\n1,,2000,\n2,20,,91\n", mapping)
    told = [(reading.speed_kmh, reading.engine_rpm, reading.coolant_c) for reading in trip.readings[:-1]]
    assert told == [(36, 2000, None), (72, 2000, 91)]


def test_a_recordings_own_counters_are_taken_from_their_first_value(tmp_path: Path) -> None:
    mapping = (
        A_MAPPING + 'trip_distance_m = { column = "d", unit = "km" }\ntrip_fuel_ml = { column = "f", unit = "l" }\n'
    )
    trip = trip_of(tmp_path, "t,v,n,d,f\n0,10,900,100.0,5.0\n1,10,900,,5.1\n2,10,900,102.5,5.25\n", mapping)
    assert [(reading.trip_distance_m, reading.trip_fuel_ml) for reading in trip.readings] == [
        (0, 0), (0, 100), (2500, 250), (2500, 250),
    ]  # fmt: skip


def test_a_counter_that_falls_is_refused_with_its_line(tmp_path: Path) -> None:
    mapping = A_MAPPING + 'trip_distance_m = { column = "d", unit = "m" }\n'
    with pytest.raises(InvalidInput, match=r"drive\.csv, line 4: the counter trip_distance_m falls; leave it out"):
        trip_of(tmp_path, "t,v,n,d\n0,10,900,5\n1,10,900,9\n2,10,900,8\n", mapping)


def test_measured_air_gives_the_fuel_and_without_air_no_fuel_is_told(tmp_path: Path) -> None:
    mapping = A_MAPPING + 'air_flow_gps = { column = "maf", unit = "g/s" }\n'
    rows = "".join(f"{second},10,2000,14.7\n" for second in range(101))
    assert trip_of(tmp_path, "t,v,n,maf\n" + rows, mapping).fuel_ml == pytest.approx(1000 / 7.45, abs=1)
    without = trip_of(tmp_path, "t,v,n,maf\n" + rows)
    assert (without.fuel_ml, without.litres_per_100km) == (None, None)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("[clock]", "[clok]"), r"logger\.toml:1: clok is no section; there are file, clock, signals, fuel, vehicle"),
        (('"m/s"', '"furlong"'), r"logger\.toml:6: speed_kmh has the unknown unit 'furlong'; there are km/h, mph, m/s"),
        (("engine_rpm", "engine_rmp"), r"logger\.toml:5: signals lack engine_rpm; every reading needs speed_kmh"),
        (
            ("[signals]", '[signals]\nspeed = { column = "v", unit = "mph" }'),
            r":6: speed is no field of a reading; the",
        ),
        (
            ('{ column = "v", unit = "m/s" }', '"v"'),
            r":6: speed_kmh needs a column and a unit; write it as speed_kmh =",
        ),
        (('"seconds"', '"sundial"'), r":3: clock kind 'sundial' is unknown; there are epoch_s, epoch_ms, iso8601, sec"),
        (('column = "t"\n', ""), r':1: a clock of kind "seconds" needs the name of its column'),
        (('"seconds"', '"rows"'), r':3: a clock of kind "rows" needs rate_hz'),
        (('"seconds"', '"rows"\nrate_hz = 0'), r":4: rate_hz is 0, not a number above 0"),
        (("[clock]", "[clock]\nspeed = 3"), r":2: clock has no speed; there are column, kind, rate_hz, row_s"),
        (("[clock]", "[clock"), r"logger\.toml:1: no TOML"),
        (("[clock]", '[file]\nseparator = "tab"\n[clock]'), r":2: separator 'tab' is not one character"),
        (("[clock]", '[file]\nabsent = "x"\n[clock]'), r":2: absent is a list of texts"),
        (("[clock]", '[vehicle]\nvehicle_id = "x"\n[clock]'), r":2: vehicle_id has 17 of"),
        (("[clock]", '[vehicle]\nvin = "x"\n[clock]'), r":2: vehicle has no vin; there are vehicle_id, make"),
        (("[clock]", f'[vehicle]\nvehicle_id = "{VIN}"\nyear = "x"\n[clock]'), r":3: year: Expected `int`"),
        (("[clock]", "[fuel]\nstoichiometric = -1\n[clock]"), r":2: stoichiometric is -1, not a number above 0"),
    ],
)
def test_a_mistake_in_a_mapping_is_told_by_file_line_and_remedy(
    tmp_path: Path, change: tuple[str, str], complaint: str
) -> None:
    with pytest.raises(InvalidInput, match=complaint) as told:
        read_mapping(a_mapping(tmp_path, A_MAPPING.replace(*change)))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("csv", "complaint"),
    [
        ("t,w,n\n0,1,2\n", r"drive\.csv, line 1: no column 'v', which .*logger\.toml:6 names; there are 't', 'w', 'n'"),
        (
            "t,v,n\n0,1,2\nnoon,1,2\n2,1,2\n",
            r"line 3: the clock t says 'noon', which is no seconds \(.*logger\.toml:3\)",
        ),
        (
            "t,v,n\n0,1,2\n1,-,2\n2,1,2\n",
            r"line 3: v for speed_kmh says '-', which is no number; if it stands for none,",
        ),
        ("t,v,n\n0,1,2\n0.0001,1,2\n0.0002,1,2\n", r"line 3: rows would lie 0.0001 s apart: is the clock's"),
        ("t,v,n\n0,1,2\n100,1,2\n200,1,2\n", r"line 3: rows would lie 100 s apart: is the clock's kind right in .*:3"),
        ("t,v,n\n0,,2\n1,,2\n", r"line 1: no rows with speed and engine speed"),
    ],
)
def test_a_mistake_in_a_recording_is_told_by_file_line_and_remedy(tmp_path: Path, csv: str, complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        trip_of(tmp_path, csv)


def test_the_example_of_a_10_hz_logger_is_a_believable_trip() -> None:
    mapping = read_mapping(EXAMPLES / "obd-logger-10hz.toml")
    assert mapping.vehicle is not None
    recording = read_recording(EXAMPLES / "obd-logger-10hz.csv", mapping)
    trip = recorded_trip(recording, mapping, vehicle_id=mapping.vehicle.vehicle_id, started_at_ms=START_MS)
    assert (len(recording), recording.elapsed_s[-1]) == (450, pytest.approx(44.9))
    assert 300 < trip.distance_m < 700
    assert trip.litres_per_100km is not None
    assert 4 < trip.litres_per_100km < 15
    assert 3 <= (trip.readings[-1].trip_idle_s or 0) <= 5
    assert all(_is_believed(reading) for reading in trip.readings)
    coolant = [reading.coolant_c for reading in trip.readings if reading.coolant_c is not None]
    assert len(coolant) == 45
    assert all(85 < value < 92 for value in coolant)


def _is_believed(reading: Reading) -> bool:
    partition = partition_of_key(reading.vehicle_id.encode(), READING_PARTITIONS)
    return believe(encode(reading), partition=partition, received_at_ms=START_MS + 60_000)[1] == ()


def test_no_reading_is_sent_before_its_time() -> None:
    lengths_ms, now_ms = [60_000, 30_000], 10_000_000
    assert first_start_ms(lengths_ms, now_ms=now_ms, speed=0) == now_ms - 60_000 - 30_000 - 2 * 600_000
    assert first_start_ms([60_000], now_ms=now_ms, speed=1) == now_ms
    assert first_start_ms([60_000], now_ms=now_ms, speed=10) == now_ms - 54_000
    assert first_start_ms([60_000], now_ms=now_ms, speed=0.5) == now_ms
    for speed in (0.5, 1, 10):
        start_ms = first_start_ms(lengths_ms, now_ms=now_ms, speed=speed)
        assert start_ms + 60_000 <= now_ms + 60_000 / speed
        assert start_ms + 690_000 <= now_ms + 90_000 / speed


def test_every_kind_of_clock_and_every_unit_is_documented() -> None:
    page = (EXAMPLES.parent / "replay.md").read_text(encoding="utf-8")
    spans = set(code_spans(page))
    assert [kind for kind in CLOCK_KINDS if kind not in spans] == []
    assert [field for field in QUANTITIES if field not in spans] == []
    assert [unit for units in UNITS.values() for unit in units if unit not in spans] == []

"""The 31 recordings of a real, healthy car, against every rule in force."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.alert import Alert
from contracts.errors import InvalidInput
from contracts.reading import Reading
from rules import default_rules_file, load_rules
from rules.partition import PartitionFold
from simulator.replay.mapping_file import CAROBD, read_mapping
from simulator.replay.recorded_trip import RecordedTrip, parse_override, recorded_trip
from simulator.replay.recording import read_recording

START_MS = 1_790_000_000_000
TRUNCATED = {"idle1.csv", "ufpe4.csv"}
MAPPING = read_mapping(CAROBD)
assert MAPPING.vehicle is not None
CAR = MAPPING.vehicle


@pytest.fixture(scope="module")
def trips(shared: Path) -> dict[str, RecordedTrip]:
    files = sorted(file for file in (shared / "data/obd/carobd").glob("*.csv") if file.name != "live6.csv")
    return {
        file.name: recorded_trip(
            read_recording(file, MAPPING), MAPPING, vehicle_id=CAR.vehicle_id, started_at_ms=START_MS + 10_000_000 * at
        )
        for at, file in enumerate(files)
    }


def alerts_of(readings: list[Reading]) -> list[Alert]:
    fold = PartitionFold(0, load_rules(default_rules_file()), registry={CAR.vehicle_id: CAR})
    alerts = []
    for offset, reading in enumerate(readings):
        received_at_ms = reading.recorded_at_ms + 200
        alerts += fold.advance(received_at_ms)
        alerts += fold.fold(reading, offset=offset, received_at_ms=received_at_ms)
    return alerts


def test_the_healthy_car_raises_no_alert(trips: dict[str, RecordedTrip]) -> None:
    assert len(trips) == 30
    assert alerts_of([reading for trip in trips.values() for reading in trip.readings]) == []


def test_the_file_with_24_fields_against_27_names_is_refused(shared: Path) -> None:
    with pytest.raises(InvalidInput, match=r"live6\.csv, line 2: 24 fields where the header names 27"):
        read_recording(shared / "data/obd/carobd/live6.csv", MAPPING)


def test_two_recordings_end_in_a_truncated_row(trips: dict[str, RecordedTrip]) -> None:
    assert {name for name, trip in trips.items() if trip.recording.truncated_rows} == TRUNCATED


def test_fuel_and_distance_are_physically_sensible(trips: dict[str, RecordedTrip]) -> None:
    for name, trip in trips.items():
        if name.startswith("idle"):
            assert trip.distance_m == 0
            assert trip.fuel_ml is not None
            assert 0.5 < trip.fuel_ml / 1000 / trip.duration_s * 3600 < 1.5  # litres an hour
        else:
            assert trip.litres_per_100km is not None
            assert 4 < trip.litres_per_100km < 12, name


def test_coolant_raised_to_112_for_10_s_gives_exactly_one_episode(trips: dict[str, RecordedTrip]) -> None:
    recording = trips["drive1.csv"].recording
    hot = parse_override("coolant_c=112@120s+10s", MAPPING)
    alerts = alerts_of(
        recorded_trip(recording, MAPPING, vehicle_id=CAR.vehicle_id, started_at_ms=START_MS, overrides=[hot]).readings
    )
    assert [(alert.trouble_code, alert.state) for alert in alerts] == [("P0217", "raised"), ("P0217", "cleared")]
    assert len({alert.alert_id for alert in alerts}) == 1
    assert 125_000 <= alerts[0].raised_at_ms - START_MS <= 126_000

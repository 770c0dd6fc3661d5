from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from contracts.codec import encode
from contracts.errors import InvalidInput
from contracts.partitioning import partition_of_key
from contracts.plausibility import believe
from contracts.topics import READING_PARTITIONS
from simulator.replay.mapping_file import CAROBD, read_mapping
from simulator.replay.recorded_clock import elapsed
from simulator.replay.recorded_trip import Override, integrated, parse_override, recorded_trip
from simulator.replay.recording import read_recording

MAPPING = read_mapping(CAROBD)
assert MAPPING.vehicle is not None
VIN = MAPPING.vehicle.vehicle_id
CLOCK = "ENGINE_RUN_TINE"
ROW = {
    "ENGINE_RPM": 2000,
    "VEHICLE_SPEED": 36,
    "ENGINE_LOAD": 40,
    "THROTTLE": 18,
    "INTAKE_MANIFOLD_PRESSURE": 50,
    "INTAKE_AIR_TEMP": 40,
    "COOLANT_TEMPERATURE": 90,
    "CONTROL_MODULE_VOLTAGE": 13.9,
    "FUEL_TANK": 60,
    "SHORT_TERM_FUEL_TRIM_BANK_1": 0,
    "LONG_TERM_FUEL_TRIM_BANK_1": 0,
    "FUEL_AIR_COMMANDED_EQUIV_RATIO": 0,
}
START_MS = 1_790_000_000_000


def a_row(clock: int, **changes: float) -> str:
    return ",".join(str(value) for value in ({CLOCK: clock} | ROW | changes).values())


def a_file(folder: Path, rows: list[str], *, header: str | None = None) -> Path:
    file = folder / "drive.csv"
    names = ",".join(f"{name} ()" for name in (CLOCK, *ROW)) if header is None else header
    file.write_text("\n".join([names, *rows]) + "\n", encoding="utf-8")
    return file


def test_a_surplus_comma_shifts_no_column(tmp_path: Path) -> None:
    plain = read_recording(a_file(tmp_path, [a_row(second) for second in range(5)]), MAPPING)
    surplus = read_recording(a_file(tmp_path, [a_row(second) + "," for second in range(5)]), MAPPING)
    assert all((plain.columns[name] == surplus.columns[name]).all() for name in MAPPING.signals)
    assert surplus.columns["engine_rpm"][0] == 2000


def test_too_few_fields_are_refused_with_file_line_and_reason(tmp_path: Path) -> None:
    rows = [a_row(0), a_row(1).rsplit(",", 3)[0], a_row(2)]
    with pytest.raises(InvalidInput, match=r"drive\.csv, line 3: 10 fields where the header names 13"):
        read_recording(a_file(tmp_path, rows), MAPPING)


def test_a_cut_off_last_row_is_skipped_and_counted(tmp_path: Path) -> None:
    recording = read_recording(a_file(tmp_path, [a_row(0), a_row(1), a_row(2)[:20]]), MAPPING)
    assert (len(recording), recording.truncated_rows) == (2, 1)


@pytest.mark.parametrize(
    ("rows", "header", "reason"),
    [
        (
            ["1,2,3"],
            "a,b,c",
            r"line 1: no column 'ENGINE_RUN_TINE \(\)', which .*carobd\.toml:\d+ names; there are 'a'",
        ),
        ([], None, "line 1: no rows"),
        (
            [a_row(0), a_row(1, ENGINE_RPM=float("nan")), a_row(2)],
            None,
            "line 3: ENGINE_RPM .* says 'nan', which is no",
        ),
        ([a_row(0), a_row(9), a_row(3)], None, "line 4: the clock ENGINE_RUN_TINE .* runs backwards"),
        ([a_row(0).replace("2000", "fast"), a_row(1)], None, r"line 2: ENGINE_RPM \(\) for engine_rpm says 'fast'"),
        ([a_row(0), a_row(1, VEHICLE_SPEED=900)], None, r"line 3: speed_kmh would be 900.*unit right in .*toml:\d+\?"),
        ([a_row(0), a_row(1_000_000)], None, "line 3: the clock runs for 11.6 days"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused(
    tmp_path: Path, rows: list[str], header: str | None, reason: str
) -> None:
    with pytest.raises(InvalidInput, match=reason):
        read_recording(a_file(tmp_path, rows, header=header), MAPPING)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"gone\.csv: cannot be read"):
        read_recording(tmp_path / "gone.csv", MAPPING)


def test_rows_of_one_second_are_spread_evenly_until_the_next() -> None:
    assert elapsed(np.array([5.0, 5, 7, 7, 7, 7, 9]), 0.49) == pytest.approx([0, 1, 2, 2.5, 3, 3.5, 4])
    assert elapsed(np.array([5.0, 5, 7, 7, 7, 7, 9])) == pytest.approx([0, 1, 2, 2.5, 3, 3.5, 4])


def test_a_clock_that_is_fine_enough_is_left_as_it_is() -> None:
    assert elapsed(np.array([1.0, 1.1, 1.25, 1.3])) == pytest.approx([0, 0.1, 0.25, 0.3])


def test_rows_before_the_engine_starts_take_their_time() -> None:
    assert elapsed(np.array([0.0] * 10 + [1]), 0.49) == pytest.approx([row * 0.49 for row in range(11)])


def test_a_steady_rate_integrates_to_rate_times_time_and_a_gap_counts_five_seconds() -> None:
    assert integrated(np.full(4, 10.0), np.array([0.0, 1, 2, 100])) == pytest.approx([0, 10, 20, 70])


def test_counters_are_integrals_and_the_trip_ends(tmp_path: Path) -> None:
    recording = read_recording(a_file(tmp_path, [a_row(second) for second in range(101)]), MAPPING)
    trip = recorded_trip(recording, MAPPING, vehicle_id=VIN, started_at_ms=START_MS)
    # 2000/120 * 50 kPa * 1.496 l * 0.85 / (8.314 * 313.15 K) * 28.97 = 11.79 g/s of air; / 13.1 / 0.745 g/ml
    assert trip.readings[100].trip_fuel_ml == pytest.approx(120.8, abs=1.5)
    assert trip.distance_m == 1000
    assert trip.readings[-1].ignition_on is False
    assert [reading.sequence - trip.readings[0].sequence for reading in trip.readings] == list(range(102))
    partition = partition_of_key(VIN.encode(), READING_PARTITIONS)
    for reading in trip.readings:
        believe(encode(reading), partition=partition, received_at_ms=START_MS + 200_000)


def test_a_standing_running_engine_counts_as_idling(tmp_path: Path) -> None:
    rows = [a_row(second, VEHICLE_SPEED=0 if second < 50 else 20) for second in range(101)]
    recording = read_recording(a_file(tmp_path, rows), MAPPING)
    assert recorded_trip(recording, MAPPING, vehicle_id=VIN, started_at_ms=START_MS).readings[-1].trip_idle_s == 49


def test_an_override_changes_its_signal_for_its_span_only(tmp_path: Path) -> None:
    recording = read_recording(a_file(tmp_path, [a_row(second) for second in range(101)]), MAPPING)
    override = parse_override("coolant_c=112@20s+10s", MAPPING)
    assert override == Override("coolant_c", 112, 20, 10)
    readings = recorded_trip(recording, MAPPING, vehicle_id="V", started_at_ms=0, overrides=[override]).readings
    raised = [reading.recorded_at_ms // 1000 for reading in readings if reading.coolant_c == 112]
    assert raised == list(range(20, 31))


@pytest.mark.parametrize(
    "text", ["coolant_c", "coolant_c=112", "coolant_c=hot@1s+2s", "coolant_c=1@2s", "tyres=1@2s+3s"]
)
def test_an_override_in_another_form_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"write it as|is not recorded"):
        parse_override(text, MAPPING)

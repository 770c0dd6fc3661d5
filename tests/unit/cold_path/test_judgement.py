from __future__ import annotations

from typing import Any

import msgspec
import pyarrow as pa
import pytest
from disturbed import Record, disturbed_stream

from cold_path.lake.judgement import LAKE_SCHEMA, judged
from cold_path.lake.sequences import Seen
from contracts.codec import encode
from contracts.errors import MalformedReading
from contracts.partitioning import partition_of_key
from contracts.plausibility import believe
from contracts.reading import Reading
from contracts.rejection import KEPT_BYTES

CAR = "1HGCM82633A004352"
PARTITION = partition_of_key(CAR.encode(), 12)
BEGAN_MS = 1_790_035_199_000
"""One second before midnight UTC, 2026-09-21."""


def a_reading(sequence: int = 0, **signals: Any) -> Reading:
    facts: dict[str, Any] = {
        "vehicle_id": CAR,
        "sequence": sequence,
        "recorded_at_ms": BEGAN_MS + 2_000,
        "trip_started_at_ms": BEGAN_MS,
        "trip_distance_m": 10,
        "speed_kmh": 50.0,
        "engine_rpm": 2_000.0,
    }
    return Reading(**(facts | signals))


def rows_of(*values: bytes | None, received_at_ms: int = BEGAN_MS + 2_000) -> list[dict[str, Any]]:
    records = [Record(PARTITION, offset, received_at_ms, value or b"") for offset, value in enumerate(values)]
    return judge(records)


def judge(records: list[Record], batch_rows: int = 1_000) -> list[dict[str, Any]]:
    columns: list[pa.Array] = [
        pa.array([record.partition for record in records], pa.int32()),
        pa.array([record.offset for record in records], pa.int64()),
        pa.array([record.received_at_ms for record in records], pa.int64()),
        pa.array([record.value for record in records], pa.binary()),
    ]
    batch = pa.RecordBatch.from_arrays(columns, names=["partition", "offset", "received_at_ms", "value"])
    batches = [batch.slice(start, batch_rows) for start in range(0, len(records), batch_rows)]
    found = judged(batches, Seen({}, lambda *_: []))
    return pa.Table.from_batches(list(found), schema=LAKE_SCHEMA).to_pylist()  # type: ignore[no-any-return]


def test_a_good_reading_keeps_every_signal() -> None:
    reading = a_reading(
        trip_fuel_ml=3,
        ignition_on=False,
        oil_level="LOW",
        tyre_pressures_kpa=(230.0, 231.0, 229.5, 230.0),
        trouble_codes=("P0217", "P0524"),
    )
    [row] = rows_of(encode(reading))
    told = {name: row[name] for name in Reading.__struct_fields__}
    assert msgspec.convert(told, Reading) == reading
    assert (row["rejected_reason"], row["repeated"], row["ignored_signals"]) == (None, False, None)


def test_a_reading_belongs_to_the_utc_day_its_trip_began() -> None:
    [row] = rows_of(encode(a_reading()))
    assert row["day"].isoformat() == "2026-09-21"


def test_a_rejected_record_keeps_its_reason_and_bytes_and_the_day_it_was_received() -> None:
    good, bad = rows_of(encode(a_reading()), b"{'single': 'quotes'}")
    assert good["rejected_reason"] is None
    assert (bad["rejected_reason"], bad["rejected_bytes"]) == ("not_json", b"{'single': 'quotes'}")
    assert (bad["vehicle_id"], bad["day"].isoformat()) == (None, "2026-09-22")


def test_only_the_first_64_kib_of_a_rejected_record_are_kept() -> None:
    [row] = rows_of(b"[" * (KEPT_BYTES + 1_000))
    assert (row["rejected_reason"], len(row["rejected_bytes"])) == ("too_large", KEPT_BYTES)


@pytest.mark.parametrize("value", [None, b""])
def test_an_absent_or_empty_value_is_no_json(value: bytes | None) -> None:
    assert rows_of(value)[0]["rejected_reason"] == "not_json"


def test_a_broken_sensor_is_named_and_the_rest_is_kept() -> None:
    [row] = rows_of(encode(a_reading(coolant_c=900.0, oil_c=90.0)))
    assert (row["ignored_signals"], row["coolant_c"], row["oil_c"]) == (["coolant_c"], None, 90.0)


def test_a_reading_that_comes_again_is_marked() -> None:
    value = encode(a_reading(5))
    rows = rows_of(value, encode(a_reading(6)), value)
    assert [row["repeated"] for row in rows] == [False, False, True]


@pytest.mark.parametrize("batch_rows", [1, 7, 10_000])
def test_a_disturbed_stream_is_judged_as_the_contracts_judge_it_however_it_is_cut(batch_rows: int) -> None:
    records = disturbed_stream(3, vehicles=4, trips=2, seconds=40)
    rows = judge(records, batch_rows)
    assert [row["rejected_reason"] for row in rows] == [reason(record) for record in records]
    assert [(row["partition"], row["offset"]) for row in rows] == [(r.partition, r.offset) for r in records]


def reason(record: Record) -> str | None:
    try:
        believe(record.value, partition=record.partition, received_at_ms=record.received_at_ms)
    except MalformedReading as error:
        return error.reason
    return None

"""The cold path killed at random moments of ingest, recomputation and publication."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pyarrow.dataset as pads
import pytest
from cold_path_stage import CAR, Program, Stage, a_reading

from contracts.vehicle import Vehicle
from contracts.views import VIEW_COLUMNS, current_version, read_manifest, version_folder
from stack.broker import Broker

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1800)]
KILLS = 10


def rows(views: Path) -> dict[str, list[str]]:
    number = current_version(views)
    assert number is not None
    folder = version_folder(views, number)
    found = {}
    for view, columns in VIEW_COLUMNS.items():
        if any((folder / view).rglob("*.parquet")):
            table = pads.dataset(folder / view, format="parquet").to_table(columns=list(columns))
            found[view] = sorted(map(str, table.to_pylist()))
    return found


def is_whole(views: Path) -> bool:
    """Tell whether what is served, if anything, has every row that its manifest promises."""
    number = current_version(views)
    if number is None:
        return True
    held = rows(views)
    return all(len(held.get(view, [])) == count for view, count in read_manifest(views, number).row_counts.items())


def send_some(stage: Stage, beginning: int) -> None:
    for number in range(6):
        car = f"{CAR[:-2]}{number:02}"
        trip_ago_s = 600 + 86_400 * (number % 3)
        readings = (
            a_reading(second, car=car, trip_ago_s=trip_ago_s, coolant_c=118.0, battery_v=14.0)
            for second in range(beginning, beginning + 400)
        )
        stage.send(*readings, b"{broken", key=car)


def test_killed_ten_times_no_half_version_is_seen_and_a_rerun_gives_the_same_rows(
    broker: Broker, tmp_path: Path
) -> None:
    rng = random.Random(6)
    stage = Stage(broker.bootstrap, tmp_path / "killed").set_up()
    calm = Stage(broker.bootstrap, tmp_path / "calm", name=stage.name)
    for folder in (stage.folder, calm.folder):
        folder.mkdir()
    stage.register(Vehicle(f"{CAR[:-2]}00", "Honda", "Accord", 2003, "north", 2.0, 1_500.0, 100.0, 2.0, 0.4))
    took_s = 8.0
    for kill in range(KILLS):
        send_some(stage, 400 * kill)
        program = Program(stage, "--every", "1s", "--compact-files", "1")
        began = time.monotonic()
        program.wait_for("session started")
        time.sleep(rng.uniform(0, took_s))
        program.kill()
        took_s = max(took_s, min(20.0, time.monotonic() - began))
        assert is_whole(stage.folder / "views")
        held = [(row["partition"], row["offset"]) for row in stage.lake_rows()] if lake_is_there(stage) else []
        assert len(held) == len(set(held))
    send_some(stage, 400 * KILLS)  # so that the last run has something to tell
    for of in (stage, calm):
        Program(of, "--once").wait_for("run ended", within_s=240)
    assert [(row["partition"], row["offset"]) for row in stage.lake_rows()] == stage.in_kafka()
    assert rows(stage.folder / "views") == rows(calm.folder / "views")


def lake_is_there(stage: Stage) -> bool:
    return (stage.folder / "lake" / "_delta_log").is_dir() and any(
        (stage.folder / "lake" / "_delta_log").glob("*.json")
    )

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from demanding import codes_from, codes_that_come_and_go, new_codes_in_pairs, strangers
from driving import START_MS, VIN, a_reading
from eventually import eventually
from hot_path_drives import drives
from hot_path_stage import Stage

from contracts.alert import Alert
from contracts.codec import decode
from contracts.reading import Reading
from rules.limits import MANY_CODES, SET_APART
from rules.rule import NEW_VEHICLES_AN_HOUR
from stack.broker import Broker


@pytest.fixture
def stage(broker: Broker, tmp_path: Path) -> Iterator[Stage]:
    built = Stage(broker.bootstrap, tmp_path)
    yield built
    built.close()


def lately(readings: Iterable[Reading], *, hours: int = 30) -> Iterator[Reading]:
    """Yield readings as if they had been recorded some hours ago."""
    later_ms = int(time.time() * 1000) - hours * 3_600_000 - START_MS  # noqa: TID251
    for reading in readings:
        reading.recorded_at_ms += later_ms
        reading.trip_started_at_ms += later_ms
        yield reading


def rules_told(stage: Stage, vehicle_id: str) -> set[str]:
    alerts = (decode(record.value, Alert) for record in stage.records(stage.alerts))
    return {alert.rule for alert in alerts if alert.vehicle_id == vehicle_id}


def test_new_codes_without_end_of_one_car_stop_nobody(stage: Stage) -> None:
    worker = stage.start("--standstill", "22")
    stage.send(lately(new_codes_in_pairs(800)))
    stage.send(drives(80, 60))
    stage.wait_committed(within_s=120)
    assert worker.process.poll() is None
    stage.assert_nothing_lost()
    assert MANY_CODES.name in rules_told(stage, VIN)


def test_a_car_that_takes_more_than_its_share_is_set_apart_also_over_a_restart(stage: Stage) -> None:
    first = stage.start("--flush-shortest", "0.3")
    stage.send(lately(codes_that_come_and_go(3_000)), rate=2_000)
    first.kill()
    second = stage.start("--flush-shortest", "0.3")
    stage.send(drives(40, 30))
    stage.wait_committed(within_s=120)
    assert second.process.poll() is None
    stage.assert_nothing_lost()
    assert SET_APART.name in rules_told(stage, VIN)


def invented(vehicles: int) -> Iterator[Reading]:
    for number in range(vehicles):
        reading = a_reading(5, coolant_c=116.0)
        reading.vehicle_id = f"1HGCM82633C{number:06}"
        yield reading


def test_invented_cars_beyond_the_bound_are_not_watched_also_over_a_restart(stage: Stage) -> None:
    first = stage.start("--flush-shortest", "0.3")
    stage.send(lately(invented(7_000)))
    first.kill()
    stage.start()
    stage.send(lately(invented(28_000)))  # more than two hours have room for, should one begin just now
    stage.wait_committed(within_s=120)
    stage.assert_nothing_lost()
    marks = [mark for _, mark in stage.written().values() if mark is not None]
    assert max(mark.new_vehicles for mark in marks) <= NEW_VEHICLES_AN_HOUR
    assert [mark.unwatched for mark in marks] == [fold.unwatched for fold in stage.expected()[0].values()]
    assert sum(mark.unwatched for mark in marks) > 0


def test_codes_of_many_cars_at_once_wait_and_are_the_same_ones_over_a_restart(stage: Stage) -> None:
    vins = strangers(100)
    first = stage.start("--flush-shortest", "0.3")
    stage.send(lately(with_codes(vins, seconds=(0, 2, 4))), rate=200)
    first.kill()
    second = stage.start("--flush-shortest", "0.3")
    stage.send(lately(with_codes(vins, seconds=(6, 8))))
    stage.wait_committed(within_s=120)
    stage.assert_nothing_lost()
    [mark] = [mark for _, mark in stage.written().values() if mark is not None and mark.code_work_us]
    fold = stage.expected()[0][mark.partition]
    assert fold.judge.codes_waiting > 0
    eventually(lambda: "trouble codes wait" in second.log.read_text(encoding="utf-8"), within_s=30)
    assert (mark.code_work_us, mark.work_us, mark.work_at_ms) == (
        fold.judge.work.code_work_us,
        fold.judge.work.work_us,
        fold.judge.work.at_ms,
    )


def test_seconds_of_work_in_one_chunk_hold_up_nobody_and_are_not_begun_anew_after_a_kill(stage: Stage) -> None:
    often = ("--flush-shortest", "0.2", "--chunk-readings", "20000", "--standstill", "22")
    killed = stage.start(*often, breaking=("before_mark", 4))
    costly = with_codes(strangers(100), seconds=range(0, 800, 4), coolant_c=112.0)
    stage.send(lately(costly))
    killed.process.wait(60)
    last = stage.start(*often)
    stage.send(drives(40, 30))
    stage.wait_committed(within_s=120)
    assert last.process.poll() is None
    assert "stands still" not in last.log.read_text(encoding="utf-8")
    stage.assert_nothing_lost()


def with_codes(vins: list[str], *, seconds: Iterable[int], **signals: Any) -> Iterator[Reading]:
    for second in seconds:
        for vin in vins:
            reading = a_reading(second, trouble_codes=codes_from(0), **signals)
            reading.vehicle_id = vin
            yield reading

from __future__ import annotations

import random

from driving import RULES, START_MS, VIN, Drive, a_reading
from hypothesis import given
from hypothesis import strategies as st

from contracts.alert import Alert
from contracts.codec import decode
from contracts.reading import Reading
from contracts.vehicle_state import VehicleState
from rules.partition import PartitionFold
from rules.written import restored


def a_drive_with_two_episodes() -> list[Reading]:
    hot = [a_reading(s, coolant_c=115.0) for s in range(12)]
    cool = [a_reading(s) for s in range(12, 30)]
    flat = [a_reading(s, trip=100, battery_v=10.0) for s in range(12)]
    return [*hot, *cool, *flat, *(a_reading(s, trip=100) for s in range(12, 60))]


@given(st.permutations(range(10)), st.lists(st.integers(0, 9), max_size=10))
def test_totals_do_not_depend_on_order_or_repetition(order: list[int], repeated: list[int]) -> None:
    readings = [a_reading(s, trip=(s // 5) * 60) for s in range(10)]
    straight, shuffled = Drive(), Drive()
    straight.read(*readings)
    shuffled.read(*(readings[at] for at in [*order, *repeated]))
    written = [totals_written(drive) for drive in (straight, shuffled)]
    assert written[0] == written[1]


def totals_written(drive: Drive) -> dict[int, tuple[int, int | None]]:
    ((_, value),) = drive.fold.drain(10)
    return {t.trip_started_at_ms: (t.distance_m, t.fuel_ml) for t in decode(value, VehicleState).trips}


@given(st.integers(0, 86))
def test_a_restart_at_any_reading_tells_the_same_alerts(at: int) -> None:
    readings = a_drive_with_two_episodes()
    undisturbed = Drive()
    undisturbed.read(*readings)
    first = Drive()
    first.read(*readings[:at])
    records = [*first.fold.drain(10), first.fold.mark(at)]
    second = Drive()
    states, mark = restored(records)
    second.fold = PartitionFold(first.partition, RULES, registry=first.fold.registry, states=states, mark=mark)
    again = max(0, at - 7)  # what was read since the last commit comes again
    second.offset = again
    second.read(*readings[again:])
    assert identities(first.alerts + second.alerts) == identities(undisturbed.alerts)
    assert first.alerts + second.alerts == undisturbed.alerts


def identities(alerts: list[Alert]) -> list[tuple[str, int, str]]:
    return [(alert.alert_id, alert.change, alert.state) for alert in alerts]


def test_a_healthy_reading_changes_totals_and_nothing_else() -> None:
    drive = Drive()
    drive.read(a_reading(0), a_reading(1))
    state = drive.fold.states[VIN]
    assert (state.offset, state.episodes, state.silent) == (1, [], None)
    assert state.trips[0].distance_m == 16


def test_older_trips_are_written_once_and_forgotten() -> None:
    drive = Drive()
    drive.read(a_reading(5), a_reading(5, trip=60))
    ((_, value),) = drive.fold.drain(10)
    assert len(decode(value, VehicleState).trips) == 2
    assert len(drive.fold.states[VIN].trips) == 1
    assert drive.fold.states[VIN].trips[0].trip_started_at_ms == START_MS + 60_000


def test_a_late_reading_of_an_older_trip_counts_there() -> None:
    drive = Drive()
    drive.read(a_reading(5), a_reading(5, trip=60))
    drive.fold.drain(10)
    drive.read(a_reading(9))
    ((_, value),) = drive.fold.drain(10)
    assert {t.trip_started_at_ms: t.distance_m for t in decode(value, VehicleState).trips} == {
        START_MS: 144,
        START_MS + 60_000: 80,
    }


def test_restoring_does_not_depend_on_who_wrote_last() -> None:
    drive = Drive()
    drive.read(a_reading(0))
    early = drive.fold.drain(10)
    drive.read(a_reading(5), a_reading(6, coolant_c=115.0))
    late = [*drive.fold.drain(10), drive.fold.mark(3)]
    records = [*early, *late]
    random.Random(1).shuffle(records)
    states, mark = restored(records)
    assert states[VIN].offset == 2
    assert states[VIN].trips[0].distance_m == 96
    assert mark is not None
    assert mark.next_offset == 3


def test_draining_in_slices_gives_every_changed_state_once() -> None:
    drive = Drive()
    vins = [f"1HGCM82633A00{n:04}" for n in range(7)]
    for offset, vin in enumerate(vins):
        reading = a_reading(0)
        reading.vehicle_id = vin
        drive.fold.fold(reading, offset=offset, received_at_ms=START_MS)
    keys = [key for _ in range(4) for key, _ in drive.fold.drain(2)]
    assert keys == [vin.encode() for vin in vins]
    assert not drive.fold.dirty


def test_a_reading_below_the_states_offset_is_skipped() -> None:
    drive = Drive()
    drive.read(a_reading(0), a_reading(1))
    assert drive.fold.fold(a_reading(50), offset=1, received_at_ms=START_MS) == ()
    assert drive.fold.states[VIN].trips[0].distance_m == 16


def test_the_filter_agrees_with_full_evaluation() -> None:
    filtered, full = Drive(), Drive()
    full.fold.judge._is_healthy = lambda _reading, _vehicle: False
    readings = a_drive_with_two_episodes()
    assert filtered.read(*readings) == full.read(*readings)


def test_alerts_are_values() -> None:
    drive = Drive()
    drive.read(*a_drive_with_two_episodes())
    assert len({replace_evidence(alert) for alert in drive.alerts}) == len(drive.alerts) == 4


def replace_evidence(alert: Alert) -> tuple[str, int]:
    return (alert.alert_id, alert.change)

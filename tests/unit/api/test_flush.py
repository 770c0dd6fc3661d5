from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving import NOW_MS, OTHER_VIN, VIN, a_mark, a_state, a_trip

from api.projector.flush import Flush, FlushBuffer
from contracts.vehicle_state import Mark, Sample, Trend, VehicleState

P = 3


def buffer_of(*values: VehicleState | Mark) -> FlushBuffer:
    buffer = FlushBuffer(P)
    add(buffer, *values)
    return buffer


def add(buffer: FlushBuffer, *values: VehicleState | Mark, at: int = 0) -> None:
    for offset, value in enumerate(values, start=at):
        buffer.add(offset, value)


def distances(flush: Flush | None) -> dict[str, int]:
    assert flush is not None
    return {vin: trip.totals.distance_m for (vin, _), trip in flush.trips.items()}


def test_without_a_mark_nothing_is_complete() -> None:
    assert buffer_of(a_state(VIN, a_trip(100, 10), offset=4)).take() is None


def test_a_mark_completes_what_came_before_it_once() -> None:
    buffer = buffer_of(a_state(VIN, a_trip(100, 10), offset=4), a_mark(5, P))
    assert distances(buffer.take()) == {VIN: 100}
    assert buffer.take() is None


def test_states_after_the_mark_wait_for_the_next_and_are_read_again_after_a_crash() -> None:
    buffer = buffer_of(
        a_state(VIN, a_trip(100, 10), offset=4), a_mark(5, P), a_state(OTHER_VIN, a_trip(200, 20), offset=6)
    )
    flush = buffer.take()
    assert distances(flush) == {VIN: 100}
    assert flush is not None
    assert flush.position == 2
    add(buffer, a_mark(7, P), at=3)
    later = buffer.take()
    assert distances(later) == {OTHER_VIN: 200}
    assert later is not None
    assert later.position == 4


def test_a_state_beyond_the_mark_is_held_back() -> None:
    """A worker that died before its mark wrote it; the next worker's mark is lower."""
    buffer = buffer_of(a_state(VIN, a_trip(100, 10), offset=4), a_state(VIN, a_trip(900, 90), offset=9), a_mark(6, P))
    flush = buffer.take()
    assert distances(flush) == {VIN: 100}
    assert flush is not None
    assert flush.position == 1
    add(buffer, a_mark(10, P), at=3)
    assert distances(buffer.take()) == {VIN: 900}


def test_the_mark_names_the_first_offset_that_it_does_not_cover() -> None:
    flush = buffer_of(a_state(VIN, a_trip(100, 10), offset=5), a_mark(5, P)).take()
    assert distances(flush) == {}
    flush = buffer_of(a_state(VIN, a_trip(100, 10), offset=4), a_mark(5, P)).take()
    assert distances(flush) == {VIN: 100}


def test_a_mark_that_comes_late_does_not_take_back_a_newer_one() -> None:
    buffer = buffer_of(a_state(VIN, a_trip(100, 10), offset=7), a_mark(8, P), a_mark(5, P))
    flush = buffer.take()
    assert flush is not None
    assert flush.mark is not None
    assert flush.mark.next_offset == 8


def test_silence_changes_a_state_without_a_reading() -> None:
    heard, silent = (a_state(VIN, a_trip(100, 10), offset=4, received_at_ms=NOW_MS + n) for n in range(2))
    flush = buffer_of(heard, silent, a_mark(5, P)).take()
    assert flush is not None
    assert flush.states[VIN].received_at_ms == NOW_MS + 1


def test_a_record_that_says_nothing_moves_the_position() -> None:
    buffer = FlushBuffer(P)
    buffer.add(0, None)
    buffer.add(1, None)
    add(buffer, a_mark(5, P), at=2)
    flush = buffer.take()
    assert flush is not None
    assert flush.position == 3


@given(st.permutations([(n, 100 * n) for n in range(1, 6)]))
def test_totals_do_not_depend_on_the_order_of_states(order: list[tuple[int, int]]) -> None:
    states = [a_state(VIN, a_trip(distance_m, None), offset=offset) for offset, distance_m in order]
    flush = buffer_of(*states, a_mark(6, P)).take()
    assert distances(flush) == {VIN: 500}
    assert flush is not None
    assert flush.states[VIN].offset == 5


def test_what_waits_for_a_mark_is_bounded_and_totals_come_out_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.projector.flush.MOST_HELD", 6)
    states = [a_state(VIN, a_trip(100 * n, n), a_trip(7, n, started_at_ms=NOW_MS + n), offset=n) for n in range(1, 6)]
    buffer = buffer_of(*states)
    early, later = buffer.take_early()
    assert (early.mark, early.position, later.position, early.partition) == (None, 2, 4, P)
    assert (early.trips[VIN, NOW_MS].totals.distance_m, len(early.trips)) == (200, 3)
    assert (buffer.take_early(), buffer.take()) == ([], None)
    add(buffer, a_mark(6, P), at=5)
    rest = buffer.take()
    assert rest is not None
    assert (buffer.take_early(), rest.position, rest.states[VIN].offset) == ([], 6, 5)


def test_what_only_rules_remember_is_not_held() -> None:
    sample = Sample(NOW_MS, 1, None, None)
    state = a_state(VIN, samples=[sample] * 900, trends=[Trend("t", [(NOW_MS, 1.0)] * 9_000)])
    flush = buffer_of(state, a_mark(11, P)).take()
    assert flush is not None
    held = flush.states[VIN]
    assert (held.samples, held.trends, held.episodes) == ([], [], [])
    assert (held.newest, held.trips) == (state.newest, state.trips)

from __future__ import annotations

import pytest

from hot_path.at_end import NOWHERE, STALE_AFTER_MS, EndWatch, Position, is_at_end

AT_END = Position(10, 10, 1_000, is_all_folded=True)


@pytest.mark.parametrize(
    ("position", "is_end"),
    [
        (AT_END, True),
        (AT_END._replace(is_held_up=True), True),  # the end is the last stable offset, whatever lies behind it
        (AT_END._replace(end=11), False),
        (AT_END._replace(end=-1), False),  # what a broker tells that was not asked for it
        (AT_END._replace(is_all_folded=False), False),
        (AT_END._replace(answered_at_ms=1_000 - STALE_AFTER_MS), False),
        (NOWHERE, False),
    ],
)
def test_the_end_is_where_all_that_the_broker_has_is_folded(position: Position, *, is_end: bool) -> None:
    assert is_at_end(position, 1_000) is is_end


def test_the_end_is_held_since_it_was_reached_and_a_broken_hold_begins_again() -> None:
    watch = EndWatch()
    held = [
        watch.observe(AT_END._replace(end=end, answered_at_ms=now_ms), now_ms, heard_to=10)
        for end, now_ms in ((11, 0), (10, 1_000), (10, 3_000), (11, 4_000), (10, 5_000), (10, 5_500))
    ]
    assert held == [0, 0, 2_000, 0, 0, 500]
    assert watch.was_reached


def test_a_broker_that_does_not_answer_holds_no_end() -> None:
    watch = EndWatch()
    assert [watch.observe(AT_END, now_ms, heard_to=10) for now_ms in (1_000, 3_000, 60_000)] == [0, 2_000, 0]


def test_an_end_that_moves_on_by_a_record_is_held_anew() -> None:
    watch = EndWatch()
    held = [
        watch.observe(Position(end, end, now_ms, is_all_folded=True), now_ms, heard_to=end)
        for end, now_ms in ((10, 0), (10, 2_000), (14, 3_000), (14, 5_000), (20, 200_000))
    ]
    assert held == [0, 2_000, 0, 2_000, 0]


def test_an_end_that_moves_on_by_an_aborted_transaction_is_held_on() -> None:
    watch = EndWatch()
    held = [
        watch.observe(Position(end, end, now_ms, is_all_folded=True), now_ms, heard_to=10)
        for end, now_ms in ((10, 0), (10, 2_000), (14, 3_000), (20, 200_000))
    ]
    assert held == [0, 2_000, 3_000, 200_000]


def _looked(watch: EndWatch, now_ms: int, *, heard_to: int, is_held_up: bool) -> int:
    position = Position(heard_to, heard_to, now_ms, is_all_folded=True, is_held_up=is_held_up)
    return watch.observe(position, now_ms, heard_to=heard_to)


def test_while_a_transaction_is_open_the_hold_stands_and_one_that_brings_nothing_has_not_interrupted_it() -> None:
    watch = EndWatch()
    looks = ((0, False), (2_000, False), (3_000, True), (900_000, True), (901_000, False))
    held = [_looked(watch, now_ms, heard_to=10, is_held_up=is_held_up) for now_ms, is_held_up in looks]
    assert held == [0, 2_000, 2_000, 2_000, 901_000]


def test_records_that_an_open_transaction_has_held_up_begin_a_new_hold() -> None:
    watch = EndWatch()
    looks = ((0, 10, False), (2_000, 10, True), (300_000, 12, True), (301_000, 12, False))
    held = [_looked(watch, now_ms, heard_to=heard, is_held_up=is_held_up) for now_ms, heard, is_held_up in looks]
    assert held == [0, 0, 0, 1_000]

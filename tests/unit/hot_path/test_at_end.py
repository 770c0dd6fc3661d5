from __future__ import annotations

import pytest

from hot_path.at_end import NOWHERE, STALE_AFTER_MS, EndWatch, Position, is_at_end

AT_END = Position(10, 10, 1_000, is_all_folded=True)


@pytest.mark.parametrize(
    ("position", "is_end"),
    [
        (AT_END, True),
        (AT_END._replace(end=11), False),
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
        watch.observe(AT_END._replace(end=end, answered_at_ms=now_ms), now_ms)
        for end, now_ms in ((11, 0), (10, 1_000), (10, 3_000), (11, 4_000), (10, 5_000), (10, 5_500))
    ]
    assert held == [0, 0, 2_000, 0, 0, 500]
    assert watch.was_reached


def test_a_broker_that_does_not_answer_holds_no_end() -> None:
    watch = EndWatch()
    assert [watch.observe(AT_END, now_ms) for now_ms in (1_000, 3_000, 60_000)] == [0, 2_000, 0]


def test_an_end_that_moves_on_is_held_anew() -> None:
    watch = EndWatch()
    held = [
        watch.observe(Position(end, end, now_ms, is_all_folded=True), now_ms)
        for end, now_ms in ((10, 0), (10, 2_000), (14, 3_000), (14, 5_000), (20, 200_000))
    ]
    assert held == [0, 2_000, 0, 2_000, 0]

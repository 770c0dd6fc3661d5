from __future__ import annotations

from simulator.transport.waiting import Waiting


def test_a_second_in_which_two_wait_counts_once() -> None:
    now_s = [0.0]
    waiting = Waiting(lambda: now_s[0])
    with waiting.one():
        now_s[0] = 2
        with waiting.one():
            now_s[0] = 5
        assert waiting.is_going_on
    now_s[0] = 9
    with waiting.one():
        now_s[0] = 10
    assert waiting.total_s == 6
    assert not waiting.is_going_on

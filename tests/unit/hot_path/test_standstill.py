from __future__ import annotations

from collections.abc import Callable
from functools import partial

from hot_path.standstill import Offsets, Progress, StandstillWatch


def _observed(watch: StandstillWatch, now_s: float, committed: int | None, end: int) -> float | None:
    return watch.observe({3: Offsets(committed, end)}, now_s).get(3)


def _seen_every_second(watch: StandstillWatch, seconds: int, committed: int | None, end: int) -> float | None:
    return [_observed(watch, now_s, committed, end) for now_s in range(seconds + 1)][-1]


def test_a_partition_whose_committed_offset_stays_behind_the_end_stands_still() -> None:
    assert _seen_every_second(StandstillWatch(), 31, 10, 20) == 31


def test_a_partition_of_which_nothing_was_ever_committed_stands_still_too() -> None:
    assert _seen_every_second(StandstillWatch(), 31, None, 20) == 31


def test_a_partition_at_its_end_never_stands_still() -> None:
    assert _seen_every_second(StandstillWatch(), 31, 20, 20) is None


def test_an_empty_partition_never_stands_still() -> None:
    assert _seen_every_second(StandstillWatch(), 31, None, 0) is None


def test_any_commit_begins_the_count_anew() -> None:
    watch = StandstillWatch()
    assert _seen_every_second(watch, 29, 10, 20) == 29
    assert _observed(watch, 30, 11, 20) == 0


def test_readings_that_go_on_arriving_do_not_hide_a_standstill() -> None:
    watch = StandstillWatch()
    assert [_observed(watch, second, 10, 20 + second) for second in range(4)] == [0, 1, 2, 3]


def test_a_partition_given_away_and_back_is_counted_anew() -> None:
    watch = StandstillWatch()
    _seen_every_second(watch, 20, 10, 20)
    watch.observe({}, 21)
    assert _observed(watch, 22, 10, 20) == 0


def test_a_worker_that_was_stopped_for_a_minute_is_not_taken_for_one_that_stands_still() -> None:
    watch = StandstillWatch()
    _seen_every_second(watch, 20, 10, 20)
    assert _observed(watch, 80, 10, 20) == 0


def _doing(watch: StandstillWatch, seconds: int, of: Callable[[int], Progress]) -> float | None:
    return [watch.observe({3: Offsets(10, 20, of(now_s))}, now_s).get(3) for now_s in range(seconds + 1)][-1]


def test_a_worker_that_folds_on_writes_on_or_reads_states_on_does_not_stand_still() -> None:
    for what in ("folded", "written", "restored"):
        assert _doing(StandstillWatch(), 31, partial(_going_on, what)) == 0


def _going_on(what: str, second: int) -> Progress:
    return Progress(10, (what, second))


def test_one_that_is_at_the_same_place_all_the_time_does() -> None:
    assert _doing(StandstillWatch(), 31, lambda _: Progress(10, ("folded", 15))) == 31


def test_one_that_folds_on_and_does_not_commit_what_is_processed_does() -> None:
    assert _doing(StandstillWatch(), 31, lambda second: Progress(12, ("folded", 15 + second))) == 31

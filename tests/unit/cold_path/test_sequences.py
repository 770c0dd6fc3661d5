from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cold_path.lake.sequences import Seen, Spans, add, spans_of

CAR = "1HGCM82633A004352"
_numbers = st.lists(st.integers(0, 30))


@given(_numbers)
def test_spans_remember_exactly_what_was_added(numbers: list[int]) -> None:
    spans: Spans = []
    seen: set[int] = set()
    for number in numbers:
        assert add(spans, number) is (number not in seen)
        seen.add(number)
    assert _members(spans) == seen
    assert spans == spans_of(numbers)


@given(_numbers)
def test_spans_are_as_few_as_can_be(numbers: list[int]) -> None:
    spans = spans_of(numbers)
    assert all(first > last + 1 for last, first in zip(spans[1::2], spans[2::2], strict=False))


def test_a_jump_costs_nothing() -> None:
    assert spans_of([0, 2**53 - 1]) == [0, 0, 2**53 - 1, 2**53 - 1]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12))),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12))),
)
def test_a_reading_is_repeated_exactly_if_it_stands_in_the_lake_or_earlier_in_the_batch(
    lake: list[tuple[int, int]], batch: list[tuple[int, int]]
) -> None:
    known = {trip: spans_of(s for t, s in lake if t == trip) for trip, _ in lake}
    seen = Seen({CAR: max(lake)} if lake else {}, lambda _, trip: known.get(trip, []))
    before = set(lake)
    for reading in batch:
        assert seen.is_repeated(CAR, *reading) is (reading in before)
        before.add(reading)


def test_only_a_candidate_costs_a_look_up() -> None:
    asked: list[int] = []

    def known(_: str, trip: int) -> Spans:
        asked.append(trip)
        return [0, 9]

    seen = Seen({CAR: (5, 9)}, known)
    assert [seen.is_repeated(CAR, *reading) for reading in [(5, 10), (6, 0), (5, 9), (5, 8)]] == [
        False,
        False,
        True,
        True,
    ]
    assert asked == [5]


def _members(spans: Spans) -> set[int]:
    return {n for first, last in zip(spans[::2], spans[1::2], strict=True) for n in range(first, last + 1)}

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.period import day_of, named_period, period_holding, start_of
from contracts.definitions import PERIOD_KINDS, PeriodKind
from contracts.errors import InvalidInput

DAY = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("kind", "name", "first"),
    [
        ("day", "2026-11-21", date(2026, 11, 21)),
        ("week", "2026-W47", date(2026, 11, 16)),
        ("month", "2026-11", date(2026, 11, 1)),
        ("last_7_days", "2026-11-15", date(2026, 11, 15)),
        ("last_30_days", "2026-10-23", date(2026, 10, 23)),
    ],
)
def test_a_period_is_named_as_the_views_name_it(kind: PeriodKind, name: str, first: date) -> None:
    period = period_holding(kind, DAY)
    assert (period.name, period.from_ms) == (name, start_of(first))
    assert named_period(kind, name, DAY) == period


@given(st.datetimes(datetime(1971, 1, 5), datetime(2200, 1, 1)), st.sampled_from(PERIOD_KINDS))  # noqa: DTZ001
def test_every_moment_lies_in_its_period(at: datetime, kind: PeriodKind) -> None:
    at_ms = int(at.replace(tzinfo=UTC).timestamp() * 1000)
    period = period_holding(kind, day_of(at_ms))
    assert at_ms in period
    assert period.from_ms - 1 not in period
    assert period.until_ms is None or period.until_ms not in period


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("day", "2026-11"),
        ("day", "2026-02-30"),
        ("week", "2026-W54"),
        ("week", "2026-W00"),
        ("month", "2026-13"),
        ("month", "'; drop table alerts"),
        ("last_7_days", "2026-11-16"),
    ],
)
def test_what_is_no_period_is_refused_with_an_example(kind: PeriodKind, name: str) -> None:
    with pytest.raises(InvalidInput, match=r"write it like|leave `period` out"):
        named_period(kind, name, DAY)


@pytest.mark.parametrize(("kind", "name"), [("day", "9999-12-31"), ("week", "9999-W52"), ("month", "9999-12")])
def test_a_period_that_ends_beyond_the_last_day_is_refused(kind: PeriodKind, name: str) -> None:
    with pytest.raises(InvalidInput, match="9999"):
        named_period(kind, name, date(2026, 11, 21))

"""Periods of fuel efficiency: their names, and which trips' starts they hold. Days are UTC days."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from contracts.definitions import LAST_DAYS
from contracts.errors import InvalidInput

if TYPE_CHECKING:
    from contracts.definitions import PeriodKind

_DAY_MS: Final = 86_400_000
_EPOCH: Final = date(1970, 1, 1)
_EXAMPLES: Final[dict[str, str]] = {"day": "2026-11-21", "week": "2026-W47", "month": "2026-11"}


@dataclass(frozen=True, slots=True)
class Period:
    """A period as the batch views name it; it holds the trips started in [from_ms, until_ms), until None for ever."""

    kind: PeriodKind
    name: str
    from_ms: int
    until_ms: int | None

    def __contains__(self, trip_started_at_ms: int) -> bool:
        """Tell whether a trip started in it."""
        return self.from_ms <= trip_started_at_ms and (self.until_ms is None or trip_started_at_ms < self.until_ms)


def day_of(at_ms: int) -> date:
    """Give the UTC day of a moment."""
    return _EPOCH + timedelta(days=at_ms // _DAY_MS)


def start_of(day: date) -> int:
    """Give 00:00 UTC of a day in epoch milliseconds."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000


def period_holding(kind: PeriodKind, day: date) -> Period:
    """Give the period of a kind that holds a day; for last_N_days `day` is the last of the N days."""
    if kind in LAST_DAYS:
        first = day - timedelta(days=LAST_DAYS[kind] - 1)
        return Period(kind, first.isoformat(), start_of(first), None)
    if kind == "day":
        return _bounded(kind, day.isoformat(), day, day + timedelta(days=1))
    if kind == "week":
        year, week, weekday = day.isocalendar()
        first = day - timedelta(days=weekday - 1)
        return _bounded(kind, f"{year}-W{week:02d}", first, first + timedelta(days=7))
    first = day.replace(day=1)
    return _bounded(kind, f"{first:%Y-%m}", first, (first + timedelta(days=31)).replace(day=1))


def _bounded(kind: PeriodKind, name: str, first: date, after: date) -> Period:
    return Period(kind, name, start_of(first), start_of(after))


def named_period(kind: PeriodKind, name: str | None, as_of_day: date) -> Period:
    """Give the period of that name, by default the one holding `as_of_day`. Raises InvalidInput for no period."""
    if kind in LAST_DAYS:
        current = period_holding(kind, as_of_day)
        if name not in (None, current.name):
            raise InvalidInput(
                f"period {name!r}: {kind} ends with the day of the answer, and is named by its first day, "
                f"{current.name}; leave `period` out"
            )
        return current
    try:
        return period_holding(kind, _first_day(kind, name) if name else as_of_day)
    except OverflowError as error:  # its end lies beyond the last day that there is
        raise InvalidInput(f"period {name!r} ends after the year 9999; write one like {_EXAMPLES[kind]}") from error


def _first_day(kind: PeriodKind, name: str) -> date:
    try:
        if kind == "day" and re.fullmatch(r"\d{4}-\d\d-\d\d", name):
            return date.fromisoformat(name)
        if kind == "week" and (week := re.fullmatch(r"(\d{4})-W(\d\d)", name)):
            return date.fromisocalendar(int(week[1]), int(week[2]), 1)
        if kind == "month" and re.fullmatch(r"\d{4}-\d\d", name):
            return date.fromisoformat(f"{name}-01")
    except ValueError:
        pass  # the right shape, but no such day
    raise InvalidInput(f"period {name!r} is no {kind}; write it like {_EXAMPLES[kind]}")

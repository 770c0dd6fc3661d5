"""What one vehicle, or many at once, may take of a partition, so that it is never taken from the others.

Every limit is a count in offset order, on the broker's times that the records carry: whoever folds the same records,
live or from history, comes to the same end. Beyond a limit a reading moves totals only, and people are told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from contracts.alert import SEVERITIES
from contracts.vehicle_state import (
    MOST_CHANGES,
    MOST_CHARGES,
    MOST_CODE_WORK_US,
    MOST_SHARED_WORK_US,
    MOST_VEHICLE_WORK_US,
    Charge,
    Episode,
)
from rules.episode import Change, end
from rules.rule import Rule

if TYPE_CHECKING:
    from contracts.vehicle_state import Mark, VehicleState
    from rules.moment import Moment

MOST_CODE_EPISODES: Final = 64
"""Trouble codes of a vehicle that are followed at once: as many as one reading may carry."""

FEW_CODE_EPISODES: Final = 1
"""As many are followed of each vehicle while the partition has told more changes of codes than is its share."""

MOST_AVERAGED: Final = 12
MOST_OF_TREND: Final = 242
"""Samples that are kept, whatever a clock does: those of 5 minutes, and of a trend's window."""

MOST_TRIPS: Final = 32
"""Trips in a vehicle's state. Nothing of more is lost: the state is written, and then forgets the older ones."""

MOST_WORK_US: Final = 1_000_000
"""Work at which a vehicle is set apart: half a day with an open alert, one reading a second, sent at once."""
SMALL_WORK_US: Final = 50_000
"""The same while the partition's vehicles together have taken more than their share: fifty alerts at once."""
CALM_PART: Final = 2
"""At half of either it is judged again; the larger counts when the partition has come to half of its own, too."""
WORKED_OFF_US_PER_MS: Final = 2
"""How fast work is forgotten: a five-hundredth of a core a vehicle."""

READING_WORK_US: Final = 20
EPISODE_WORK_US: Final = 2
CHANGE_WORK_US: Final = 1_000
"""What a judged reading, each of its episodes and trouble codes, and an alert with all who take it are counted as."""

SHARED_WORK_US: Final = 10_000_000
"""Work that a partition's vehicles together may cause at once: ten of them all that one may."""
SHARED_CODE_WORK_US: Final = 1_000_000
"""Of it for trouble codes: five hundred that begin to be followed and are told."""
SHARED_WORKED_OFF_US_PER_MS: Final = 100
"""How fast each is forgotten: a tenth of a core, or a hundred changes a second."""

HOUR_MS: Final = 3_600_000

MANY_CODES: Final = Rule(
    name="trouble_codes_beyond_limit",
    family="limit",
    severity="warning",
    message=f"More than {MOST_CODE_EPISODES} trouble codes: what is beyond is not watched; check what sends them",
    source="Limits per vehicle: docs/reliability.md",
    for_ms=0,
    clear_for_ms=60_000,
    cooldown_ms=600_000,
)
SET_APART: Final = Rule(
    name="vehicle_set_apart",
    family="limit",
    severity="warning",
    message="Takes more than its share: its totals count, its rules wait until it is calmer; check what sends for it",
    source="Limits per vehicle: docs/reliability.md",
    for_ms=0,
    clear_for_ms=0,
    cooldown_ms=0,
)
LIMIT_RULES: Final[dict[str, Rule]] = {rule.name: rule for rule in (MANY_CODES, SET_APART)}
"""Rules that no file has; their alerts tell that something is not watched."""


def work_left_us(state: VehicleState, received_at_ms: int) -> int:
    """Return the work of a vehicle that is not yet worked off at a broker time."""
    passed_ms = max(0, received_at_ms - state.work_at_ms)
    return max(0, state.work_us - passed_ms * WORKED_OFF_US_PER_MS)


def charge(state: VehicleState, received_at_ms: int, *, episodes: int = 0, changes: int = 0) -> int:
    """Count what a reading has cost, and return it: `episodes` and trouble codes looked at, `changes` told.

    Nothing costs nothing.
    """
    if not episodes and not changes:
        return 0
    cost_us = READING_WORK_US + episodes * EPISODE_WORK_US + changes * CHANGE_WORK_US
    state.work_us = min(work_left_us(state, received_at_ms) + cost_us, MOST_VEHICLE_WORK_US)
    state.work_at_ms = max(state.work_at_ms, received_at_ms)
    return cost_us


def set_apart(state: VehicleState, moment: Moment) -> tuple[Episode, Change]:
    """Set a vehicle apart from this reading on, which names the episode that begins."""
    state.apart = Episode(
        key=SET_APART.name,
        phase="open",
        trip_started_at_ms=moment.reading.trip_started_at_ms,
        sequence=moment.reading.sequence,
        since_ms=moment.at_ms,
        seen_at_ms=moment.at_ms,
        change=1,
        severity=SET_APART.severity,
        raised_at_ms=moment.at_ms,
    )
    return state.apart, Change("raised")


def take_back(state: VehicleState, moment: Moment) -> tuple[Episode, Change]:
    """Judge a vehicle again from this reading on; return the episode that ends."""
    episode, state.apart = state.apart, None
    state.work_us = work_left_us(state, moment.received_at_ms)
    state.work_at_ms = max(state.work_at_ms, moment.received_at_ms)
    assert episode is not None  # noqa: S101 - the caller has looked
    return episode, end(episode, moment, "recovered")


def trim(state: VehicleState) -> None:
    """Bring a state from before these limits, or of somebody else, within them.

    Open episodes stay, and make room when they end: with changes enough to tell each severity, and the end.
    """
    codes = [episode for episode in state.episodes if ":" in episode.key]
    room = max(0, MOST_CODE_EPISODES - sum(episode.phase == "open" for episode in codes))
    waiting = [episode.key for episode in codes if episode.phase != "open"]
    dropped = set(waiting[room:])
    state.episodes = [episode for episode in state.episodes if episode.key not in dropped]
    for episode in (*state.episodes, state.silent, state.apart):
        if episode is not None:
            episode.change = min(episode.change, MOST_CHANGES - len(SEVERITIES))
    del state.samples[:-MOST_AVERAGED]
    for trend in state.trends:
        del trend.samples[:-MOST_OF_TREND]


@dataclass(slots=True)
class Newcomers:
    """How many vehicles of a partition began to be watched in the present hour of its clock."""

    most: int
    hour: int = 0
    count: int = 0
    counted_to: int = 0
    """The first offset that is not counted yet: no vehicle is counted twice."""

    @classmethod
    def of(cls, mark: Mark | None, *, most: int) -> Newcomers:
        """Go on from a partition's mark, if it has one; `most` begin to be watched in an hour."""
        return cls(most) if mark is None else cls(most, mark.new_hour, mark.new_vehicles, mark.next_offset)

    def admit(self, clock_ms: int, offset: int) -> bool:
        """Count one more, by its reading at this offset, if there is room; return whether there was."""
        hour = clock_ms // HOUR_MS
        if hour > self.hour:
            self.hour, self.count = hour, 0
        if self.count >= self.most:
            return False
        self.count += 1
        self.counted_to = offset + 1
        return True


@dataclass(slots=True)
class SharedWork:
    """What judging its vehicles has cost a partition: one account for all of them. Silences are not in it."""

    work_us: int = 0
    code_work_us: int = 0
    """Of it for changes of trouble codes."""
    at_ms: int = 0
    counted_to: int = 0
    """The first offset whose work is not counted yet: none is counted twice."""

    @classmethod
    def of(cls, mark: Mark | None) -> SharedWork:
        """Go on from a partition's mark, if it has one."""
        return cls() if mark is None else cls(mark.work_us, mark.code_work_us, mark.work_at_ms, mark.next_offset)

    def room(self, clock_ms: int) -> int:
        """Return how many trouble codes of a vehicle may be followed when the partition's clock stands here."""
        return (
            FEW_CODE_EPISODES
            if self._left_us(self.code_work_us, clock_ms) > SHARED_CODE_WORK_US
            else MOST_CODE_EPISODES
        )

    def most_us(self, clock_ms: int) -> int:
        """Return the work at which a vehicle is set apart now."""
        return SMALL_WORK_US if self._left_us(self.work_us, clock_ms) > SHARED_WORK_US else MOST_WORK_US

    def calm_us(self, clock_ms: int) -> int:
        """Return the work at which one that is set apart is judged again now."""
        is_calm = self._left_us(self.work_us, clock_ms) <= SHARED_WORK_US // CALM_PART
        return (MOST_WORK_US if is_calm else SMALL_WORK_US) // CALM_PART

    def add(self, clock_ms: int, charge: Charge) -> None:
        """Count the work at a reading, once."""
        if charge.offset < self.counted_to:
            return
        self.work_us = min(self._left_us(self.work_us, clock_ms) + charge.work_us, MOST_SHARED_WORK_US)
        self.code_work_us = min(self._left_us(self.code_work_us, clock_ms) + charge.code_work_us, MOST_CODE_WORK_US)
        self.at_ms = max(self.at_ms, clock_ms)
        self.counted_to = charge.offset + 1

    def _left_us(self, work_us: int, clock_ms: int) -> int:
        return max(0, work_us - max(0, clock_ms - self.at_ms) * SHARED_WORKED_OFF_US_PER_MS)


def remember(state: VehicleState, charge: Charge) -> None:
    """Let a vehicle's state tell what its partition was charged for it, of its latest readings."""
    state.charges = [*state.charges[1 - MOST_CHARGES :], charge]

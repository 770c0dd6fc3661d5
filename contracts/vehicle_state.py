"""A vehicle's state: what the hot path knows of it, written so that it can be repeated and merged by maximum."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from contracts.alert import Evidence, Severity
from contracts.bounds import LARGEST_INTEGER, Count, Name, SmallCount
from contracts.reading import Reading

MARK_PREFIX = b"mark:"
MOST_CHANGES = 1_000_000
"""Of one episode: so few that no number of readings can bring an honest one there, and the next still fits an alert."""
MOST_VEHICLE_WORK_US = 2_000_000
"""Of a vehicle: calm again in a quarter of an hour, so that no record can set it apart for long."""
MOST_CHARGES = 64
"""Readings of a vehicle that its partition was charged for, of those that its state remembers."""
MOST_CODE_WORK_US = 10_000_000
MOST_SHARED_WORK_US = 20_000_000
"""Of a partition: within its bounds again in two minutes, so that no record can hold cars back for long."""
Phase = Literal["pending", "open", "cooldown"]


class TripTotals(msgspec.Struct, gc=False, omit_defaults=True):
    """A trip's totals, each the maximum seen: late, repeated and shuffled readings cannot make one wrong."""

    trip_started_at_ms: Count
    distance_m: Count
    ended_at_ms: Count
    fuel_ml: Count | None = None
    idle_s: Count | None = None


class LiveAverages(msgspec.Struct, gc=False, omit_defaults=True):
    """Averages over the last 5 minutes of event time; consumption is a difference of the trip's counters."""

    speed_kmh: float | None = None
    litres_per_100km: float | None = None
    coolant_c: float | None = None


class Episode(msgspec.Struct, omit_defaults=True):
    """One rule's episode at one vehicle: pending until raised, then open until cleared, then cooling down.

    `key` is the rule's name, or `rule:code`. Times are event time in epoch milliseconds; the *_since_ms are the start
    of an unbroken hold, None when the condition does not hold.
    """

    key: Name
    phase: Phase
    trip_started_at_ms: Count
    sequence: Count
    """With `trip_started_at_ms` the first pending reading: the episode's identity."""
    since_ms: Count
    """Start of the pending hold; in cooldown: when the episode was cleared."""
    seen_at_ms: Count
    """The last reading that carried the rule's signals."""
    registry: dict[Name, float | None] = {}
    """Registry values, fixed when pending started."""
    change: Annotated[int, Meta(ge=0, le=MOST_CHANGES)] = 0
    severity: Severity | None = None
    raised_at_ms: Count | None = None
    evidence: Evidence = {}
    worst: Evidence = {}
    clearing_since_ms: Count | None = None
    clearing_seen_at_ms: Count | None = None
    escalating_since_ms: Count | None = None
    escalating_seen_at_ms: Count | None = None
    worst_excess: float | None = None
    """By how much the level was exceeded at its worst; None where that is no finite number."""
    trouble_code: Name | None = None
    cleared_received_at_ms: Count | None = None
    """In cooldown: the broker time at which the episode was cleared; it counts where the car's clock is set back."""


class Sample(msgspec.Struct, gc=False, array_like=True):
    """The trip's counters and the coolant at one moment (event time), for the live averages."""

    at_ms: Count
    distance_m: Count
    fuel_ml: Count | None
    coolant_c: float | None


class Trend(msgspec.Struct, omit_defaults=True):
    """What a trend rule remembers of one vehicle: samples (event time ms, value), oldest first."""

    key: Name
    samples: Annotated[list[tuple[Count, float]], Meta(max_length=25_000)] = []


class Charge(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What a partition was charged for one reading."""

    offset: Count
    work_us: SmallCount
    code_work_us: SmallCount
    """The part of it that is for changes of trouble codes."""


class VehicleState(msgspec.Struct, omit_defaults=True):
    """The value of topic `vehicle-states`, keyed by VIN: the changelog of the hot path's table.

    Readers fold `trips` by maximum, and everything else by the highest `offset`: a worker that was thought dead may
    write last.
    """

    offset: Count
    """Of the last reading folded, in partition `partition` of `vehicle-readings`."""
    partition: SmallCount
    received_at_ms: Count
    """The latest broker time of any of its readings."""
    newest: Reading
    """The newest reading by (trip_started_at_ms, sequence)."""
    newest_received_at_ms: Count
    trips: Annotated[list[TripTotals], Meta(min_length=1)]
    """The current trip, and older ones touched since the last write."""
    averages: LiveAverages | None = None
    episodes: Annotated[list[Episode], Meta(max_length=4_096)] = []
    samples: Annotated[list[Sample], Meta(max_length=1_000)] = []
    """Of the current trip, oldest first, a little over the averaging window."""
    trends: Annotated[list[Trend], Meta(max_length=1_000)] = []
    sample_due_ms: Count = 0
    """Event time from which the next sample is taken."""
    silent: Episode | None = None
    watched_from_offset: Annotated[int, Meta(ge=-1, le=LARGEST_INTEGER)] = -1
    """Of the reading that the rules looked at first; -1 before it, and in states that version 0.1 wrote."""
    refused_hour: Count | None = None
    """The hour of broker time (since 1970) in which there was last no room to watch it; None while it is watched."""
    work_us: Annotated[int, Meta(ge=0, le=MOST_VEHICLE_WORK_US)] = 0
    """What judging it has cost and is not yet worked off, as of broker time `work_at_ms`: counts, never measured."""
    work_at_ms: Count = 0
    charges: Annotated[list[Charge], Meta(max_length=MOST_CHARGES)] = []
    """What its partition was charged for its latest readings: a mark may lack it yet."""
    apart: Episode | None = None
    """Open while the vehicle is set apart, as it has taken more than its share."""


class Mark(msgspec.Struct, frozen=True, omit_defaults=True):
    """Follows each flush, key `mark:PARTITION`: every reading below `next_offset` is in the states before it."""

    partition: SmallCount
    next_offset: Count
    received_at_ms: Count
    """The latest broker time seen in the partition."""
    rules_hash: Name
    fold_version: SmallCount = 1
    since_offset: Count = 0
    """The first offset that was folded by these rules and this version of the fold."""
    new_hour: Count = 0
    """The hour of broker time (since 1970) that `new_vehicles` are counted in."""
    new_vehicles: Count = 0
    unwatched: Count = 0
    """Vehicles of which only totals are kept, as there were too many new ones."""
    work_us: Annotated[int, Meta(ge=0, le=MOST_SHARED_WORK_US)] = 0
    """What judging its vehicles has cost and is not yet worked off, as of broker time `work_at_ms`."""
    code_work_us: Annotated[int, Meta(ge=0, le=MOST_CODE_WORK_US)] = 0
    """The same of telling changes of trouble codes alone."""
    work_at_ms: Count = 0
    topic_id: Name | None = None
    """Kafka's id of the topic of readings: another one has other offsets. None where the broker tells none."""


def mark_key(partition: int) -> bytes:
    """Give the key of a partition's marks. No VIN looks like it."""
    return MARK_PREFIX + str(partition).encode()


def greatest(left: int | None, right: int | None) -> int | None:
    """Give the greater of two counters; an absent one says nothing."""
    if left is None or right is None:
        return right if left is None else left
    return max(left, right)


def merged_totals(left: TripTotals, right: TripTotals) -> TripTotals:
    """Merge two views of one trip by maximum: associative, commutative, idempotent."""
    return TripTotals(
        trip_started_at_ms=left.trip_started_at_ms,
        distance_m=max(left.distance_m, right.distance_m),
        ended_at_ms=max(left.ended_at_ms, right.ended_at_ms),
        fuel_ml=greatest(left.fuel_ml, right.fuel_ml),
        idle_s=greatest(left.idle_s, right.idle_s),
    )

"""What one attack did to everybody else, and whether that is allowed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from hostile.ordinary_cars import Event

from contracts.alert import Alert
from stack.heard import HeardAlert
from stack.latency import percentile

LONGEST_MS: Final = 2_000
_TIMES_CALM: Final = 10
"""On a machine that is busy with other things a calm p99 is long too, and what an attack may add grows with it."""
MOST_GROWTH_MB: Final = 300
_MOST_MB: Final[Mapping[str, int]] = {"kafka": 1_500, "cold-path": 3_500}
"""JVMs take what their heap allows, whether attacked or not."""
_TOLD: Final = 3


@dataclass(frozen=True, slots=True)
class Latencies:
    """From the broker's time of a reading to its alert at the broker, on the API's streams, and at a webhook; in ms."""

    broker: list[int]
    stream: list[int]
    webhook: list[int]

    def p99_ms(self) -> dict[str, int | None]:
        """Return each way's p99."""
        ways = {"broker": self.broker, "stream": self.stream, "webhook": self.webhook}
        return {way: percentile(sorted(latencies), 0.99) for way, latencies in ways.items()}


@dataclass(frozen=True, slots=True)
class Observed:
    """All that was seen of one attack, from its beginning until everything had settled."""

    latencies: Latencies
    missing: list[str] = field(default_factory=list)
    """Alerts of ordinary cars that fell due and did not come."""
    surplus: list[str] = field(default_factory=list)
    """Alerts of ordinary cars that came without falling due."""
    restarts: dict[str, int] = field(default_factory=dict)
    """By program, without those on purpose."""
    standing: list[str] = field(default_factory=list)
    """Partitions that a group did not read to where they ended when the attack was over."""
    calm_mb: dict[str, int] = field(default_factory=dict)
    peak_mb: dict[str, int] = field(default_factory=dict)
    errors_5xx: dict[str, int] = field(default_factory=dict)
    """Answers by API and route."""
    failed_runs: int = 0
    """Of the cold path."""
    merged_equals_recompute: bool | None = True
    complaints: list[str] = field(default_factory=list)
    """What the attack itself looked for and did not find."""


def limit_ms(way: str, calm: Latencies, *, held_ms: int = 0) -> int:
    """Return the longest p99 that is allowed on a way, `held_ms` more where the attack may hold a partition."""
    return max(LONGEST_MS, _TIMES_CALM * (calm.p99_ms()[way] or 0)) + held_ms


def faults(seen: Observed, calm: Latencies, *, held_ms: int = 0) -> list[str]:
    """Say what is not as it must be; nothing when the attack did no harm."""
    return [
        *_slow(seen.latencies, calm, held_ms),
        *_some("alerts missing", seen.missing),
        *_some("alerts that nothing caused", seen.surplus),
        *(f"{name} restarted {times} times" for name, times in seen.restarts.items() if times),
        *_some("stands", seen.standing),
        *_grown(seen),
        *(f"{count} answers of {route}" for route, count in seen.errors_5xx.items()),
        *([f"{seen.failed_runs} runs of the cold path failed"] if seen.failed_runs else []),
        *_verdict(merged_equals_recompute=seen.merged_equals_recompute),
        *seen.complaints,
    ]


def latencies_of(
    heard: Mapping[Event, HeardAlert], arrivals: Sequence[Mapping[Event, int]], due: Sequence[Event], *, until_ms: int
) -> list[int]:
    """Return the latencies of the alerts that fell due, by every watcher that they arrived at (epoch ms).

    What has not arrived anywhere until `until_ms` took so long at least.
    """
    return [
        max(0, arrived.get(event, until_ms) - heard[event].alert.received_at_ms)
        for arrived in arrivals
        for event in due
        if event in heard
    ]


def named(alert: Alert) -> str:
    """Return what a person needs to find it."""
    return f"{alert.rule} {alert.state} of {alert.vehicle_id}"


def _slow(seen: Latencies, calm: Latencies, held_ms: int) -> list[str]:
    told = []
    for way, p99_ms in seen.p99_ms().items():
        if p99_ms is None:
            told.append(f"no alert came by the {way}")
        elif p99_ms > (most_ms := limit_ms(way, calm, held_ms=held_ms)):
            told.append(f"p99 {p99_ms} ms by the {way}, at most {most_ms}")
    return told


def most_mb(seen: Observed, name: str) -> int:
    """Return the memory that a program may take."""
    return _MOST_MB.get(name, seen.calm_mb.get(name, 0) + MOST_GROWTH_MB)


def _grown(seen: Observed) -> list[str]:
    return [
        f"{name} took {peak_mb} MB, at most {most_mb(seen, name)}"
        for name, peak_mb in seen.peak_mb.items()
        if peak_mb > most_mb(seen, name)
    ]


def _verdict(*, merged_equals_recompute: bool | None) -> list[str]:
    told = {False: "merged answers differ from the recomputed ones", None: "no verdict on the merged answers"}
    return [] if merged_equals_recompute else [told[merged_equals_recompute]]


def _some(what: str, found: list[str]) -> list[str]:
    more = f" and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
    return [f"{what}: {', '.join(found[:_TOLD])}{more}"] if found else []

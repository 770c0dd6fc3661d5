"""Attacks on a running stack, one after the other, each followed by the judgement; a stack that broke is replaced."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from aiokafka.errors import KafkaError
from eventually import eventually_async
from hostile.attack import Act, Attack, Target
from hostile.judgement import Latencies, Observed, faults, latencies_of, named
from hostile.ordinary_cars import Event
from hostile.running_stack import RunningStack

from contracts.errors import ConnectedCarsError
from contracts.topics import HOT_PATH_GROUP, SERVING_GROUP
from stack.environment import now_ms
from stack.heard import HeardAlert
from stack.preparation import Prepared

_ACT_S: Final = 60.0
_LISTEN_S: Final = 60.0
_SETTLED_S: Final = 45.0
"""Longer than a worker that stands still is left alone."""
_ARRIVED_S: Final = 10.0
_WITHOUT_ROADS: Final = frozenset({("/v1/routes", "503"), ("/v1/roads", "503"), ("/v1/route-savings", "503")})
"""As documented before a version knows roads, which these versions never do."""
_RESTART_MS: Final = 20_000
"""What restarting a program on purpose may add to a latency."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a run takes."""

    calm_s: float
    """Without an attack, to compare with."""
    shortest_s: float
    """Of an attack's window, so that alerts fall due in it."""
    budget_s: float
    """After this no further attack is begun, and the run has failed."""
    busy_ms: int = 0
    """How much longer anything may take, where the machine does other things meanwhile: only a quiet one measures."""


@dataclass(frozen=True, slots=True)
class Result:
    """What an attack came to; `attack` None is the calm before."""

    attack: Attack | None
    seen: Observed
    faults: list[str]
    seconds: float

    @property
    def name(self) -> str:
        """The attack's."""
        return self.attack.name if self.attack else "(calm)"


@dataclass(slots=True)
class Outcome:
    """A whole run."""

    results: list[Result] = field(default_factory=list)
    not_run: list[str] = field(default_factory=list)

    def complaints(self) -> list[str]:
        """Say what is wrong; nothing when no attack did harm and all were made."""
        told = [f"{one.name}: {'; '.join(one.faults)}" for one in self.results if one.faults]
        return told + ([f"no time was left for: {', '.join(self.not_run)}"] if self.not_run else [])


async def run(
    attacks: Sequence[Attack],
    *,
    folder: Path,
    prepared: Prepared,
    pace: Pace,
    seed: int,
    tell: Callable[[Result], None],
) -> Outcome:
    """Make all attacks in their order, on one stack for as long as it holds."""
    began_s, waiting = time.monotonic(), list(attacks)
    outcome = Outcome()
    for number in itertools.count():
        async with _stack(folder / f"stack-{number}", prepared) as stack:
            trial = _Trial(stack, pace, seed)
            calm = await trial.calm()
            if number == 0:
                outcome.results.append(calm)
                tell(calm)
            while waiting and time.monotonic() - began_s < pace.budget_s:
                attack = waiting.pop(0)
                result = await trial.attacked(attack)
                outcome.results.append(result)
                tell(result)
                if trial.is_broken(result):
                    break
        if not waiting or time.monotonic() - began_s >= pace.budget_s:
            outcome.not_run += [attack.name for attack in waiting]
            return outcome
    raise AssertionError("unreachable")


@asynccontextmanager
async def _stack(folder: Path, prepared: Prepared) -> AsyncIterator[RunningStack]:
    stack = RunningStack(folder, prepared)
    try:
        await stack.start()
        yield stack
    finally:
        await stack.stop()


class _Trial:
    """One stack's attacks; the calm comes first."""

    def __init__(self, stack: RunningStack, pace: Pace, seed: int) -> None:
        self._stack = stack
        self._target = Target(stack, stack.door("api"), seed)
        self._pace = pace
        self._calm_mb: dict[str, int] = {}
        self._calm = Latencies([], [], [])
        self._told_surplus: set[str] = set()
        self._restarts: dict[str, int] = {}
        self._failed_runs = 0.0
        self._errors: dict[str, float] = {}

    async def calm(self) -> Result:
        """Watch without an attack: what all others are compared with, and itself must be without a fault."""
        quiet = Attack("calm", "readings", _nothing)
        self._calm_mb = await asyncio.to_thread(self._stack.memory_mb)
        seen, seconds = await self._observed(quiet, shortest_s=self._pace.calm_s)
        self._calm, self._calm_mb = seen.latencies, seen.peak_mb
        return Result(None, seen, faults(seen, Latencies([], [], []), held_ms=self._pace.busy_ms), seconds)

    async def attacked(self, attack: Attack) -> Result:
        """Attack, wait until everything has settled, and judge."""
        seen, seconds = await self._observed(attack, shortest_s=self._pace.shortest_s)
        held_ms = self._held_ms(attack) + (_RESTART_MS if attack.restarts else 0)
        return Result(attack, seen, faults(seen, self._calm, held_ms=held_ms), seconds)

    def _held_ms(self, attack: Attack) -> int:
        return attack.held_ms + self._pace.busy_ms

    def is_broken(self, result: Result) -> bool:
        """Return whether what follows could not be told from what this attack has left."""
        seen = result.seen
        hurt = any(seen.restarts.values()) or seen.standing or seen.failed_runs or seen.missing
        return bool(hurt) or seen.merged_equals_recompute is not True

    async def _observed(self, attack: Attack, *, shortest_s: float) -> tuple[Observed, float]:
        stack, target = self._stack, self._target
        began_s, from_ms = time.monotonic(), now_ms()
        stack.peak_mb = dict(await asyncio.to_thread(stack.memory_mb))
        complaints = await _done(attack.act, target, attack.name)
        for unready in await asyncio.gather(*(_restarted(stack, name) for name in attack.restarts)):
            complaints += unready
        await asyncio.sleep(max(0.0, began_s + shortest_s - time.monotonic()))
        until_ms = now_ms()
        standing = await self._settled(attack)
        complaints += await _done(attack.check, target, attack.name) if attack.check else []
        due = [event for event, sent_ms in stack.traffic.due.items() if from_ms <= sent_ms < until_ms]
        heard, more = await self._heard(due, within_s=_ARRIVED_S + self._held_ms(attack) / 1000)
        await self._arrived(due)
        latencies = self._latencies(heard, due)
        equal, told = await stack.verified()
        seen = Observed(
            latencies=latencies,
            missing=[f"{event}" for event in due if event not in heard],
            surplus=self._surplus(heard),
            restarts=self._new_restarts(),
            standing=standing,
            calm_mb=self._calm_mb,
            peak_mb=dict(stack.peak_mb),
            errors_5xx=await self._new_errors(),
            failed_runs=await self._new_failed_runs(),
            merged_equals_recompute=equal,
            complaints=[*complaints, *more, *([told] if equal is not True else [])],
        )
        return seen, time.monotonic() - began_s

    async def _settled(self, attack: Attack) -> list[str]:
        """Wait until what is there now has been read; ordinary cars go on sending meanwhile."""
        if attack.is_drained:
            return await self._stack.has_read_all()
        within_s = _SETTLED_S + self._held_ms(attack) / 1000
        told = []
        for group in (HOT_PATH_GROUP, SERVING_GROUP):
            told += await self._stack.standing(group, await self._stack.ends(group), within_s=within_s)
        return told

    async def _heard(self, due: list[Event], *, within_s: float) -> tuple[dict[Event, HeardAlert], list[str]]:
        """Let the runner's listener take what has come, until all is there that is due or time is up.

        It is a consumer of the project's as well, so it must go on whatever it meets.
        """
        until_s = time.monotonic() + within_s
        while True:
            told = await self._listened()
            alerts = self._stack.listener.heard.alerts
            ordinary = self._stack.traffic.vehicles
            found = {(one.alert.alert_id, one.alert.change): one for one in alerts if one.alert.vehicle_id in ordinary}
            if told or all(event in found for event in due) or time.monotonic() > until_s:
                return found, told
            await asyncio.sleep(0.3)

    async def _listened(self) -> list[str]:
        try:
            await asyncio.wait_for(self._stack.listener.listen(), _LISTEN_S)
        except (ConnectedCarsError, KafkaError, TimeoutError, ValueError) as error:
            return [f"the runner's listener cannot go on: {error!r}"[:300]]
        return []

    async def _arrived(self, due: list[Event]) -> None:
        """Wait until every watcher has been told of what is due, or time is up."""
        watchers = [*(stream.arrived for stream in self._stack.streams), self._stack.kind.arrived]
        with suppress(AssertionError):
            await eventually_async(lambda: _all_told(watchers, due), within_s=_ARRIVED_S, every_s=0.1)

    def _latencies(self, heard: dict[Event, HeardAlert], due: list[Event]) -> Latencies:
        stored = {event: one.stored_at_ms for event, one in heard.items()}
        streams = [stream.arrived for stream in self._stack.streams]
        until_ms = now_ms()
        return Latencies(
            broker=latencies_of(heard, [stored], due, until_ms=until_ms),
            stream=latencies_of(heard, streams, due, until_ms=until_ms),
            webhook=latencies_of(heard, [self._stack.kind.arrived], due, until_ms=until_ms),
        )

    def _surplus(self, heard: dict[Event, HeardAlert]) -> list[str]:
        due = self._stack.traffic.due
        found = {named(one.alert) for event, one in heard.items() if event not in due} - self._told_surplus
        self._told_surplus |= found
        return sorted(found)

    def _new_restarts(self) -> dict[str, int]:
        now = self._stack.restarts()
        new = {name: count - self._restarts.get(name, 0) for name, count in now.items()}
        self._restarts = now
        return new

    async def _new_failed_runs(self) -> int:
        now = sum((await self._stack.figures("cold-path", "batch_run_failures")).values())
        new, self._failed_runs = max(0.0, now - self._failed_runs), now
        return int(new)

    async def _new_errors(self) -> dict[str, int]:
        now: dict[str, float] = {}
        for name in ("api", "api-with-keys"):
            counted = await self._stack.figures(name, "http_requests")
            now |= {f"{name} {' '.join(labels)}": count for labels, count in counted.items() if _is_error(*labels)}
        new = {told: int(count - self._errors.get(told, 0)) for told, count in now.items()}
        self._errors = now
        return {told: count for told, count in new.items() if count > 0}


def _is_error(route: str, status: str) -> bool:
    return status.startswith("5") and (route, status) not in _WITHOUT_ROADS


async def _all_told(watchers: list[dict[Event, int]], due: list[Event]) -> bool:
    return all(event in arrived for arrived in watchers for event in due)


async def _nothing(_: Target) -> None:
    return None


async def _done(act: Act, target: Target, name: str) -> list[str]:
    """Do it; what goes wrong in the doing is told, as an attack that is not made proves nothing."""
    try:
        async with asyncio.timeout(_ACT_S):
            return await act(target) or []
    except Exception as error:  # noqa: BLE001 - whatever went wrong, the other attacks are still to be made
        return [f"{name} was not made: {error!r}"[:300]]


async def _restarted(stack: RunningStack, name: str) -> list[str]:
    try:
        await stack.restart(name)
    except AssertionError as error:
        return [f"{name} is not ready after a restart: {error}"[:300]]
    return []

"""An attack: what it is called, at what it aims, what it does, and what everybody else may notice of it."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from hostile.running_stack import Door, RunningStack

Surface = Literal["readings", "topics", "api", "api with key", "notifier"]


@dataclass(frozen=True, slots=True)
class Target:
    """What an attack may use."""

    stack: RunningStack
    door: Door
    """The API that it aims at, where it aims at one."""
    seed: int
    """Told with the results: a generated attack can be repeated."""

    @property
    def bootstrap(self) -> str:
        """Kafka's address."""
        return self.stack.ports.bootstrap

    def chance(self, attack: str) -> random.Random:
        """Return the generator of an attack, which gives the same whether it is made alone or beside others."""
        return random.Random(f"{self.seed} {attack}")


Act = Callable[[Target], Awaitable[list[str] | None]]
"""Does it, within seconds; gives what it looked for and did not find, such as a refusal."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack; `act` is followed by the restarts, `check` by the waiting until everything has settled."""

    name: str
    surface: Surface
    act: Act
    check: Act | None = None
    """What must be so afterwards, where the judgement of all attacks does not look."""
    restarts: tuple[str, ...] = ()
    """Programs that are restarted on purpose, as what they find on a topic then is what they go on from."""
    held_ms: int = 0
    """For how long one partition, or all of them, may rightly wait."""
    is_short: bool = False
    """Part of the short form."""
    is_drained: bool = False
    """Whether the cold path must have published all of it before the next attack begins."""


Rounds = tuple[tuple[Attack, ...], ...]
"""What is made at once, and judged at once, as no one of them hides what another does."""

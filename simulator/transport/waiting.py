"""How long somebody waited, where several wait at once and no second counts twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Waiting:
    """Adds up the spans in which at least one waits; `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Begin with nobody waiting."""
        self.total_s = 0.0
        self._clock = clock
        self._now = 0
        self._since_s = 0.0

    @property
    def is_going_on(self) -> bool:
        """Whether somebody waits now."""
        return self._now > 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count the time inside."""
        if not self._now:
            self._since_s = self._clock()
        self._now += 1
        try:
            yield
        finally:
            self._now -= 1
            if not self._now:
                self.total_s += self._clock() - self._since_s

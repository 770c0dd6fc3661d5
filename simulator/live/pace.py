"""Whether the fleet keeps up with the clock: how far behind it is, and whether it ever will catch up. No clock here."""

from __future__ import annotations

from collections import deque
from typing import Final

from contracts.errors import InvalidInput

TOLD_FROM_S: Final = 2.0
_TOLD_EVERY_S: Final = 10.0
HOPELESS_S: Final = 30.0
"""Behind by this much, and no nearer than this long ago: the rate is more than the machine can keep."""


class Pace:
    """Follows a run tick by tick; times are seconds of one monotone clock."""

    def __init__(self, *, vehicles: int, rate_hz: float) -> None:
        """Begin on time."""
        self.now_s = 0.0
        """How far behind the last tick was; `worst_s` the furthest of all."""
        self.worst_s = 0.0
        self.hopeless: InvalidInput | None = None
        """What to tell when the rate is too much for the machine, with what it does keep."""
        self._vehicles = vehicles
        self._rate_hz = rate_hz
        self._told_s = float("-inf")
        self._behind: deque[tuple[float, float]] = deque()

    def asked(self, *, vehicles: int, rate_hz: float) -> None:
        """Take note of what is asked of the machine from now on."""
        self._vehicles, self._rate_hz = vehicles, rate_hz

    def look(self, now_s: float, due_s: float) -> bool:
        """Note when a tick that was due began; tell whether it is time to say so."""
        behind_s = self.now_s = max(now_s - due_s, 0.0)
        self.worst_s = max(self.worst_s, behind_s)
        self._behind.append((now_s, behind_s))
        while self._behind[0][0] < now_s - HOPELESS_S:
            self._behind.popleft()
        since_s, before_s = self._behind[0]
        if behind_s >= HOPELESS_S and behind_s >= before_s and now_s - since_s >= HOPELESS_S / 2:
            self.hopeless = self._hopeless(behind_s, (behind_s - before_s) / (now_s - since_s))
        is_told = behind_s >= TOLD_FROM_S and now_s - self._told_s >= _TOLD_EVERY_S
        if is_told:
            self._told_s = now_s
        return is_told

    def _hopeless(self, behind_s: float, lost_share: float) -> InvalidInput:
        asked = self._vehicles * self._rate_hz
        kept = max(1 - lost_share, 0.01)
        return InvalidInput(
            f"behind the clock by {behind_s:.0f} s and no nearer for {HOPELESS_S:.0f} s: of {asked:,.0f} readings a "
            f"second this machine and broker keep about {asked * kept:,.0f}; lower --vehicles to "
            f"{max(int(self._vehicles * kept * 0.9), 1):,}, or --rate"
        )

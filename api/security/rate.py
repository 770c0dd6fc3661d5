"""How often a key may ask: a bucket of tokens for each, filled at a steady rate."""

from __future__ import annotations

from typing import Final

_BURST_S: Final = 2.0
"""So many seconds' worth may be asked at once, unless another number is given."""


class RateLimit:
    """Buckets by name; `per_s` 0 means without limit."""

    def __init__(self, per_s: float, *, burst_s: float = _BURST_S) -> None:
        """Begin with full buckets."""
        self._per_s = per_s
        self._most = max(1.0, per_s * burst_s)
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait_s(self, name: str, now_s: float) -> float:
        """Take a token; give 0, or the seconds after which there will be one."""
        if not self._per_s:
            return 0.0
        tokens, at_s = self._buckets.get(name, (self._most, now_s))
        tokens = min(self._most, tokens + (now_s - at_s) * self._per_s)
        is_allowed = tokens >= 1
        self._buckets[name] = (tokens - 1 if is_allowed else tokens, now_s)
        return 0.0 if is_allowed else (1 - tokens) / self._per_s

    def give_back(self, name: str) -> None:
        """Put a token back that was not used."""
        if name in self._buckets:
            tokens, at_s = self._buckets[name]
            self._buckets[name] = (min(self._most, tokens + 1), at_s)

"""How long from a reading to its alert, both by the broker's clock. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from stack.heard import HeardAlert


def latencies_ms(heard: Iterable[HeardAlert], *, after_ms: int) -> list[int]:
    """Give the latency of each change caused by a reading that the broker took after `after_ms`, ascending.

    Those that time causes, not a reading, such as a silence, are left out.
    """
    return sorted(
        max(0, each.stored_at_ms - each.alert.received_at_ms)
        for each in heard
        if each.alert.received_at_ms > after_ms and not each.alert.timed
    )


def percentile(ascending: Sequence[int], share: float) -> int | None:
    """Give the smallest value that at least `share` of the values do not exceed (nearest rank); None of none."""
    return ascending[max(0, math.ceil(share * len(ascending)) - 1)] if ascending else None

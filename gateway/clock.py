"""The program's clock: the one place that reads the time of day."""

from __future__ import annotations

import time


def now_ms() -> int:
    """Give epoch milliseconds."""
    return time.time_ns() // 1_000_000

"""The one clock of serving; everything else takes the time as an argument."""

from __future__ import annotations

import time


def now_ms() -> int:
    """Give this machine's time in epoch milliseconds."""
    return time.time_ns() // 1_000_000

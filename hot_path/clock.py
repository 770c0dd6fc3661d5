"""The hot path's only clock. What it tells never reaches a fold: folds live by the broker's times."""

from __future__ import annotations

import time


def now_ms() -> int:
    """Give the local time in epoch milliseconds."""
    return int(time.time() * 1000)  # noqa: TID251 - the clock

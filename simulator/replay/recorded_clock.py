"""The clock of a recording: from what its cells say to seconds since the first row. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from simulator.replay.mapping import ClockKind
from simulator.vehicles.fleet import Floats


def told_s(kind: ClockKind, cell: str) -> float:
    """Give the seconds that a cell tells, from whatever moment; a time without a zone is taken as UTC.

    Raises ValueError for a cell of another kind.
    """
    if kind == "iso8601":
        moment = datetime.fromisoformat(cell)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return float(cell) / (1000 if kind == "epoch_ms" else 1)


def elapsed(clock_s: Floats, row_s: float | None = None) -> Floats:
    """Give seconds since the first row from a clock that may be too coarse for its rows, neighbours being equal.

    Rows of one time are spread evenly until the clock's next. The last time has no such span, nor the first where the
    clock stands still before the engine starts: there rows lie `row_s` apart; None: as far as rows usually lie.
    """
    begins = np.flatnonzero(np.diff(clock_s, prepend=clock_s[0] - 1))
    counts = np.diff(begins, append=len(clock_s))
    inner_s = np.diff(clock_s[begins])
    usual_s = row_s or (float(np.median(inner_s / counts[:-1])) if len(inner_s) else 1.0)
    spans = np.append(inner_s, usual_s * counts[-1])
    if row_s is not None:
        spans[0] = max(spans[0], row_s * counts[0])
    starts = np.concatenate([[0.0], np.cumsum(spans)[:-1]])
    within = np.arange(len(clock_s)) - np.repeat(begins, counts)
    return np.asarray(np.repeat(starts, counts) + within * np.repeat(spans / counts, counts))

"""Means of few observations, drawn towards what is expected without them: Bühlmann and Straub's credibility.

Bühlmann & Straub, "Glaubwürdigkeit für Schadensätze" (1970); as empirical Bayes, Efron & Morris (1975). An estimate is

    (n * mean + k * prior) / (n + k),    k = s² / a

with s² the variance of observations within a cell, and a the variance of the cells' true means around their priors,
both estimated from all cells at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST_K: Final = 1.0
MOST_K: Final = 100.0
_TOO_FEW: Final = 30
_K_OF_FEW: Final = 10.0
"""With less than 30 observations beyond the cells' first ones, no variance is known; ten is a cautious guess."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Observations by cell, as sums: how many, their sum, the sum of their squares (0 where there are none)."""

    count: Floats
    total: Floats
    squares: Floats

    @property
    def mean(self) -> Floats:
        """The mean of each cell, NaN where nothing was observed."""
        with np.errstate(invalid="ignore"):
            mean: Floats = np.where(self.count > 0, self.total / np.maximum(self.count, 1), np.nan)
        return mean


def credible(cells: Cells, prior: Floats) -> Floats:
    """Give each cell's estimate; a cell without observations gets its prior."""
    k = shrinkage(cells, prior)
    estimate: Floats = (cells.total + k * prior) / (cells.count + k)
    return estimate


def shrinkage(cells: Cells, prior: Floats) -> float:
    """Give k: how many observations weigh as much as the prior, between 1 and 100.

    s² = sum of squared deviations from the cells' means / sum(n - 1); a follows from
    E[ sum n (mean - prior)² ] = (cells) s² + a sum n.
    """
    seen = cells.count > 0
    count, mean = cells.count[seen], cells.mean[seen]
    freedom = float(np.sum(count - 1))
    if freedom < _TOO_FEW:
        return _K_OF_FEW
    within = float(np.sum(cells.squares[seen] - count * mean**2)) / freedom
    apart = (float(np.sum(count * (mean - prior[seen]) ** 2)) - len(count) * within) / float(np.sum(count))
    return float(np.clip(within / apart, LEAST_K, MOST_K)) if apart > 0 else MOST_K

"""Draws by hash: the same words give the same draw, whatever was drawn before and in whatever order. Pure."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Shares = NDArray[np.float64]

_UNIT: Final = 2.0**-53


def mixed(words: NDArray[Any]) -> Words:
    """Scatter 64 bits (the finalizer of SplitMix64; Steele, Lea and Flood, "Fast splittable generators", 2014)."""
    scattered = words.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    scattered = (scattered ^ (scattered >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    scattered = (scattered ^ (scattered >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(scattered ^ (scattered >> np.uint64(31)))


def share(words: Words) -> Shares:
    """Give a draw from 0..1 for each scattered word."""
    return (words >> np.uint64(11)).astype(np.float64) * _UNIT

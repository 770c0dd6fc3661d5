"""By how much a receiver is off: an error that drifts over a minute, as reflections and the sky change."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from simulator.vehicles.fleet import Floats

_MEMORY_S: Final = 45.0
"""How long an error lasts (first-order Gauss-Markov; Kaplan and Hegarty, Understanding GPS, chapter 7)."""
_UPWARDS: Final = 1.5
"""Heights are less certain than positions."""


class GpsError:
    """East, north and up in metres, one row a car; `noise_m` is the root mean square of the error on the ground."""

    def __init__(self, cars: int, noise_m: float, random: np.random.Generator) -> None:
        """Begin with errors as large as they stay."""
        each_m = noise_m / math.sqrt(2)
        self._spread_m = np.array([each_m, each_m, each_m * _UPWARDS])
        self._random = random
        self.metres: Floats = random.standard_normal((cars, 3)) * self._spread_m

    def advance(self, dt_s: float) -> None:
        """Let the errors drift; the same however the time is cut into steps, on average."""
        kept = math.exp(-dt_s / _MEMORY_S)
        fresh = self._random.standard_normal(self.metres.shape, dtype=np.float32)
        self.metres = kept * self.metres + math.sqrt(1 - kept**2) * self._spread_m * fresh

"""Where a car's lifelong counters stand as a run or a history begins. Pure functions of the event time."""

from __future__ import annotations

from typing import Final

import numpy as np

from simulator.vehicles.fleet import Fleet, Floats

SEQUENCE_EPOCH_MS: Final = 1_577_836_800_000
"""2020-01-01T00:00Z."""
SEQUENCES_PER_S: Final = 100
_ODOMETER_EPOCH_MS: Final = 1_640_995_200_000
_ODOMETER_MPS: Final = 0.6
"""A fleet car's yearly 19,000 km, from 2022-01-01 on, so that a later run finds the odometer further on."""


def sequence_base(start_ms: int) -> int:
    """Give the sequence number that a run starting at this event time counts on from.

    It grows by 100 a second of event time, faster than a car counts, so a later run never repeats
    (vehicle, trip, sequence) of an earlier one with other content; within a run it counts up by one.
    """
    return max(start_ms - SEQUENCE_EPOCH_MS, 0) * SEQUENCES_PER_S // 1000


def odometer_at(fleet: Fleet, recorded_at_ms: int) -> Floats:
    """Give each car's odometer in metres as a run or history finds it."""
    driven_s = max(recorded_at_ms - _ODOMETER_EPOCH_MS, 0) / 1000
    return np.floor((4_000 + fleet.age * 8_000) * 2_000 + driven_s * _ODOMETER_MPS)

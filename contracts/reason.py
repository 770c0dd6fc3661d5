"""Why a record is rejected: a closed list, the label of a metric and a header of the dead letter."""

from __future__ import annotations

from typing import Literal, get_args

Reason = Literal[
    "not_json",
    "too_large",
    "missing_field",
    "wrong_type",
    "bad_vin",
    "wrong_partition",
    "clock_ahead",
    "clock_behind",
    "trip_times",
    "implausible_distance",
    "implausible_fuel",
    "implausible_idle",
    "implausible_speed",
    "implausible_rpm",
    "wrong_topic",
]
REASONS: tuple[Reason, ...] = get_args(Reason)

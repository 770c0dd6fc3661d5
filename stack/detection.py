"""Asking `simulator score` how many of the injected faults the alerts found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from stack.child import Say
from stack.program import Program
from stack.verification import told_by

_WITHIN_S: Final = 120.0


class _Total(msgspec.Struct):
    injected: int
    detected: int
    recall: float | None
    false_per_1000_vehicle_hours: float | None


class Detection(msgspec.Struct, frozen=True):
    """`total` is over all rules; recall counts the faults that reached their rule's condition, None without any."""

    total: _Total


async def detection(program: Program, environment: Mapping[str, str], *, say: Say) -> Detection | None:
    """Run it; None, with the reason told, when it could not tell."""
    told = await told_by(program, environment, within_s=_WITHIN_S)
    if told is None:
        say(program.name, f"no score within {_WITHIN_S:g} s")
        return None
    lines = told[1].decode("utf-8", "replace").strip().splitlines() or [""]
    try:
        return msgspec.json.decode(lines[-1], type=Detection)
    except msgspec.DecodeError:
        say(program.name, f"no score: {lines[-1]}")
        return None

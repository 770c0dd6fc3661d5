"""Durations as people write them, the same in every program's settings: 90s, 5m, 250ms, 1h, or plain seconds."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

_UNITS_S: Final = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_WRITTEN: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)?")


def seconds(given: object) -> object:
    """Give the seconds that a text means; what is no duration stays as it is, for the settings to refuse."""
    found = _WRITTEN.fullmatch(given.strip()) if isinstance(given, str) else None
    return float(found[1]) * _UNITS_S[found[2] or ""] if found else given


Duration = Annotated[float, BeforeValidator(seconds), Field(gt=0)]
Wait = Annotated[float, BeforeValidator(seconds), Field(ge=0)]
"""A duration that may be none."""

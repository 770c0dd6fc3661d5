"""What a trouble code means and how much it matters: a table after SAE J2012, for the codes that have one meaning."""

from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from contracts.alert import SEVERITIES

if TYPE_CHECKING:
    from contracts.alert import Severity

_TABLE = Path(__file__).with_name("trouble_codes.csv")


class Meaning(NamedTuple):
    """A code's severity and its text."""

    severity: Severity
    text: str


@lru_cache(maxsize=1)
def meanings() -> dict[str, Meaning]:
    """Give the table: code to meaning. A code that is not there takes the severity of its class's rule."""
    by_name: dict[str, Severity] = {severity: severity for severity in SEVERITIES}
    with _TABLE.open(encoding="utf-8", newline="") as file:
        return {row["code"]: Meaning(by_name[row["severity"]], row["text"]) for row in csv.DictReader(file)}

"""What the commands print when they are done: a line for people, or a line of JSON."""

from __future__ import annotations

import dataclasses
import json

from rich.console import Console

from simulator.driver import Driven
from simulator.past import Written


def _show(result: object, line: str, console: Console, *, as_json: bool) -> None:
    if as_json:
        console.print_json(json.dumps(dataclasses.asdict(result), default=str), indent=None)  # type: ignore[call-overload]
    else:
        console.print(line, highlight=False)


def show_run(driven: Driven, console: Console, *, as_json: bool) -> None:
    """Tell what a run came to."""
    line = (
        f"{driven.readings_produced:,} readings of {driven.vehicles:,} cars on {driven.trips:,} trips acknowledged "
        f"in {driven.seconds:.1f} s; {driven.faults} faults injected"
    )
    _show(driven, line, console, as_json=as_json)


def show_history(written: Written, console: Console, *, as_json: bool) -> None:
    """Tell what a history came to."""
    line = (
        f"{written.readings_produced:,} readings of {written.vehicles:,} cars on {written.trips:,} trips, one every "
        f"{written.interval_s} s, acknowledged in {written.seconds:.1f} s ({written.readings_per_s:,}/s); "
        f"{written.faults} faults injected"
    )
    _show(written, line, console, as_json=as_json)

"""What the commands print when they are done: a line for people, or a line of JSON."""

from __future__ import annotations

import dataclasses
import json

from rich.console import Console

from simulator.driver import Driven


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

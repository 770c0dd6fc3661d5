"""What the commands print when they are done: a line for people, or a line of JSON."""

from __future__ import annotations

import dataclasses
import json

from rich.console import Console
from rich.table import Table

from simulator.driver import Driven
from simulator.past import Written
from simulator.recorded_trip import RecordedTrip


def _show(result: object, line: str, console: Console, *, as_json: bool) -> None:
    if as_json:
        console.print_json(json.dumps(dataclasses.asdict(result), default=str), indent=None)  # type: ignore[call-overload]
    else:
        console.print(line, highlight=False, soft_wrap=True)


def show_run(driven: Driven, console: Console, *, as_json: bool) -> None:
    """Tell what a run came to."""
    line = (
        f"{driven.readings_produced:,} readings of {driven.vehicles:,} cars on {driven.trips:,} trips acknowledged "
        f"in {driven.seconds:.1f} s; {driven.faults} faults injected{_disturbed(driven.disturbed)}"
    )
    _show(driven, line, console, as_json=as_json)


def show_history(written: Written, console: Console, *, as_json: bool) -> None:
    """Tell what a history came to."""
    line = (
        f"{written.readings_produced:,} readings of {written.vehicles:,} cars on {written.trips:,} trips, one every "
        f"{written.interval_s} s, acknowledged in {written.seconds:.1f} s ({written.readings_per_s:,}/s); "
        f"{written.faults} faults injected{_disturbed(written.disturbed)}"
    )
    _show(written, line, console, as_json=as_json)


def _disturbed(told: dict[str, int]) -> str:
    return "".join(f"; {count:,} {what}" for what, count in told.items() if count)


def show_replay(trips: list[RecordedTrip], console: Console, *, as_json: bool) -> None:
    """Tell what each recording came to: rows, duration, distance, fuel."""
    if as_json:
        console.print_json(json.dumps([_figures(trip) for trip in trips]), indent=None)
        return
    table = Table("recording", "rows", "cut off", "s", "km", "L", "L/100 km", "km/h", "idle s", title="trips sent")
    for column in table.columns[1:]:
        column.justify = "right"
    for trip in trips:
        table.add_row(*("-" if figure is None else str(figure) for figure in _figures(trip).values()))
    console.print(table)


def _figures(trip: RecordedTrip) -> dict[str, str | int | float | None]:
    consumption = trip.litres_per_100km
    return {
        "file": trip.recording.file.name,
        "rows": len(trip.recording),
        "truncated_rows": trip.recording.truncated_rows,
        "duration_s": round(trip.duration_s),
        "distance_km": round(trip.distance_m / 1000, 3),
        "fuel_l": round(trip.fuel_ml / 1000, 3),
        "l_per_100km": None if consumption is None else round(consumption, 1),
        "mean_kmh": round(trip.distance_m / trip.duration_s * 3.6, 1),
        "idle_s": trip.readings[-1].trip_idle_s,
    }

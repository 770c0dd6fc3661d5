"""What the commands print when they are done: a line for people, or a line of JSON."""

from __future__ import annotations

import dataclasses

from observability.plain_text import print_json
from observability.terminal import Console, Table
from simulator.live.driver import Driven
from simulator.live.pace import TOLD_FROM_S
from simulator.past.past_days import Written
from simulator.replay.recorded_trip import RecordedTrip
from simulator.scoring.rule_scores import RuleScore
from simulator.scoring.score import Scored


def _show(result: object, line: str, console: Console, *, as_json: bool) -> None:
    if as_json:
        print_json(dataclasses.asdict(result))  # type: ignore[call-overload]
    else:
        console.print(line, highlight=False, soft_wrap=True)


def show_run(driven: Driven, console: Console, *, as_json: bool) -> None:
    """Tell what a run came to."""
    line = (
        f"{driven.readings_produced:,} readings of {driven.vehicles:,} cars on {driven.trips:,} trips acknowledged "
        f"in {driven.seconds:.1f} s; {driven.faults} faults injected{_disturbed(driven.disturbed)}"
    )
    line += _disturbed({f"snapshots {what}": count for what, count in driven.snapshots.items()})
    if driven.behind_s >= TOLD_FROM_S:
        line += f"; behind the clock by up to {driven.behind_s:.0f} s: lower --vehicles or --rate"
    _show(driven, line, console, as_json=as_json)


def show_history(written: Written, console: Console, *, as_json: bool) -> None:
    """Tell what a history came to."""
    line = (
        f"{written.readings_produced:,} readings of {written.vehicles:,} cars on {written.trips:,} trips, one every "
        f"{written.interval_s} s, acknowledged in {written.seconds:.1f} s ({written.readings_per_s:,}/s), "
        f"waiting for the broker {written.waited_s:.1f} s; {written.faults} faults injected"
        f"{_disturbed(written.disturbed)}"
    )
    _show(written, line, console, as_json=as_json)


def _disturbed(told: dict[str, int]) -> str:
    return "".join(f"; {count:,} {what}" for what, count in told.items() if count)


def show_replay(trips: list[RecordedTrip], console: Console, *, as_json: bool) -> None:
    """Tell what each recording that was sent came to: rows, duration, distance, fuel."""
    if not trips:
        return
    if as_json:
        print_json([_figures(trip) for trip in trips])
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
        "fuel_l": None if trip.fuel_ml is None else round(trip.fuel_ml / 1000, 3),
        "l_per_100km": None if consumption is None else round(consumption, 1),
        "mean_kmh": round(trip.distance_m / trip.duration_s * 3.6, 1),
        "idle_s": trip.readings[-1].trip_idle_s,
    }


def show_score(scored: Scored, console: Console, *, as_json: bool, minimum_recall: float | None) -> None:
    """Tell how well each rule found its faults, and whether that is enough."""
    whole = scored.total
    if as_json:
        told = {
            "rules": [scored.figures(score) for score in scored.rules],
            "total": scored.figures(whole),
            "vehicle_hours": round(scored.vehicle_hours, 3),
            "minimum_recall": minimum_recall,
            "is_enough": not scored.is_under(minimum_recall),
        }
        print_json(told)
        return
    console.print(_score_table(scored, [*scored.rules, whole]))
    if minimum_recall is not None and scored.is_under(minimum_recall):
        found = (
            "no fault was injected"
            if whole.recall is None
            else f"{whole.recall:.1%} of the faults that could be found were"
        )
        console.print(f"{found}, and {minimum_recall:.1%} are asked for", style="bold red", highlight=False)


def _score_table(scored: Scored, rows: list[RuleScore]) -> Table:
    heads = (
        "rule",
        "injected",
        "reached",
        "detected",
        "missed",
        "recall",
        "related",
        "false",
        "per 1,000 h",
        "p50 s",
        "p95 s",
    )
    table = Table(*heads, title=f"alerts against the truth, {scored.vehicle_hours:,.1f} vehicle-hours")
    for column in table.columns[1:]:
        column.justify = "right"
    for row in rows:
        table.add_row(*("-" if figure is None else str(figure) for figure in scored.figures(row).values()))
    return table

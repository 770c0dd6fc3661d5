"""What a person sees of a running demo: who needs attention, who drives most efficiently, and how the stream does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from observability.terminal import Group, RenderableType, Table, Text
from stack.report import Report

_SEVERITY_STYLES = {"critical": "bold red", "warning": "yellow", "info": "cyan"}


def attention_table(vehicles: Sequence[Mapping[str, Any]]) -> Table:
    """Give the cars in need of attention, in the order of the API's answer."""
    table = Table("vehicle", "model", "severity", "what is wrong", title="Needs attention now", title_justify="left")
    for vehicle in vehicles:
        severity = str(vehicle.get("severity", ""))
        style = _SEVERITY_STYLES.get(severity, "")
        table.add_row(
            str(vehicle.get("vehicle_id", "")),
            str(vehicle.get("model") or ""),
            Text(severity, style=style),
            str(vehicle.get("message", "")),
        )
    return table


def ranking_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Give the most fuel efficient cars, in the order of the API's answer."""
    table = Table("rank", "vehicle", "model", "L/100 km", "km", title="Most fuel efficient", title_justify="left")
    for row in rows:
        litres, metres = row.get("litres_per_100km"), row.get("distance_m")
        table.add_row(
            str(row.get("rank", "")),
            str(row.get("key", "")),
            str(row.get("model") or ""),
            f"{litres:.2f}" if litres is not None else "",
            f"{metres / 1000:.1f}" if metres is not None else "",
        )
    return table


def stream_line(*, readings: int, hot_lag: int, cold_lag: int, alerts: int, p50_ms: int | None) -> str:
    """Give how the stream does in one line."""
    latency = f"{p50_ms} ms" if p50_ms is not None else "none yet"
    return (
        f"{readings:,} readings; behind: hot path {hot_lag:,}, cold path {cold_lag:,}; "
        f"{alerts:,} alert{'' if alerts == 1 else 's'} raised; reading to alert (median): {latency}"
    )


def report_table(report: Report, wrong: Sequence[str]) -> RenderableType:
    """Give the figures, and what is wrong with them or with the run."""
    table = Table("figure", "value", title="Report", title_justify="left")
    for name in report.__struct_fields__:
        value = getattr(report, name)
        table.add_row(name, f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value))
    return Group(table, *(Text(complaint, style="bold red") for complaint in wrong))

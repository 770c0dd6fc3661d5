"""How answers look on a terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from observability.plain_text import visible
from observability.terminal import Table, Text

if TYPE_CHECKING:
    from collections.abc import Iterable

_COLOURS: Final = {"critical": "bold red", "warning": "yellow", "info": "cyan"}


def severity(of: dict[str, Any]) -> Text:
    """Give a severity in its colour; a cleared alert has none."""
    name = of["severity"]
    return Text(name, "dim" if of.get("state") == "cleared" else _COLOURS.get(name, ""))


def moment(at_ms: int | None) -> str:
    """Give a time of day with its day, UTC."""
    return "-" if at_ms is None else f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def attention(answer: dict[str, Any]) -> Table:
    """Show the cars that need attention, the most urgent first."""
    opened = ", ".join(f"{number} {name}" for name, number in answer["open_alerts"].items())
    table = Table(title=f"{answer['vehicles_in_need']} vehicles need attention; open alerts: {opened}")
    for column in ("severity", "vehicle", "model", "fleet", "since (UTC)", "seen by", "what to do"):
        table.add_column(column, overflow="fold")
    for item in answer["vehicles"]:
        seen = next((alert["acknowledged_by"] for alert in item["alerts"] if alert.get("acknowledged_by")), None)
        what = item["message"] + (f" (and {len(item['alerts']) - 1} more)" if len(item["alerts"]) > 1 else "")
        names = (item["vehicle_id"], item["model"] or "-", item["fleet"] or "-")
        table.add_row(severity(item), *names, moment(item["since_ms"]), seen or "-", what)
    return table


def ranking(answer: dict[str, Any]) -> Table:
    """Show a ranking by fuel efficiency."""
    period = f"{answer['period_kind']} {answer['period']}"
    title = f"{answer['ranked']} ranked by {answer['by']}, {answer['order']} first; {period}"
    table = Table(title=title, caption=f"{answer['view']} view, known up to {moment(answer['as_of_ms'])} UTC")
    numbers = ("L/100 km", "mpg", "g CO2/km", "km", "index", "driver")
    is_of_vehicles = answer["scope"] == "vehicle"
    for column in ("rank", answer["scope"], *(["model"] if is_of_vehicles else []), *numbers):
        table.add_column(column, justify="right" if column == "rank" or column in numbers else "left")
    for place in answer["places"]:
        table.add_row(
            str(place["rank"]),
            place["key"],
            *([place["model"] or "-"] if is_of_vehicles else []),
            _number(place["litres_per_100km"], 2),
            _number(place["mpg_us"], 1),
            _number(place["co2_g_per_km"], 0),
            _number(place["distance_m"] / 1000, 1),
            _number(place["efficiency_index"], 0),
            _number(place["driver_index"], 0),
        )
    return table


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def routes(answer: dict[str, Any]) -> Table:
    """Show the way that was asked for, and the cheapest by other measures."""
    title = f"{answer['from']['name']} to {answer['to']['name']}"
    table = Table(title=title, caption=f"{answer['vehicle_class']} vehicle; costs: {answer['costs']}")
    for column in ("cheapest by", "km", "minutes", "fuel ml", "L/100 km", "streets"):
        table.add_column(column, overflow="fold", justify="left" if column in {"cheapest by", "streets"} else "right")
    for feature in answer["features"]:
        way = feature["properties"]
        table.add_row(
            way["by"],
            _number(way["distance_m"] / 1000, 2),
            _number(way["seconds"] / 60, 1),
            _number(way["fuel_ml"], 0),
            _number(way["litres_per_100km"], 2),
            ", ".join(way["streets"]) or "-",
        )
    return table


def alerts(rows: Iterable[dict[str, Any]]) -> Table:
    """Show alerts, the newest first."""
    table = Table()
    for column in ("raised (UTC)", "severity", "state", "vehicle", "rule", "message", "alert"):
        table.add_column(column, overflow="fold")
    for alert in rows:
        table.add_row(
            moment(alert["raised_at_ms"]), severity(alert), _state(alert), alert["vehicle_id"], alert["rule"],
            alert["message"], alert["alert_id"],
        )  # fmt: skip
    return table


def _state(alert: dict[str, Any]) -> str:
    if alert.get("resolved_by"):
        return f"resolved by {alert['resolved_by']}"
    seen = f", seen by {alert['acknowledged_by']}" if alert.get("acknowledged_by") else ""
    return f"{alert['state']}{seen}"


def alert_line(alert: dict[str, Any]) -> Text:
    """Give one event of a stream as a line."""
    told = f" {alert['state']:<9} {alert['vehicle_id']} {alert['rule']}: {alert['message']}"
    line = Text(f"{moment(alert['changed_at_ms'])} ")
    line.append(severity(alert)).append(visible(told, keeps=""))
    return line

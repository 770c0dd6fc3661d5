"""Alerts as the API answers them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from contracts.alert import AlertState, ClearReason, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.queries.alerts import AlertHistory, AlertRow, OpenCount
    from api.queries.pipeline import MostlyRejected
    from api.queries.vehicles import Listed

Evidence = dict[str, Any]

_EXAMPLE: dict[str, Any] = {
    "alert_id": "4e7c8a0e-6f43-5d0e-8f1e-0d6f8a1f2b3c",
    "vehicle_id": "1HGCM82633A004352",
    "rule": "coolant_overheating",
    "severity": "critical",
    "state": "raised",
    "is_open": True,
    "needs_attention": True,
    "message": "Coolant at 118 °C: stop and let the engine cool",
    "trouble_code": "P0217",
    "change": 1,
    "raised_at_ms": 1795248000000,
    "changed_at_ms": 1795248000000,
    "received_at_ms": 1795248000120,
    "available_at_ms": 1795248000131,
    "evidence": {"coolant_c": 118.0},
    "worst": {"coolant_c": 121.5},
    "latitude_deg": 48.137,
    "longitude_deg": 11.575,
}


class AlertAnswer(BaseModel):
    """An alert as it stands. `raised_at_ms` and `changed_at_ms` are event time; the other two are the broker's."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    alert_id: str
    vehicle_id: str
    rule: str
    severity: Severity
    state: AlertState
    is_open: bool = Field(description="neither cleared nor resolved by a person")
    needs_attention: bool = Field(description="open and not acknowledged since it last got worse")
    message: str
    trouble_code: str | None = None
    clear_reason: ClearReason | None = None
    change: int = Field(description="the latest change of the episode, counting from 1")
    raised_at_ms: int
    changed_at_ms: int
    cleared_at_ms: int | None = None
    received_at_ms: int = Field(description="broker time of the reading that raised it")
    available_at_ms: int = Field(description="broker time of the alert itself")
    evidence: Evidence
    worst: Evidence
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    acknowledged_by: str | None = None
    acknowledged_at_ms: int | None = None
    resolved_by: str | None = None
    resolved_at_ms: int | None = None
    partition: int = Field(
        description="of vehicle-readings, with `source_offset`: the reading behind the latest change"
    )
    source_offset: int
    rules_hash: str


class ChangeAnswer(BaseModel):
    """One event of an alert's life."""

    change: int
    state: AlertState
    severity: Severity
    changed_at_ms: int
    received_at_ms: int
    message: str
    clear_reason: ClearReason | None = None


class ActionAnswer(BaseModel):
    """What a person did about an alert."""

    action_id: str
    action: str
    by: str
    at_ms: int
    note: str | None = None
    force: bool = Field(default=False, description="resolved although the episode went on")


class AlertDetail(AlertAnswer):
    """An alert with its history."""

    changes: list[ChangeAnswer] = Field(description="the latest 100, in their order")
    actions: list[ActionAnswer] = Field(description="the latest 100, oldest first")
    change_count: int = Field(description="how many changes are kept")
    action_count: int = Field(description="how many actions are kept")


class AlertPage(BaseModel):
    """Alerts, newest first."""

    alerts: list[AlertAnswer]
    next_cursor: str | None = Field(description="give it as `cursor` for the next page; null on the last")


class AttentionItem(BaseModel):
    """A vehicle that needs somebody, and why."""

    vehicle_id: str
    model: str | None
    fleet: str | None
    severity: Severity
    reason: str = Field(description="alert, or readings_rejected", examples=["alert"])
    needs_attention: bool = Field(description="false when every open alert was acknowledged")
    since_ms: int = Field(description="raise of its most urgent alert; event time")
    is_silent: bool
    last_received_at_ms: int | None
    message: str
    alerts: list[AlertAnswer] = Field(description="its open alerts, the most urgent 10 at most")
    open_alerts: int = Field(description="how many open alerts it has")
    all_alerts: str = Field(description="where all of them are", examples=["/v1/alerts?vehicle_id=V&is_open=true"])


class Attention(BaseModel):
    """Vehicles in need of attention, by their most urgent alert: severity, then unacknowledged, then oldest."""

    vehicles: list[AttentionItem]
    vehicles_in_need: int = Field(description="how many there are, also beyond `limit`")
    open_alerts: dict[Severity, int]


# The functions below give what the models above describe, field for field and in their order, ready to be encoded.
# A list has hundreds of rows, and a model each would take ten times as long; tests compare the two byte by byte.
_ALERT = tuple(AlertAnswer.model_fields)
_CHANGE = tuple(ChangeAnswer.model_fields)
_ACTION = tuple(ActionAnswer.model_fields)


def alert(row: AlertRow) -> dict[str, Any]:
    """Give an AlertAnswer from a row of the store."""
    held = row._mapping  # noqa: SLF001 - the public name of it, despite the underscore
    answer = {name: held[name] for name in _ALERT}
    return answer | {name: msgspec.Raw(answer[name]) for name in ("evidence", "worst")}


def alert_told(history: AlertHistory) -> dict[str, Any]:
    """Give an AlertDetail."""
    changes = [{name: getattr(change, name) for name in _CHANGE} for change in history.changes]
    actions = [{name: getattr(action, name) for name in _ACTION} for action in history.actions]
    counts = {"change_count": history.change_count, "action_count": history.action_count}
    return alert(history.row) | {"changes": changes, "actions": actions} | counts


def open_of(vehicle_id: str, alerts: Sequence[AlertRow], count: OpenCount) -> dict[str, Any]:
    """Give a vehicle's open alerts: the most urgent ones, how many there are, and where all are."""
    all_alerts = f"/v1/alerts?vehicle_id={quote(vehicle_id, safe='')}&is_open=true"
    return {"alerts": [alert(one) for one in alerts], "open_alerts": count.alerts, "all_alerts": all_alerts}


def alerted(vehicle: Listed, alerts: Sequence[AlertRow], count: OpenCount) -> dict[str, Any]:
    """Give an AttentionItem from the most urgent ones of its open alerts, in that order."""
    first = alerts[0]
    return {
        "vehicle_id": vehicle.vehicle_id,
        "model": vehicle.model,
        "fleet": vehicle.fleet,
        "severity": first.severity,
        "reason": "alert",
        "needs_attention": count.in_need > 0,
        "since_ms": first.raised_at_ms,
        "is_silent": vehicle.is_silent,
        "last_received_at_ms": vehicle.last_received_at_ms,
        "message": first.message,
    } | open_of(vehicle.vehicle_id, alerts, count)


def unbelieved(
    vehicle: Listed, rejected: MostlyRejected, alerts: Sequence[AlertRow], count: OpenCount
) -> dict[str, Any]:
    """Give an AttentionItem of a vehicle whose readings are mostly rejected, with its open alerts."""
    believed = f"{rejected.believed} believed" if rejected.believed else "none believed"
    return {
        "vehicle_id": vehicle.vehicle_id,
        "model": vehicle.model,
        "fleet": vehicle.fleet,
        "severity": "warning",
        "reason": "readings_rejected",
        "needs_attention": True,
        "since_ms": rejected.since_ms,
        "is_silent": vehicle.is_silent,
        "last_received_at_ms": vehicle.last_received_at_ms,
        "message": f"{rejected.readings} readings rejected and {believed} since: {rejected.reason}",
    } | open_of(vehicle.vehicle_id, alerts, count)

"""Alerts as the API answers them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from contracts.alert import AlertState, ClearReason, Severity

if TYPE_CHECKING:
    from sqlalchemy import Row

    from api.queries.alerts import AlertHistory
    from api.queries.pipeline import MostlyRejected
    from api.queries.vehicles import Known

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

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """Make it from a row of the store."""
        return cls(**_fields(row))


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

    changes: list[ChangeAnswer]
    actions: list[ActionAnswer]

    @classmethod
    def told(cls, history: AlertHistory) -> Self:
        """Make it from an alert's history."""
        changes = [ChangeAnswer.model_validate(change, from_attributes=True) for change in history.changes]
        actions = [ActionAnswer.model_validate(action, from_attributes=True) for action in history.actions]
        return cls(**_fields(history.row), changes=changes, actions=actions)


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
    alerts: list[AlertAnswer]

    @classmethod
    def alerted(cls, vehicle: Known, alerts: list[Row[Any]]) -> Self:
        """Make it from a vehicle's open alerts, the most urgent first."""
        first = AlertAnswer.of(alerts[0])
        return cls(
            **described(vehicle),
            severity=first.severity,
            reason="alert",
            needs_attention=any(alert.needs_attention for alert in alerts),
            since_ms=first.raised_at_ms,
            message=first.message,
            alerts=[first, *(AlertAnswer.of(alert) for alert in alerts[1:])],
        )

    @classmethod
    def unbelieved(cls, vehicle: Known, rejected: MostlyRejected, alerts: list[Row[Any]]) -> Self:
        """Make it from a vehicle whose readings are mostly rejected, with its open alerts."""
        believed = f"{rejected.believed} believed" if rejected.believed else "none believed"
        return cls(
            **described(vehicle),
            severity="warning",
            reason="readings_rejected",
            needs_attention=True,
            since_ms=rejected.since_ms,
            message=f"{rejected.readings} readings rejected and {believed} since: {rejected.reason}",
            alerts=[AlertAnswer.of(alert) for alert in alerts],
        )


class Attention(BaseModel):
    """Vehicles in need of attention: severity, then unacknowledged, then oldest."""

    vehicles: list[AttentionItem]
    vehicles_in_need: int = Field(description="how many there are, also beyond `limit`")
    open_alerts: dict[Severity, int]


def described(vehicle: Known) -> dict[str, Any]:
    """Give what lists say about a vehicle."""
    registry, latest = vehicle.registry, vehicle.latest
    return {
        "vehicle_id": vehicle.vehicle_id,
        "model": registry.model_name if registry else None,
        "fleet": registry.fleet if registry else None,
        "is_silent": bool(latest.is_silent) if latest else False,
        "last_received_at_ms": latest.received_at_ms if latest else None,
    }


def _fields(row: Row[Any]) -> dict[str, Any]:
    fields = dict(row._mapping)  # noqa: SLF001 - the public name of it, despite the underscore
    return fields | {name: msgspec.json.decode(fields[name]) for name in ("evidence", "worst")}

"""An alert's life, one event a change: raised, escalated, cleared; and what people did about it."""

from __future__ import annotations

import uuid
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from contracts.bounds import LARGEST_INTEGER, Count, Name, SmallCount, Text

Severity = Literal["info", "warning", "critical"]
AlertState = Literal["raised", "escalated", "cleared"]
ClearReason = Literal["recovered", "signal_lost", "heard_again", "rule_removed"]
ActionKind = Literal["acknowledge", "resolve", "note"]
_Whole = Annotated[int, Meta(ge=-LARGEST_INTEGER, le=LARGEST_INTEGER)]
_Values = Annotated[list[float], Meta(max_length=100)]
Evidence = Annotated[dict[Name, float | _Whole | Text | bool | _Values | None], Meta(max_length=250)]
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
"""In rising order."""

_NAMESPACE = uuid.UUID("5e1d9a52-6d0f-5b0c-9a43-3c5a4bb1a3c7")


class Alert(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change of one episode; the value of topic `engine-alerts`, keyed by VIN.

    (alert_id, change) identifies the event; `change` counts 1, 2, 3 … within the episode. Times are epoch
    milliseconds: `raised_at_ms`, `changed_at_ms` in event time, `received_at_ms` at the broker, of the reading at
    `partition` and `offset` that caused the change.
    """

    alert_id: Name
    change: SmallCount
    vehicle_id: Name
    rule: Name
    rules_hash: Name
    severity: Severity
    state: AlertState
    raised_at_ms: Count
    changed_at_ms: Count
    received_at_ms: Count
    partition: SmallCount
    offset: Count
    message: Text
    trouble_code: Name | None = None
    clear_reason: ClearReason | None = None
    timed: bool = False
    """Raised by the passing of time and not by a reading, so it has no event-to-alert latency."""
    evidence: Evidence = {}
    """The signals that the rule reads, at the raise."""
    worst: Evidence = {}
    """The same signals at the worst reading so far."""
    latitude_deg: Latitude | None = None
    longitude_deg: Longitude | None = None
    fold_version: SmallCount = 1
    """Of the code that raised it, beside its rules: only what one pair has judged can be compared."""


class AlertAction(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a person did about an alert; the value of topic `alert-actions`, keyed `alert_id:action_id`."""

    alert_id: Name
    action_id: Name
    action: ActionKind
    by: Name
    at_ms: Count
    note: Text | None = None
    force: bool = False


def alert_id(vehicle_id: str, episode: str, trip_started_at_ms: int, sequence: int) -> str:
    """Name an episode by its first pending reading, so that whoever computes it again gives it the same name.

    `episode` is the rule's name; for a rule over trouble codes `rule:code`, as several codes can begin in one reading.
    """
    return str(uuid.uuid5(_NAMESPACE, f"{vehicle_id}|{episode}|{trip_started_at_ms}|{sequence}"))

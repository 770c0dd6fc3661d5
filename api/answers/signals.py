"""The signals around an alert, as the API answers them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

_EXAMPLE: dict[str, Any] = {
    "alert_id": "4e7c8a0e-6f43-5d0e-8f1e-0d6f8a1f2b3c",
    "vehicle_id": "1HGCM82633A004352",
    "source": "kafka",
    "event_at_ms": 1795248000000,
    "from_ms": 1795247940120,
    "until_ms": 1795248060120,
    "readings": [{"recorded_at_ms": 1795248000000, "received_at_ms": 1795248000120, "offset": 421, "coolant_c": 118.0}],
}


class SignalsAnswer(BaseModel):
    """Readings around the one that raised an alert, oldest first; times of the span are the broker's."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    alert_id: str
    vehicle_id: str
    source: Literal["kafka", "lake"] = Field(description="kafka, or lake where the readings have expired in Kafka")
    event_at_ms: int = Field(description="event time of the raise")
    from_ms: int
    until_ms: int
    readings: list[dict[str, Any]] = Field(
        description="`recorded_at_ms`, `received_at_ms`, `offset`, and the signals, named as on the wire; "
        "the 2,000 nearest to the raise at most"
    )

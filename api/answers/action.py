"""What people send about an alert, and what they hear back."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from contracts.alert import ActionKind, AlertAction

if TYPE_CHECKING:
    from collections.abc import Callable

_By = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]*$")]
_Note = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000, pattern=r"^[^\x00]*$")
]  # PostgreSQL keeps no NUL
_Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [fields]})


class _Act(BaseModel):
    by: _By = Field(description="who does it")
    action_id: _Id | None = Field(
        default=None, description="yours, to send the same again without doing it twice; made up when absent"
    )


class Acknowledge(_Act):
    """Somebody has seen it and takes care."""

    model_config = _example(by="ann", note="called the driver")

    note: _Note | None = None


class Resolve(_Act):
    """It is over; an episode that goes on takes `force` and a note."""

    model_config = _example(by="ann", force=True, note="sensor replaced in the workshop")

    note: _Note | None = None
    force: bool = Field(default=False, description="close it although the episode goes on; needs a note")


class Note(_Act):
    """Something worth knowing about it."""

    model_config = _example(by="ann", note="the driver says the fan is loud")

    note: _Note


def action_of(
    kind: ActionKind, alert_id: str, sent: Acknowledge | Resolve | Note, clock: Callable[[], int]
) -> AlertAction:
    """Make the action that goes into the topic."""
    return AlertAction(
        alert_id=alert_id,
        action_id=sent.action_id or str(uuid.uuid4()),
        action=kind,
        by=sent.by,
        at_ms=clock(),
        note=sent.note,
        force=isinstance(sent, Resolve) and sent.force,
    )


class Accepted(BaseModel):
    """The action is in Kafka and will not be lost; the store does not show it yet."""

    status: Literal["accepted"] = "accepted"
    alert_id: str
    action_id: str
    action: ActionKind
    by: str
    at_ms: int
    note: str | None

    @classmethod
    def of(cls, action: AlertAction) -> Self:
        """Make it from what was written."""
        return cls(
            alert_id=action.alert_id,
            action_id=action.action_id,
            action=action.action,
            by=action.by,
            at_ms=action.at_ms,
            note=action.note,
        )

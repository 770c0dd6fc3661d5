"""What people send about an alert, and what they hear back."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from contracts.alert import ActionKind, AlertAction
from observability.plain_text import UNSAFE

if TYPE_CHECKING:
    from collections.abc import Callable

_UNSAFE_NAME: Final = re.compile(f"[{UNSAFE}]")
_UNSAFE_NOTE: Final = re.compile(rf"(?![\t\n\r\u200c\u200d\ufe0e\ufe0f])[{UNSAFE}]")
"""In a note lines may end, and emoji and scripts that join their letters have what they need."""


def _free_of(unsafe: re.Pattern[str]) -> AfterValidator:
    def checked(text: str) -> str:
        if found := unsafe.search(text):
            character = f"U+{ord(found[0]):04X}"
            message = "has the character {character}, which is not seen or hides what is; leave it out"
            raise PydanticCustomError("unsafe_character", message, {"character": character})
        return text

    return AfterValidator(checked)


_By = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), _free_of(_UNSAFE_NAME)]
_Note = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000), _free_of(_UNSAFE_NOTE)]
_Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [fields]})


class _Act(BaseModel):
    by: _By = Field(description="who does it, as the client says; the audit log has the name of the key")
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
